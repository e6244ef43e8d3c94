"""Submitting, seeing and stopping workloads."""

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from neurox_web import Web, cluster, gpu, holder, policy, running

from controllers.domain.cluster import Node, StateDelta
from controllers.domain.workload import Intent, WorkloadSpec
from controllers.store.states import VANISHED

ASKED = {"name": "train", "project": "eyes"}


@pytest.fixture
def fleet(web: Web) -> Web:
    policy(web)
    web.person("mia", "vision")
    web.person("leo", "speech")
    web.person("eva")
    cluster(web, nodes=2, gpus=8)
    return web


def submit(web: Web, user: str = "mia", **more: Any) -> Any:
    answer = web.post("/workloads", ASKED | more, user=user)
    assert answer.status_code == 201, answer.text
    return answer.json


def test_what_is_submitted_gets_its_defaults_and_is_stored_before_the_answer(fleet: Web) -> None:
    made = submit(fleet)
    assert (made["group"], made["pool"], made["level"]) == ("vision", "a", "normal")
    assert (made["pods"], made["gpus"], made["user"]) == (1, 1, "mia")
    assert (made["state"], made["reason"]["code"]) == ("Submitted", "NOT_SENT")
    assert made["cluster"] is None
    assert made["utilization"] is None
    stored = fleet.stores.intents.get(made["id"])
    assert stored.spec.name == "train"
    assert fleet.get(f"/workloads/{made['id']}", user="leo").json["stoppable"] is False  # type: ignore[index]


def test_the_answer_says_where_it_is(fleet: Web) -> None:
    answer = fleet.post("/workloads", ASKED, user="mia")
    assert answer.headers["Location"] == f"/api/v1/workloads/{answer.json['id']}"  # type: ignore[index]


REFUSALS = [
    ({"pods": 99}, "pods", ["99", "'a'", "'east'", "16"]),
    ({"pods": 2, "gpus_per_pod": 99}, "gpus_per_pod", ["99", "8 GPUs of the largest node", "'a'"]),
    ({"gpus_per_pod": -1}, "gpus_per_pod", ["-1", "at least 1"]),
    ({"gpus_per_pod": 0}, "gpus_per_pod", ["0", "at least 1"]),
    ({"pods": -1}, "pods", ["-1", "at least 1"]),
    ({"pods": 3, "gpus_per_pod": 5}, "pods", ["3", "5 GPUs each", "holds 2"]),
    ({"pool": "aa"}, "pool", ["'aa'", "did you mean 'a'?"]),
    ({"pool": "zzz"}, "pool", ["'zzz'", "known: a, b"]),
    ({"pool": "b"}, "pool", ["may not use pool 'b'", "its pools: a"]),
    ({"project": "eye"}, "project", ["'eye'", "did you mean 'eyes'?"]),
    ({"group": "visoin"}, "group", ["did you mean 'vision'?"]),
    ({"group": "speech"}, "group", ["'speech'", "not one of project 'eyes'", "vision"]),
    ({"level": "critical"}, "level", ["'critical'", "above the limit 'high'"]),
    ({"level": "hihg"}, "level", ["did you mean 'high'?"]),
    ({"name": "Train"}, "name", ["'Train'", "lower-case"]),
    ({"name": "x" * 64}, "name", ["1 to 63"]),
    ({"name": "train\n"}, "name", ["not a valid name"]),
    ({"name": "ｔrain"}, "name", ["not a valid name"]),
    ({"name": "../../etc"}, "name", ["not a valid name"]),
    ({"image": "busy box"}, "image", ["not an image name"]),
    ({"image": ""}, "image", ["not an image name"]),
    ({"command": ["a"] * 65}, "command", ["65", "64"]),
    ({"max_runtime_seconds": 0}, "max_runtime_seconds", ["not 0"]),
    ({"annotations": {"a b": "c"}}, "annotations", ["'a b'"]),
    ({"annotations": {"seccomp.security.alpha.kubernetes.io/pod": "x"}}, "annotations", ["itself"]),
    ({"annotations": {str(n): "" for n in range(33)}}, "annotations", ["33", "32"]),
    ({"pods": 1.5}, "pods", ["whole number", "1.5"]),
    ({"pods": "2"}, "pods", ["whole number", 'not "2"']),
    ({"pods": True}, "pods", ["whole number", "not true"]),
    ({"gpu_per_pod": 1}, "gpu_per_pod", ["did you mean 'gpus_per_pod'?"]),
    ({"quux": 1}, "quux", ["known fields: name, project"]),
]


@pytest.mark.parametrize(("change", "field", "words"), REFUSALS)
def test_a_refusal_is_one_sentence_that_names_field_value_and_limit(
    fleet: Web, change: dict[str, Any], field: str, words: list[str]
) -> None:
    answer = fleet.post("/workloads", ASKED | change, user="mia")
    problem: Any = answer.json
    assert answer.status_code == 422, answer.text
    assert answer.content_type == "application/problem+json"
    assert problem["errors"][0]["field"] == field
    assert problem["errors"][0]["in"] == "body"
    for word in words:
        assert word in problem["detail"]
    assert "\n" not in problem["detail"]
    assert not fleet.stores.intents.all()


def test_a_missing_field_is_named(fleet: Web) -> None:
    answer = fleet.post("/workloads", {"name": "x"}, user="mia")
    assert answer.status_code == 422
    assert answer.json["detail"] == "project is missing"  # type: ignore[index]


def test_who_is_in_no_group_of_the_project_is_told_so(fleet: Web) -> None:
    for user, more, says in (
        ("leo", {}, "you are in none of the groups of project 'eyes' (vision)"),
        ("eva", {"group": "vision"}, "you are not in group 'vision' (your groups: none)"),
    ):
        answer = fleet.post("/workloads", ASKED | more, user=user)
        assert answer.status_code == 422
        assert says in answer.json["detail"]  # type: ignore[index]


def test_an_admin_may_submit_for_any_group_of_the_project(fleet: Web) -> None:
    assert submit(fleet, "admin")["group"] == "vision"


def test_a_pool_without_gpus_takes_nothing(web: Web) -> None:
    policy(web)
    answer = web.post("/workloads", ASKED)
    assert answer.status_code == 422
    assert "no GPUs now" in answer.json["detail"]  # type: ignore[index]


def test_a_dry_run_answers_what_would_be_and_stores_nothing(fleet: Web) -> None:
    answer = fleet.call("POST", "/workloads?dry_run=true", "mia", json=ASKED)
    assert answer.status_code == 200
    assert answer.json["state"] == "Submitted"  # type: ignore[index]
    assert fleet.call("POST", "/workloads?dry_run=true", "mia", json={}).status_code == 422
    assert not fleet.stores.intents.all()


def test_one_key_makes_one_workload_even_at_once(fleet: Web) -> None:
    answers: list[tuple[int, str]] = []

    def send() -> None:
        key = {"Idempotency-Key": "k1"}
        answer = fleet.post("/workloads", ASKED, user="mia", headers=key)
        answers.append((answer.status_code, answer.json["id"]))  # type: ignore[index]

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert len(fleet.stores.intents.all()) == 1


def test_a_key_stands_for_one_body_and_one_user(fleet: Web) -> None:
    key = {"Idempotency-Key": "k1"}
    fleet.post("/workloads", ASKED, user="mia", headers=key)
    other = fleet.post("/workloads", ASKED | {"pods": 2}, user="mia", headers=key)
    assert other.status_code == 409
    assert fleet.post("/workloads", ASKED, headers=key).status_code == 201
    assert len(fleet.stores.intents.all()) == 2
    long = fleet.post("/workloads", ASKED, headers={"Idempotency-Key": "k" * 201})
    assert long.status_code == 400


def test_without_a_key_the_same_body_is_another_workload(fleet: Web) -> None:
    assert submit(fleet)["id"] != submit(fleet)["id"]


def test_the_owner_and_an_admin_may_stop_it_and_nobody_else(fleet: Web) -> None:
    for user in ("mia", "admin"):
        made = submit(fleet)
        assert fleet.delete(f"/workloads/{made['id']}", user="leo").status_code == 403
        answer = fleet.delete(f"/workloads/{made['id']}", user=user)
        assert answer.status_code == 202
        assert answer.json["state"] == "Stopped"  # type: ignore[index]
        assert fleet.stores.intents.get(made["id"]).stop_requested_at is not None


def test_stopping_again_changes_nothing(fleet: Web) -> None:
    made = submit(fleet)
    fleet.delete(f"/workloads/{made['id']}")
    first = fleet.stores.intents.get(made["id"])
    assert fleet.delete(f"/workloads/{made['id']}").status_code == 202
    assert fleet.stores.intents.get(made["id"]) == first


def test_an_unknown_workload_is_not_found(web: Web) -> None:
    assert web.get("/workloads/nope").status_code == 404
    assert web.delete("/workloads/nope").status_code == 404


def seen(web: Web, **more: Any) -> Any:
    """An intent that a cluster reports as running on one GPU."""
    web.person("mia", "vision")
    spec = WorkloadSpec("train", "eyes", "vision", "a", 1, 1)
    web.stores.intents.add(Intent("w1", spec, "mia", time.time(), cluster="east"))
    workload = replace(running("w1"), **more)
    made = cluster(web, name="north", workloads={"w1": workload})
    web.stores.samples.put(made.id, [gpu(3, "north-0", holders=(holder(),), simulated=True)])
    return web.get("/workloads/w1", user="mia").json


def test_what_a_cluster_reports_is_joined_with_what_was_asked(web: Web) -> None:
    shown = seen(web)
    assert (shown["state"], shown["cluster"], shown["user"]) == ("Running", "north", "mia")
    assert shown["utilization"] == 0.5
    assert shown["members"][0]["gpu_uuids"] == ["GPU-north-0-3"]
    assert shown["stoppable"]
    assert shown["simulated"]


def test_what_waits_for_a_simulated_pool_is_simulated_too(web: Web) -> None:
    spec = WorkloadSpec("train", "eyes", "vision", "a", 1, 1)
    web.stores.intents.add(Intent("w1", spec, "mia", time.time()))
    assert web.get("/workloads/w1").json["simulated"] is False  # type: ignore[index]
    made = cluster(web)
    assert web.get("/workloads/w1").json["simulated"] is True  # type: ignore[index]
    nodes = {"real": Node("real", True, False, 8, 0, "a")}
    delta = StateDelta("e", 2, False, time.time(), "v1.37.2", "0.1", nodes=nodes)
    web.stores.states.apply(made.id, delta)
    assert web.get("/workloads/w1").json["simulated"] is False  # type: ignore[index]


def test_a_workload_is_as_old_as_its_submission_and_its_report_has_an_age_of_its_own(
    web: Web,
) -> None:
    spec = WorkloadSpec("train", "eyes", "vision", "a", 1, 1)
    web.stores.intents.add(Intent("w1", spec, "mia", time.time() - 3600, cluster="east"))
    shown: Any = web.get("/workloads/w1").json
    assert 3600 <= shown["age_seconds"] < 3660
    assert (shown["reported_at"], shown["report_age_seconds"]) == (None, None)
    cluster(web, workloads={"w1": running("w1")})
    shown = web.get("/workloads/w1").json
    assert 3600 <= shown["age_seconds"] < 3660
    assert shown["report_age_seconds"] < 5


def test_a_workload_has_one_name_whatever_its_object_is_called(web: Web) -> None:
    shown = seen(web, name="train-1a2b3c")
    assert shown["name"] == "train"
    held: Any = web.get("/gpus/GPU-north-0-3").json
    assert (held["workload"], held["workload_id"], held["user"]) == ("train", "w1", "mia")
    assert web.get("/gpus?workload=train").json["total"] == 1  # type: ignore[index]


def test_why_no_cluster_was_chosen_yet_is_told(web: Web) -> None:
    spec, why = WorkloadSpec("train", "eyes", "vision", "a", 1, 1), "No cluster is connected."
    web.stores.intents.add(Intent("w1", spec, "mia", time.time(), waiting=why))
    assert web.get("/workloads/w1").json["reason"]["message"] == why  # type: ignore[index]


def test_a_finished_workload_has_no_readings_even_if_its_pods_name_is_used_again(web: Web) -> None:
    shown = seen(web, state="Succeeded")
    assert shown["utilization"] is None
    assert shown["members"][0]["gpu_uuids"] == []
    assert not shown["stoppable"]


def test_a_wish_to_stop_shows_at_once(web: Web) -> None:
    seen(web)
    assert web.delete("/workloads/w1", user="mia").json["state"] == "Stopping"  # type: ignore[index]


@pytest.mark.parametrize(("asked", "code"), [(True, None), (False, "VANISHED")])
def test_who_stopped_it_is_not_told_that_its_object_was_deleted(
    web: Web, asked: bool, code: str | None
) -> None:
    seen(web, state="Stopped", reason=VANISHED, members=())
    if asked:
        web.stores.intents.change("w1", stop_requested_at=time.time())
    shown: Any = web.get("/workloads/w1").json
    assert shown["state"] == "Stopped"
    assert (shown["reason"] or {}).get("code") == code


def test_a_workload_that_was_made_in_the_cluster_is_stopped_there(web: Web) -> None:
    cluster(web, workloads={"uid-1": running("uid-1")})
    answer = web.delete("/workloads/uid-1")
    assert answer.status_code == 409
    assert "kubectl delete job train -n vision" in answer.json["detail"]  # type: ignore[index]


def test_a_refusal_by_the_cluster_is_shown_as_its_reason(web: Web) -> None:
    spec = WorkloadSpec("train", "eyes", "vision", "a", 1, 1)
    web.stores.intents.add(Intent("w1", spec, "mia", time.time(), refusal="No such namespace."))
    shown: Any = web.get("/workloads/w1").json
    assert shown["state"] == "Invalid"
    assert shown["reason"] == {"code": "REFUSED", "message": "No such namespace."}
