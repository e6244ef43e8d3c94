import runpy
from pathlib import Path

import pulumi
import pytest
import yaml
from pulumi.runtime import set_all_config

from infra.components import ArgumentError, Settings
from infra.components import settings as settings_module

FOLDER = Path(__file__).parents[3] / "pulumi"
DECLARED = yaml.safe_load((FOLDER / "Pulumi.yaml").read_text())["config"]
EXAMPLES = sorted(FOLDER.glob("Pulumi.*.example.yaml"))


def as_config(values):
    """As the CLI hands it to the program: text, and JSON for lists."""
    texts = {True: "true", False: "false"}

    def text(value):
        if isinstance(value, list):
            return str(value).replace("'", '"')
        return texts[value] if isinstance(value, bool) else value

    return {f"neurox:{key}": text(value) for key, value in values.items()}


def settings(monkeypatch, **given):
    monkeypatch.chdir(FOLDER)
    defaults = {key: each["default"] for key, each in DECLARED.items()}
    set_all_config(as_config({**defaults, **given}))
    return Settings.from_config(pulumi.Config("neurox"))


def test_every_key_is_described_and_has_a_default():
    for key, each in DECLARED.items():
        assert {"type", "description", "default"} <= set(each), key
        assert each["description"].endswith("."), key


def test_every_key_is_documented():
    page = (FOLDER.parent / "docs/install/pulumi.md").read_text()
    assert [key for key in DECLARED if f"`{key}`" not in page] == []


def test_a_cluster_is_not_asked_where_nobody_wants_that(monkeypatch):
    asked = []
    monkeypatch.setattr(settings_module, "require_ready", lambda *words: asked.append(words))
    settings(monkeypatch, preflight=False, clusters=["east=away"]).require_ready()
    assert asked == []
    settings(monkeypatch, context="hub", clusters=["east=away"]).require_ready()
    assert asked == [("control", "hub", "neurox-system"), ("workload", "away", "neurox-system")]


def test_every_key_that_is_read_is_declared_and_every_declared_key_is_read(monkeypatch):
    read = set()

    class Watched(pulumi.Config):
        def get(self, key, *_, **__):
            read.add(key)
            return super().get(key)

        def _get(self, key, *rest, **named):
            read.add(key)
            return super()._get(key, *rest, **named)

    set_all_config({})
    monkeypatch.chdir(FOLDER)
    Settings.from_config(Watched("neurox"))
    assert read == set(DECLARED)


def test_the_defaults_of_the_project_are_those_of_the_program(monkeypatch):
    by_project = settings(monkeypatch)
    set_all_config({})
    by_program = Settings.from_config(pulumi.Config("neurox"))
    assert by_project.control_plane.charts.location == "../charts"
    assert by_program.control_plane.charts.location == ""
    for name in ("host", "service", "clusters", "keep_data", "namespace", "create_namespace"):
        ours, theirs = by_project.control_plane, by_program.control_plane
        assert getattr(ours, name) == getattr(theirs, name), name


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_stands_up_every_cluster_that_it_names(monkeypatch, deploy, example):
    monkeypatch.chdir(FOLDER)
    given = yaml.safe_load(example.read_text())["config"]
    assert {key.partition(":")[2] for key in given} <= set(DECLARED)
    stack = {key.partition(":")[2]: value for key, value in given.items()}
    names = [entry.partition("=")[0] for entry in stack["clusters"]]
    preflights = []

    def program():
        defaults = {key: each["default"] for key, each in DECLARED.items()}
        set_all_config(as_config({**defaults, **stack}))
        runpy.run_path(str(FOLDER / "__main__.py"))
        return {}

    monkeypatch.setattr(settings_module, "require_ready", lambda *asked: preflights.append(asked))

    done = deploy(program)
    assert [plane for plane, *_ in preflights] == ["control", *("workload" for _ in names)]
    assert done.names("ControlPlane") == ["neurox"]
    assert sorted(done.names("WorkloadCluster")) == sorted(names), "in whatever order"
    chart = done.one("Release", "neurox-release").plain["chart"]
    assert chart == "../charts/neurox", "the same in every checkout"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"clusters": ["east"]}, "'east' is not NAME=CONTEXT"),
        ({"clusters": ["=there"]}, "'=there' is not NAME=CONTEXT"),
        ({"clusters": ["e=a", "e=b"]}, "names 'e' twice"),
        ({"valuesFile": "nowhere.yaml"}, "valuesFile: nowhere.yaml cannot be read"),
        ({"workloadValuesFile": "__main__.py"}, "workloadValuesFile: __main__.py"),
    ],
)
def test_a_bad_setting_is_named(monkeypatch, given, words):
    with pytest.raises(ArgumentError) as refused:
        settings(monkeypatch, **given)
    assert words in str(refused.value)
