"""The alert of a lost cluster, judged by promtool: when it fires, and what it says."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.tools.toolbox import Toolbox

ON = {"alerts": {"enabled": True, "labels": {"release": "mine"}}}


def made(render: Any, values: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in render("neurox", values) if each["kind"] == kind]


@pytest.mark.parametrize("kind", ["PodMonitor", "PrometheusRule"])
def test_alerts_are_made_on_request_with_the_labels_that_prometheus_chooses_by(
    render: Any, kind: str
) -> None:
    assert made(render, {}, kind) == []
    (found,) = made(render, ON, kind)
    assert found["metadata"]["labels"]["release"] == "mine"


def test_prometheus_may_reach_the_figures_only_when_it_is_asked_to(render: Any) -> None:
    def open_ports(values: dict[str, Any]) -> list[int]:
        (policy,) = (
            each
            for each in made(render, values, "NetworkPolicy")
            if each["metadata"]["name"].endswith("control-manager")
        )
        rules = policy["spec"].get("ingress") or []
        return [port["port"] for rule in rules if "from" not in rule for port in rule["ports"]]

    assert open_ports({}) == []
    assert open_ports(ON) == [8092]


def test_the_alert_fires_after_two_minutes_of_silence_and_names_cluster_and_command(
    render: Any, tmp_path: Path
) -> None:
    (rule,) = made(render, ON, "PrometheusRule")
    (tmp_path / "rules.json").write_text(json.dumps(rule["spec"]))
    lost = {
        "exp_labels": {"severity": "critical", "cluster": "east"},
        "exp_annotations": {
            "summary": "Cluster east has not reported for 2m 30s.",
            "description": "Work there goes on, and nothing new is sent to it. `neurox cluster "
            "status east` says which stage is at fault, and what to do.",
        },
    }

    def at(time: str, *expected: object) -> dict[str, object]:
        return {"eval_time": time, "alertname": "NeuroxClusterLost", "exp_alerts": expected}

    series = [
        {"series": f'neurox_control_report_age_seconds{{cluster="{name}",pod="{pod}"}}', **values}
        for pod in ("a", "b")
        for name, values in (("east", {"values": "0+15x40"}), ("west", {"values": "5x40"}))
    ]
    test = {
        "rule_files": ["rules.json"],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": series,
                "alert_rule_test": [at("60s"), at("120s"), at("150s", lost)],
            }
        ],
    }
    (tmp_path / "test.json").write_text(json.dumps(test))
    command = [str(Toolbox.from_env().path("promtool")), "test", "rules", "test.json"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
