from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from infra.local.sandbox import arguments
from infra.local.sandbox.layout import LISTENERS, STAGES, Layout

LAYOUT = Layout.of("sandbox-2", Path("/state/sandbox-2"), lambda name: 20_000 + len(name))


def test_ports_are_asked_for_under_the_name_of_the_cluster() -> None:
    asked: list[str] = []
    Layout.of("sandbox-2", Path("/state"), lambda name: asked.append(name) or 1)
    assert asked == [f"sandbox-2/{role}" for role in LISTENERS]


@pytest.mark.parametrize(
    "made",
    [
        arguments.etcd,
        arguments.apiserver,
        arguments.controller_manager,
        arguments.scheduler,
        arguments.kwok,
    ],
)
def test_no_server_listens_beyond_the_loopback_interface(made) -> None:
    said = [flag for flag in made(LAYOUT) if "address" in flag or "listen" in flag]
    assert said
    assert all("127.0.0.1" in flag for flag in said if "types" not in flag)


def test_with_an_address_the_api_server_is_reached_from_outside_and_reaches_kubelets() -> None:
    flags = arguments.apiserver(replace(LAYOUT, address="10.253.1.2"))
    assert "--advertise-address=10.253.1.2" in flags
    assert any(flag.startswith("--kubelet-client-certificate=") for flag in flags)
    assert not any("endpoint-reconciler" in flag for flag in flags)


def test_no_secret_stands_on_a_command_line() -> None:
    for flag in arguments.apiserver(LAYOUT):
        assert "-key" not in flag.partition("=")[2]
        assert flag.startswith("--")


def test_only_pods_that_say_so_end_by_themselves() -> None:
    stages = {stage["metadata"]["name"]: stage for stage in yaml.safe_load_all(STAGES.read_text())}
    complete = stages["pod-complete"]["spec"]
    keys = [entry["key"] for entry in complete["selector"]["matchExpressions"]]
    assert any("neurox.io/simulated-run-seconds" in key for key in keys)
    assert "startTime" in complete["delay"]["durationFrom"]["jq"]["expression"]
