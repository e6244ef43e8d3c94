"""Every object is valid, to the letter, for each Kubernetes that we promise."""

import json
from functools import cache
from typing import Any

import kubernetes_validate
import pytest

from tests.charts.value_sets import SETS

FOREIGN = {"HTTPRoute", "PodMonitor", "PrometheusRule", "ServiceMonitor"}
"""Kinds that Kubernetes itself does not know."""


@cache
def validate(text: str, version: str) -> None:
    """Raise unless the object is valid; most objects are the same in most sets of values."""
    kubernetes_validate.validate(json.loads(text), version, strict=True)


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36", "1.37"])
@pytest.mark.parametrize("name", SETS)
def test_every_object_is_valid(render: Any, name: str, version: str) -> None:
    chart, values = SETS[name]
    objects = render(chart, values, kubernetes=version)
    assert objects
    for each in objects:
        if each["kind"] not in FOREIGN:
            validate(json.dumps(each), version)


@pytest.mark.parametrize(("version", "held"), [("1.35", False), ("1.36", True)])
def test_jobs_are_held_by_a_policy_where_there_are_such(
    render: Any, version: str, held: bool
) -> None:
    kinds = {each["kind"] for each in render("neurox-workload", {}, kubernetes=version)}
    assert ("MutatingAdmissionPolicy" in kinds) is held
    assert "ValidatingAdmissionPolicy" in kinds
