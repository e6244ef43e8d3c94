import io
import tarfile
from pathlib import Path

import yaml
from flask.testing import FlaskClient

from portal.pages import Settings, create_app

CHARTS = Path(__file__).parents[3] / "charts"
VERSION = yaml.safe_load((CHARTS / "neurox-workload/Chart.yaml").read_text())["version"]


def client(folder: Path | None) -> FlaskClient:
    return create_app(Settings(api_url="http://127.0.0.1:1", charts_dir=folder)).test_client()


def test_the_workload_chart_of_this_version_comes_without_signing_in() -> None:
    answer = client(CHARTS).get(f"/charts/neurox-workload-{VERSION}.tgz")
    assert answer.status_code == 200
    with tarfile.open(fileobj=io.BytesIO(answer.data), mode="r:gz") as package:
        names = package.getnames()
    assert "neurox-workload/Chart.yaml" in names
    assert "neurox-workload/files/guard.yaml" in names
    assert "neurox-workload/templates/agent/daemonset.yaml" in names


def test_no_other_chart_and_no_other_file_comes() -> None:
    for name in ("neurox-workload-9.9.9.tgz", "neurox-0.1.0.tgz", "..%2Fneurox%2Fvalues.yaml"):
        assert client(CHARTS).get(f"/charts/{name}").status_code == 404
    assert client(None).get(f"/charts/neurox-workload-{VERSION}.tgz").status_code == 404


def test_it_tells_that_it_lives_without_asking_the_api() -> None:
    assert client(None).get("/healthz").data == b"ok\n"
