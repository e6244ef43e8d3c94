"""The API app, mounted at ``/api/v1``."""

from typing import Any

from apiflask import APIFlask
from flask import Response
from redis import Redis

from portal import problem
from portal.api import (
    access,
    answer,
    body,
    clusters,
    credentials,
    gpus,
    groups,
    health,
    links,
    me,
    nodes,
    openapi,
    overview,
    pools,
    projects,
    quotas,
    series,
    users,
    workloads,
)
from portal.api.stores import Stores
from portal.api.thanos import Thanos
from portal.auth.identity import Identity
from portal.settings import Settings
from portal.strict_request import BODY_LIMIT, StrictRequest

NOUNS = (
    me,
    overview,
    clusters,
    credentials,
    links,
    nodes,
    gpus,
    pools,
    groups,
    projects,
    quotas,
    workloads,
    users,
    series,
    health,
)


def create_app(settings: Settings, redis: Redis) -> APIFlask:
    """The app; its routes are under the place it is mounted at."""
    app = APIFlask(__name__, title="Neurox", version="1", docs_path=None)
    app.static_folder = None
    app.request_class = StrictRequest
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.extensions["neurox.settings"] = settings
    app.extensions["neurox.stores"] = Stores(redis)
    app.extensions["neurox.thanos"] = Thanos(settings.thanos_url)
    openapi.describe(app)
    problem.register(app)
    body.register(app)
    access.guard(app, Identity(redis, settings.secure), settings)
    answer.cacheable(app)
    for noun in NOUNS:
        app.register_blueprint(noun.bp)

    @app.errorhandler(answer.BadQuery)
    def bad_query(error: answer.BadQuery) -> Response:
        found: list[Any] = [problem.field_error(error.field, str(error), "query")]
        return problem.problem(error.status, str(error), found)

    return app
