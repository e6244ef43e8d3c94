"""Charts: the right selectors, always with a tenant, and honest columns."""

from typing import Any

import pytest
from neurox_web import Web, cluster, gpu, holder, policy, running

from portal.api import fleet
from portal.api.promql import Scope, quoted, selected
from portal.api.series import MEASURES, columns, expression
from portal.api.subject import Subject, subject
from portal.api.thanos import Line, Span

USE = MEASURES["utilization"]


@pytest.fixture
def seen(web: Web) -> fleet.Fleet:
    policy(web)
    for name in ("east", "west"):
        made = cluster(web, name, workloads={f"w-{name}": running(f"w-{name}")})
        web.stores.samples.put(made.id, [gpu(0, f"{name}-0", holders=(holder(),))])
    return fleet.read(web.stores)


def ids(seen: fleet.Fleet) -> dict[str, str]:
    return {reported.cluster.name: reported.cluster.id for reported in seen.clusters}


def test_a_line_a_pool_covers_its_clusters(seen: fleet.Fleet) -> None:
    text = expression(USE, subject(seen, {"by": "pool"}), 15)
    for tenant in ids(seen).values():
        assert f'neurox_gpu_utilization_ratio{{tenant_id="{tenant}"}}' in text
    assert text.startswith("label_replace(avg(")
    assert '"line", "a"' in text


def test_a_pool_of_some_nodes_names_them(seen: fleet.Fleet) -> None:
    chosen = subject(seen, {"by": "pool", "cluster": "east"})
    assert list(chosen.lines) == ["a"]
    mixed = Scope("t", one_of={"node": ["n-2.x", "n-1"]}).matchers()
    assert mixed == '{tenant_id="t",node=~"n\\\\-1|n\\\\-2\\\\.x"}'


def test_every_selector_of_every_chart_has_a_tenant_that_is_seen(seen: fleet.Fleet) -> None:
    queries: list[dict[str, str]] = [
        {},
        {"by": "pool"},
        {"by": "cluster"},
        {"cluster": "east"},
        {"gpu": "GPU-east-0-0"},
        {"node": "east-0"},
        {"workload": "w-east"},
    ]
    for query in queries:
        for measure in MEASURES.values():
            for step in (15, 600):
                text = expression(measure, subject(seen, query), step)
                opened = text.count("{")
                assert opened
                assert opened == sum(text.count(f'{{tenant_id="{i}"') for i in ids(seen).values())


def test_long_steps_take_the_average_of_each_step() -> None:
    assert selected("m", [Scope("t")], 15) == 'm{tenant_id="t"}'
    assert selected("m", [Scope("t")], 600) == 'avg_over_time(m{tenant_id="t"}[600s])'


def test_a_workload_is_drawn_only_while_it_held_the_gpu(seen: fleet.Fleet) -> None:
    text = expression(USE, subject(seen, {"workload": "w-east"}), 15)
    assert 'namespace="vision",pod=~"train\\\\-0"' in text
    assert " and on (tenant_id, node, uuid) " in text
    assert ids(seen)["west"] not in text


@pytest.mark.parametrize("name", ['a"b', "a\\", "a\nb", '"}) or vector(1) #', "$1", "é"])
def test_no_name_gets_out_of_its_quotes(name: str) -> None:
    text = quoted(name)
    assert text[0] == text[-1] == '"'
    body = text[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in body
    assert "\n" not in body


def test_missing_points_are_null_and_a_line_without_any_is_kept() -> None:
    times = Span(100, 130, 10)
    line = Line({"line": "a"}, [0.5, None, 0.25, None])
    chosen = Subject({"a": [Scope("t")], "b": [Scope("t")]})
    series = columns(USE, chosen, [line], times)
    assert series.times == [100.0, 110.0, 120.0, 130.0]
    assert series.names == ["a", "b"]
    assert series.columns == [[0.5, None, 0.25, None], [None] * 4]


def test_gpus_are_drawn_in_the_order_of_their_numbers() -> None:
    lines = [Line({"node": "n-1", "gpu": str(n)}, [1.0]) for n in (10, 2)]
    series = columns(USE, Subject({"x": []}, each_gpu=True), lines, Span(0, 0, 10))
    assert series.names == ["n-1 GPU 2", "n-1 GPU 10"]


def test_held_gpus_are_counted_not_drawn_singly(seen: fleet.Fleet) -> None:
    held = MEASURES["gpus"]
    chosen = subject(seen, {"workload": "w-east"})
    text = expression(held, chosen, 15)
    assert text.startswith("label_replace(count(max by (tenant_id, node, uuid) (")
    assert 'pod=~"train' in text
    line = Line({"line": "train"}, [1.0])
    assert columns(held, chosen, [line], Span(0, 0, 10)).names == ["train"]


def test_gpus_of_one_node_name_in_two_clusters_keep_apart() -> None:
    lines = [Line({"node": "n", "gpu": "0", "uuid": uuid}, [1.0]) for uuid in ("A", "B")]
    series = columns(USE, Subject({"n": []}, each_gpu=True), lines, Span(0, 0, 10))
    assert series.names == ["n GPU 0", "n GPU 0 B"]


def test_the_metrics_store_is_named_when_it_does_not_answer(web: Web) -> None:
    cluster(web)
    answer = web.get("/series/utilization?by=pool")
    assert answer.status_code == 503
    assert "Thanos" in answer.json["detail"]  # type: ignore[index]


def test_a_fleet_of_nothing_is_an_empty_chart(web: Web) -> None:
    series: Any = web.get("/series/utilization?from=-15m&step=15").json
    assert series["unit"] == "ratio"
    assert series["names"] == ["all"]
    assert set(series["columns"][0]) == {None}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/series/utilisation", 404),
        ("/series/utilization?by=colour", 400),
        ("/series/utilization?form=-1h", 400),
        ("/series/utilization?from=-521w&step=5", 422),
        ("/series/utilization?gpu=x", 404),
        ("/series/utilization?node=x", 404),
        ("/series/utilization?workload=x", 404),
        ("/series/utilization?cluster=x", 404),
    ],
)
def test_a_chart_of_what_is_not_there_is_refused(web: Web, path: str, status: int) -> None:
    assert web.get(path).status_code == status
