"""Labels and descriptions that a join is given."""

from collections.abc import Callable
from typing import Any

import neurox_web
from neurox_web import Web

Neurox = Callable[..., Any]


def test_labels_are_kept_with_the_record_and_listed(web: Web, server: str, neurox: Neurox) -> None:
    done = neurox("cluster", "join", "cellar", "--label", "region=eu", "--label", "team=")
    assert done.code == 0, done.err
    (record,) = web.stores.clusters.all()
    assert record.labels == {"region": "eu", "team": ""}
    assert "region=eu,team=" in neurox("cluster", "list", "-o", "wide").out
    assert "region=eu" not in neurox("cluster", "list").out


def test_a_record_takes_another_description_and_labels_and_that_is_said(
    web: Web, server: str, neurox: Neurox
) -> None:
    words = ("cluster", "join", "cellar", "--description", "old", "--label", "a=1")
    assert "cellar got" not in neurox(*words).err
    assert "cellar got" not in neurox(*words).err
    other = ("cluster", "join", "cellar", "--description", "new", "--label", "a=2", "--label=b=")
    says = "get the description 'new' instead of 'old', the label a=2 instead of a=1, the label b=."
    assert f"cellar would {says}" in neurox(*other, "--dry-run").err
    (record,) = web.stores.clusters.all()
    assert (record.description, record.labels) == ("old", {"a": "1"})
    done = neurox(*other)
    assert done.code == 0
    assert f"cellar {says.replace('get', 'got', 1)}" in done.err
    assert "kubeconfig" in done.out
    neurox("cluster", "join", "cellar", "--label", "c=3")
    (record,) = web.stores.clusters.all()
    assert (record.description, record.labels) == ("new", {"a": "2", "b": "", "c": "3"})


def test_a_connected_cluster_is_labelled_and_gets_no_token(
    web: Web, server: str, neurox: Neurox
) -> None:
    neurox_web.cluster(web, "east")
    done = neurox("cluster", "join", "east", "--label", "region=eu")
    assert (done.code, done.out) == (0, "")
    assert done.err == "east got the label region=eu; it is connected and needs no token.\n"
    again = neurox("cluster", "join", "east", "--label", "region=eu")
    assert again.err == "east has that already; it is connected and needs no token.\n"
    for asked in (("--rebuilt",), ("-o", "json"), ("--print-secret",)):
        refused = neurox("cluster", "join", "east", "--label", "region=us", *asked)
        assert refused.code == 5
        assert "is connected already" in refused.err
    assert web.stores.clusters.by_name("east").labels == {"region": "eu"}
    deeds = [(entry.action, entry.cluster) for entry in web.stores.audit.all()]
    assert deeds == [("edit", "east")]
