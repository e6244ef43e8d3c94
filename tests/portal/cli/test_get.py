import csv
import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import neurox_web
import pytest
import yaml
from neurox_web import Web

from controllers.domain.cluster import StateDelta
from controllers.domain.policy import Group
from portal.schemas import ClusterOut

Neurox = Callable[..., Any]


@pytest.fixture
def fleet(web: Web, server: str) -> Web:
    """Pools, projects and one cluster of two nodes, with GPUs and a workload."""
    neurox_web.policy(web)
    made = neurox_web.cluster(web, workloads={"w1": neurox_web.running("w1")})
    web.stores.samples.put(made.id, [neurox_web.gpu(0, holders=(neurox_web.holder(),))])
    return web


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (("clusters", "cluster", "cl"), "east"),
        (("nodes", "node", "no"), "east-0"),
        (("gpus", "gpu", "gp"), "GPU-east-0-0"),
        (("pools", "pool", "np"), "a"),
        (("projects", "project", "pj"), "eyes"),
        (("groups", "group", "gr"), "vision"),
        (("quotas", "quota", "qt"), "a/vision"),
        (("workloads", "workload", "wl"), "w1"),
        (("users", "user", "us"), "admin"),
    ],
)
def test_every_noun_has_its_words(
    fleet: Web, neurox: Neurox, words: tuple[str, ...], seen: str
) -> None:
    for word in words:
        done = neurox("get", word, "-o", "name")
        assert done.code == 0
        assert seen in done.out.split()
        assert neurox("get", word).out.count("\n") >= 2


def test_an_answer_of_another_version_is_told_with_both_versions(
    fleet: Web, neurox: Neurox, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later(ClusterOut):
        since_version_9: str

    monkeypatch.setattr("portal.client.client.ClusterOut", Later)
    done = neurox("get", "clusters")
    ours = version("neurox")
    assert done.code == 1
    assert f"/api/v1/clusters answers has a shape that neurox {ours} does not know" in done.err
    assert f"the server is {ours}\n" in done.err
    assert "use the `neurox` of the server's version" in done.err
    assert "Traceback" not in done.err


def test_json_and_yaml_are_the_apis_items(fleet: Web, neurox: Neurox) -> None:
    found = json.loads(neurox("get", "nodes", "-o", "json").out)
    assert [node["name"] for node in found["items"]] == ["east-0", "east-1"]
    again = yaml.safe_load(neurox("get", "nodes", "-o", "yaml").out)
    assert [{**node, "report_age_seconds": 0} for node in again["items"]] == [
        {**node, "report_age_seconds": 0} for node in found["items"]
    ]


def test_csv_has_every_column_and_no_formula(fleet: Web, neurox: Neurox) -> None:
    fleet.stores.groups.put("vision", Group("vision", "=cmd()"))
    rows = list(csv.DictReader(io.StringIO(neurox("get", "groups", "-o", "csv").out)))
    found = {row["name"]: row["description"] for row in rows}
    assert found["vision"] == "'=cmd()"
    assert found["speech"] == "-"


def test_what_a_terminal_would_act_on_is_left_out(fleet: Web, neurox: Neurox) -> None:
    fleet.stores.groups.put("vision", Group("vision", "a\x1b[2Jb\u202ec\nd"))
    for form in ("wide", "csv", "json", "yaml"):
        out = neurox("get", "groups", "-o", form).out
        assert "\x1b" not in out
        assert "\u202e" not in out
    assert "a[2Jbc d" in neurox("get", "groups", "-o", "wide").out


def test_filters_and_limits_reach_the_api(fleet: Web, neurox: Neurox) -> None:
    assert neurox("get", "nodes", "-c", "west").out == ""
    assert "Nothing matches" in neurox("get", "nodes", "-c", "west").err
    cut = neurox("get", "nodes", "--limit", "1")
    assert cut.out.count("east-") == 1
    assert "1 of 2; --all shows the rest" in cut.err
    assert neurox("get", "nodes", "--all", "-o", "name").out == "east-0\neast-1\n"


def test_one_is_found_by_name_or_id(fleet: Web, neurox: Neurox) -> None:
    assert json.loads(neurox("get", "wl", "w1", "-o", "json").out)["name"] == "train"
    assert json.loads(neurox("get", "wl", "train", "-o", "json").out)["id"] == "w1"
    assert json.loads(neurox("get", "quota", "a/vision", "-o", "json").out)["gpus"] == 8
    assert json.loads(neurox("get", "node", "east-1", "-o", "json").out)["cluster"] == "east"


def test_two_of_one_name_are_told_apart(fleet: Web, neurox: Neurox) -> None:
    west = neurox_web.cluster(fleet, "west", nodes=0)
    (east,) = (each for each in fleet.stores.clusters.all() if each.name == "east")
    meta = StateDelta("e", 2, True, time.time(), "v1", "0.1")
    nodes = {node.name: node for node in fleet.stores.states.nodes(east.id)}
    fleet.stores.states.apply(west.id, replace(meta, nodes=dict(nodes)))
    both = neurox("get", "node", "east-0")
    assert (both.code, "add --cluster" in both.err) == (2, True)
    assert neurox("get", "node", "east-0", "-c", "west").code == 0
    assert neurox("get", "node", "east-0", "-c", "north").code == 3


@pytest.mark.parametrize("noun", ["cluster", "node", "gpu", "pool", "workload", "quota", "user"])
def test_what_is_not_there_is_exit_status_3(fleet: Web, neurox: Neurox, noun: str) -> None:
    done = neurox("get", noun, "nowhere")
    assert done.code == 3
    assert done.out == ""
    assert "nowhere" in done.err


def test_an_empty_list_names_the_next_step(web: Web, server: str, neurox: Neurox) -> None:
    assert "neurox cluster join" in neurox("get", "clusters").err
    assert "neurox submit" in neurox("get", "workloads").err
    assert json.loads(neurox("get", "workloads", "-o", "json").out) == {"items": []}


def test_simulated_things_are_labelled(fleet: Web, neurox: Neurox) -> None:
    assert "simulated" in neurox("get", "nodes").err
    assert "SIMULATED" in neurox("get", "nodes", "-o", "wide").out


def test_a_misspelt_noun_or_format_gets_a_hint(server: str, neurox: Neurox) -> None:
    done = neurox("get", "workload-s")
    assert (done.code, "did you mean workloads?" in done.err) == (2, True)
    assert neurox("get", "nodes", "-o", "xml").code == 2


def test_a_filter_the_noun_does_not_have_is_refused_by_name(fleet: Web, neurox: Neurox) -> None:
    done = neurox("get", "pools", "--user", "mia")
    assert done.code == 2
    assert "user" in done.err


def test_a_wrong_token_is_exit_status_4(
    server: str, neurox: Neurox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROX_TOKEN", "nxu_wrong")
    done = neurox("get", "nodes")
    assert done.code == 4
    assert "NEUROX_TOKEN" in done.err
    assert "nxu_wrong" not in done.err


def test_an_address_where_nothing_answers_is_one_sentence(
    server: str, neurox: Neurox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROX_SERVER", "http://127.0.0.1:1")
    done = neurox("get", "nodes")
    assert done.code == 1
    assert "no answer from http://127.0.0.1:1" in done.err
    assert "Traceback" not in done.err
