from dataclasses import replace

from controllers.domain.workload import Intent, WorkloadSpec
from controllers.workload import manifest

SPEC = WorkloadSpec("train", "vision", "vision", "h200", pods=2, gpus_per_pod=4, command=("run",))
INTENT = Intent("0192-a", SPEC, "ada@example.org", 7.25)


def test_the_same_intent_makes_the_same_job_and_another_one_another_name() -> None:
    assert manifest.job(INTENT, "vision") == manifest.job(INTENT, "vision")
    assert manifest.job_name(INTENT) != manifest.job_name(replace(INTENT, id="0192-b"))


def test_the_longest_name_leaves_room_for_the_names_of_pods() -> None:
    long = replace(INTENT, spec=replace(SPEC, name="a" * 39 + "-" + "b" * 23))
    assert len(f"{manifest.job_name(long)}-999-abcde") <= 63
    assert "--" not in manifest.job_name(long)


def test_a_gang_is_suspended_whole_and_never_retried() -> None:
    spec = manifest.job(INTENT, "vision")["spec"]
    assert spec["suspend"] is True
    assert (spec["parallelism"], spec["completions"], spec["backoffLimit"]) == (2, 2, 0)
    assert spec["completionMode"] == "Indexed"
    assert "activeDeadlineSeconds" not in spec
    limited = replace(INTENT, spec=replace(SPEC, max_runtime_seconds=60))
    assert manifest.job(limited, "vision")["spec"]["activeDeadlineSeconds"] == 60


def test_labels_are_the_contract_and_the_whole_user_is_an_annotation() -> None:
    meta = manifest.job(INTENT, "vision")["metadata"]
    assert meta["labels"] == {
        "neurox.io/intent": "0192-a",
        "neurox.io/user": "ada-example.org",
        "neurox.io/group": "vision",
        "neurox.io/project": "vision",
        "neurox.io/pool": "h200",
        "neurox.io/level": "normal",
    }
    assert meta["annotations"]["neurox.io/user"] == "ada@example.org"
    assert meta["annotations"]["neurox.io/submitted-at"] == "7.25"


def test_pods_run_restricted_and_without_a_token() -> None:
    pod = manifest.job(INTENT, "vision")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "4"}
    assert container["command"] == ["run"]
