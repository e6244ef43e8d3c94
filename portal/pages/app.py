"""The pages as one Flask app."""

import tempfile
from pathlib import Path

from flask import Flask
from whitenoise import WhiteNoise

from portal.pages import (
    assets,
    caller,
    charts,
    cluster_keys,
    cluster_record,
    cluster_versions,
    clusters,
    compression,
    errors,
    gpus,
    health,
    join_tokens,
    links,
    other_version,
    overview,
    packages,
    submit,
    tables,
    templating,
    theme,
    workloads,
)
from portal.pages.settings import Place

MOST_FORM_BYTES = 64 * 1024


def create_app(settings: Place) -> Flask:
    """The pages, their static files and their error pages; the API is at ``settings.api_url``."""
    app = Flask("portal.pages", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_FORM_BYTES
    app.extensions["neurox_pages"] = settings
    templating.equip(app)
    errors.handle(app)
    caller.close_after_request(app)
    compression.compress(app)
    for bp in (
        overview.bp,
        clusters.bp,
        links.bp,
        cluster_keys.bp,
        cluster_record.bp,
        cluster_versions.bp,
        join_tokens.bp,
        gpus.bp,
        workloads.bp,
        submit.bp,
        charts.bp,
        theme.bp,
        packages.bp,
        health.bp,
        other_version.bp,
        *tables.blueprints(),
    ):
        app.register_blueprint(bp)
    _serve_static(app)
    return app


def _serve_static(app: Flask) -> None:
    # Lives as long as the app: its finalizer removes the folder.
    folder = tempfile.TemporaryDirectory(prefix="neurox-static-")
    app.extensions["neurox_static"] = folder
    assets.stage(Path(folder.name))
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=folder.name,
        prefix=assets.PREFIX,
        # Every name holds the hash of its content.
        immutable_file_test=lambda *_: True,
        allow_all_origins=False,
    )
