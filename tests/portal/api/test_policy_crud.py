"""Pools, groups, projects, quotas: written, read back, refused, removed."""

import threading

import pytest
from neurox_web import Web, cluster, gpu, holder, policy, running


def test_what_is_put_can_be_read_listed_and_removed(web: Web) -> None:
    for noun, body in (
        ("pools", {"selector": {"model": "h100"}, "description": "fast"}),
        ("groups", {"description": "people"}),
        ("projects", {"namespace": "vision", "level_limit": "critical"}),
    ):
        put = web.put(f"/{noun}/x", body)
        assert put.status_code == 200, put.text
        got = web.get(f"/{noun}/x").json
        assert got is not None
        assert got == put.json
        assert {**got, **body} == got
        assert [item["name"] for item in web.get(f"/{noun}").json["items"]] == ["x"]  # type: ignore[index]
        assert web.delete(f"/{noun}/x").status_code == 204
        assert web.get(f"/{noun}/x").status_code == 404
        assert web.delete(f"/{noun}/x").status_code == 404


def test_a_dry_run_checks_and_changes_nothing(web: Web) -> None:
    policy(web)
    assert web.put("/pools/x?dry_run=true", {}).status_code == 200
    assert web.put("/pools/X?dry_run=true", {}).status_code == 422
    assert web.call("DELETE", "/projects/eyes?dry_run=true").status_code == 204
    assert web.put("/pools/x?dry_run=yes", {}).status_code == 400
    assert sorted(web.stores.pools.all()) == ["a", "b"]
    assert "eyes" in web.stores.projects.all()


@pytest.mark.parametrize(
    "name", ["A", "a_b", "..", "-a", "a-", "x" * 64, "a%2Fb", "a%0A", "ａ", "a%E2%80%AEb", "%00"]
)
def test_a_name_must_be_a_dns_label(web: Web, name: str) -> None:
    answer = web.put(f"/groups/{name}", {})
    assert answer.status_code in (404, 405, 422)
    assert not web.stores.groups.all()


@pytest.mark.parametrize("noun", ["pools", "groups", "projects"])
def test_a_name_that_is_the_address_of_a_page_is_refused(web: Web, noun: str) -> None:
    answer = web.put(f"/{noun}/new", {})
    assert answer.status_code == 422
    assert answer.json["detail"] == (  # type: ignore[index]
        "name 'new' is the address of a page; choose another name"
    )


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({"groups": ["visoin"]}, "groups", "did you mean 'vision'?"),
        ({"pools": ["c"]}, "pools", "known: a, b"),
        ({"level_limit": "hihg"}, "level_limit", "did you mean 'high'?"),
        ({"level_default": "critical"}, "level_default", "above level_limit 'high'"),
        ({"namespace": "Vision"}, "namespace", "not a valid name"),
    ],
)
def test_a_project_names_only_what_exists(
    web: Web, body: dict[str, object], field: str, says: str
) -> None:
    policy(web)
    answer = web.put("/projects/ears", body)
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["errors"][0]["field"] == field
    assert says in answer.json["detail"]


def test_a_selector_is_made_of_kubernetes_labels(web: Web) -> None:
    good = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3", "a": ""}
    assert web.put("/pools/x", {"selector": good}).status_code == 200
    for bad in ({"a b": "c"}, {"a": "c d"}, {"/a": "c"}, {str(n): "" for n in range(17)}):
        assert web.put("/pools/x", {"selector": bad}).status_code == 422


def test_what_is_in_use_is_not_removed_and_the_users_are_named(web: Web) -> None:
    policy(web)
    web.person("mia", "vision")
    cluster(web, workloads={"w1": running("w1")})
    for path, users in (
        ("/pools/a", ["project eyes", "the quota of vision", "workload w1"]),
        ("/groups/vision", ["project eyes", "the quota in a", "user mia", "workload w1"]),
        ("/projects/eyes", ["workload w1"]),
    ):
        answer = web.delete(path)
        assert answer.status_code == 409
        assert answer.json is not None
        assert all(user in answer.json["detail"] for user in users), answer.json["detail"]


def test_quotas_never_promise_more_than_the_pool_has(web: Web) -> None:
    policy(web)
    cluster(web, nodes=2, gpus=8)
    assert web.put("/quotas/a/speech", {"gpus": 8}).status_code == 200
    answer = web.put("/quotas/a/speech", {"gpus": 9})
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["detail"] == (
        "pool 'a' has 16 GPUs and 8 are guaranteed to others (vision 8), so 'speech' can be "
        "guaranteed at most 8, not 9"
    )
    assert web.get("/quotas/a/speech").json["gpus"] == 8  # type: ignore[index]


def test_quotas_written_at_once_never_promise_more_either(web: Web) -> None:
    policy(web)
    cluster(web, nodes=2, gpus=8)
    web.stores.quotas.remove("a/vision")
    codes: list[int] = []

    def put(group: str) -> None:
        codes.append(web.put(f"/quotas/a/{group}", {"gpus": 10}).status_code)

    threads = [threading.Thread(target=put, args=(g,)) for g in ("vision", "speech")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(codes) == [200, 422]


def test_a_quota_of_zero_is_no_quota(web: Web) -> None:
    policy(web)
    assert web.put("/quotas/a/vision", {"gpus": 0}).json == {
        "gpus": 0,
        "pool": "a",
        "group": "vision",
        "gpus_allocated": 0,
        "reported_at": None,
        "report_age_seconds": None,
    }
    assert web.get("/quotas/a/vision").status_code == 404
    assert web.delete("/quotas/a/vision").status_code == 404


def test_a_pool_that_no_cluster_knows_yet_gets_the_nodes_that_are_in_none(web: Web) -> None:
    policy(web)
    cluster(web, nodes=1, gpus=8)
    assert web.put("/quotas/b/vision", {"gpus": 1}).status_code == 422
    web.stores.quotas.remove("a/vision")
    web.stores.projects.remove("eyes")
    web.stores.pools.remove("a")
    assert web.put("/quotas/b/vision", {"gpus": 8}).status_code == 200


@pytest.mark.parametrize("gpus", [-1, 1.5, "8", True, None, 2**62, 2**63, 10**30])
def test_a_quota_is_a_whole_number_of_gpus(web: Web, gpus: object) -> None:
    policy(web)
    assert web.put("/quotas/a/vision", {"gpus": gpus}).status_code in (400, 422)


def test_pools_groups_projects_and_quotas_count_what_runs(web: Web) -> None:
    policy(web)
    web.person("mia", "vision")
    east = cluster(web, workloads={"w1": running("w1")})
    web.stores.samples.put(east.id, [gpu(0, holders=(holder(),)), gpu(1, utilization=0.0)])
    pool = web.get("/pools/a").json
    group = web.get("/groups/vision").json
    project = web.get("/projects/eyes").json
    quota = web.get("/quotas/a/vision").json
    assert pool is not None
    assert group is not None
    assert project is not None
    assert quota is not None
    assert (pool["clusters"], pool["nodes"], pool["gpus"]) == (["east"], 2, 16)
    assert (pool["models"], pool["utilization"], pool["gpus_guaranteed"]) == (["H100"], 0.25, 8)
    assert (group["members"], group["projects"]) == (["mia"], ["eyes"])
    assert (group["gpus_allocated"], group["gpus_guaranteed"]) == (1, 8)
    assert (project["gpus_allocated"], project["running"], project["queued"]) == (1, 1, 0)
    assert quota["gpus_allocated"] == 1
