"""With a bucket: the real Thanos takes the arguments that the chart renders, and keeps metrics."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import urllib3

from infra.tools.toolbox import Toolbox
from portal import check, round_trip
from tests.conftest import free_port

SECONDS = 60.0
BUCKET = {"thanos": {"objectStorage": {"existingSecret": "bucket"}}}
TENANT = {"THANOS-TENANT": "c-1"}


@dataclass
class Plane:
    """The Thanos of a rendered chart as processes: each port and folder of a pod has its own."""

    folder: Path
    args: dict[str, list[str]]
    ports: dict[tuple[str, str], int] = field(default_factory=dict)

    def port(self, component: str, inside: str) -> int:
        """Where a port of a component's pod is here."""
        return self.ports.setdefault((component, inside), free_port())

    def url(self, component: str, inside: str) -> str:
        """The same, to ask."""
        return f"http://127.0.0.1:{self.port(component, inside)}"

    def here(self, component: str, arg: str) -> str:
        """An argument with this machine's addresses and folders, and otherwise untouched."""
        name, _, value = arg.partition("=")
        host, _, inside = value.rpartition(":")
        if host == "0.0.0.0":  # noqa: S104 - compared, not listened on
            return f"{name}=127.0.0.1:{self.port(component, inside)}"
        if host.startswith("dns+neurox-"):
            there = host.removeprefix("dns+neurox-")
            return f"{name}=127.0.0.1:{self.port(there, inside)}"
        if value == "/data":
            return f"{name}={self.folder / component}"
        if value.startswith("/etc/neurox/bucket/"):
            return f"{name}={self.folder / value.removeprefix('/etc/neurox/bucket/')}"
        return arg

    @contextmanager
    def running(self, component: str) -> Iterator[subprocess.Popen[bytes]]:
        """The component, once it is ready by its own word; stopped by SIGTERM, as in a pod."""
        program = str(Toolbox.from_env().path("thanos"))
        argv = [program, *(self.here(component, arg) for arg in self.args[component])]
        log = self.folder / f"{component}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(argv, stdout=out, stderr=out)
        try:
            ready = f"{self.url(component, '10902')}/-/ready"
            await_true(lambda: process.poll() is not None or answers(ready), f"{component} ready")
            assert process.poll() is None, log.read_text()[-2000:]
            yield process
        finally:
            process.terminate()
            process.wait(timeout=SECONDS)


@pytest.fixture
def plane(render: Any, tmp_path: Path) -> Plane:
    """Receive, query, store and compact as rendered, at a bucket that is a folder."""
    args = {
        container["name"].removeprefix("thanos-"): container["args"]
        for each in render("neurox", BUCKET)
        if each["kind"] in ("Deployment", "StatefulSet")
        for container in each["spec"]["template"]["spec"]["containers"]
        if container["name"].startswith("thanos-")
    }
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    (tmp_path / "objstore.yml").write_text(
        f"type: FILESYSTEM\nconfig: {{directory: {bucket}}}\nprefix: neurox\n"
    )
    return Plane(tmp_path, {f"thanos-{name}": words for name, words in args.items()})


@pytest.mark.slow
def test_what_receive_gave_to_the_bucket_is_read_through_store(plane: Plane) -> None:
    http = urllib3.PoolManager()
    with ExitStack() as both:
        both.enter_context(plane.running("thanos-query"))
        query = plane.url("thanos-query", "10902")
        with plane.running("thanos-receive"):
            receive = f"{plane.url('thanos-receive', '19291')}/api/v1/receive"
            round_trip.write(http, receive, TENANT, 42.5)
            await_true(lambda: round_trip.read(http, query) == [42.5], "the sample, from receive")
            # `helm test` writes as a tenant of its own.
            assert list(check.metrics(receive, query)) == []
            (lost,) = check.metrics(receive, f"{query}/nowhere", patience=0)
            assert "answered 404" in lost
        # Receive is gone; what it held in memory is in the bucket.
        assert list((plane.folder / "bucket").rglob("meta.json"))
        both.enter_context(plane.running("thanos-store"))
        await_true(lambda: 42.5 in round_trip.read(http, query), "the sample, from the bucket")


@pytest.mark.slow
def test_compact_goes_over_the_bucket_and_goes_on(plane: Plane) -> None:
    with plane.running("thanos-compact") as process:
        metrics = f"{plane.url('thanos-compact', '10902')}/metrics"
        await_true(lambda: "thanos_compact_iterations_total 1" in text(metrics), "one pass")
        assert "thanos_compact_halted 0" in text(metrics)
        assert process.poll() is None


def test_without_a_bucket_there_is_no_store_and_nothing_of_it_in_the_others(render: Any) -> None:
    objects = render("neurox")
    names = {each["metadata"]["name"] for each in objects}
    assert not {"neurox-thanos-store", "neurox-thanos-compact"} & names
    assert "objstore" not in str(objects)


@pytest.mark.parametrize(("keep", "when"), [(True, "Retain"), (False, "Delete")])
def test_volumes_with_data_go_by_keep_data_and_scratch_always_goes(
    render: Any, keep: bool, when: str
) -> None:
    gone = {
        each["metadata"]["name"]: each["spec"]["persistentVolumeClaimRetentionPolicy"][
            "whenDeleted"
        ]
        for each in render("neurox", {**BUCKET, "keepData": keep})
        if each["kind"] == "StatefulSet"
    }
    data = {"neurox-redis": when, "neurox-thanos-receive": when}
    assert gone == {**data, "neurox-thanos-compact": "Delete"}


def text(url: str) -> str:
    return urllib3.request("GET", url, timeout=5, retries=False).data.decode()


def answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, timeout=5, retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def await_true(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {SECONDS:g} s: {what}"
        time.sleep(0.1)
