from typing import Any

from portal.cli import departure
from portal.cli.departure import Release


def deployment(component: str, release: str = "w", namespace: str = "n") -> dict[str, Any]:
    labels = {
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/instance": release,
    }
    join = {"name": "join", "secret": {"secretName": "of-mine"}}
    volumes = [join] if component == "relay-client" else []
    return {
        "metadata": {"namespace": namespace, "labels": labels},
        "spec": {"template": {"spec": {"volumes": volumes}}},
    }


def job(name: str, suspend: bool, gpus: str | None) -> dict[str, Any]:
    resources = {"limits": {"nvidia.com/gpu": gpus}} if gpus else {}
    pod = {"containers": [{"name": "a"}, {"name": "b", "resources": resources}]}
    return {
        "metadata": {"namespace": "team", "name": name},
        "spec": {"suspend": suspend, "template": {"spec": pod}},
    }


def test_a_release_is_known_by_its_manager_and_names_its_join_secret() -> None:
    parts = [deployment("workload-manager"), deployment("relay-client"), deployment("prometheus")]
    assert departure.releases(parts) == [Release("w", "n", "of-mine", False)]
    assert departure.releases([deployment("relay-client")]) == []


def test_a_release_with_a_control_plane_is_told_apart() -> None:
    both = [deployment("workload-manager"), deployment("api")]
    assert [each.with_control_plane for each in departure.releases(both)] == [True]
    beside = [deployment("workload-manager"), deployment("api", release="neurox")]
    assert [each.with_control_plane for each in departure.releases(beside)] == [False]


def test_a_release_with_a_control_plane_leaves_by_an_upgrade_of_that_cluster() -> None:
    said = departure.by_upgrade(Release("nx", "gpus", "of-mine", True), "my context")
    assert said.endswith(
        "\n  helm upgrade nx charts/neurox --namespace gpus --kube-context 'my context' "
        "--reset-then-reuse-values --set workload.enabled=false --wait"
    )
    assert "--kube-context" not in departure.by_upgrade(Release("nx", "n", "j", True), None)


def test_a_release_whose_uninstalling_was_broken_off_is_found_by_helm_alone() -> None:
    known = Release("w", "n", "of-mine", False)
    listed = [
        {"name": "w", "namespace": "n", "chart": "neurox-workload-0.2.0"},
        {"name": "half", "namespace": "n", "chart": "neurox-workload-0.3.0-rc.1"},
        {"name": "neurox", "namespace": "n", "chart": "neurox-0.2.0"},
    ]
    half = Release("half", "n", "neurox-join", False)
    assert departure.with_leaving([known], listed) == [known, half]


def test_bindings_go_before_policies_and_only_of_kinds_that_the_cluster_has() -> None:
    group = "admissionregistration.k8s.io"
    old = departure.policies([f"validatingadmissionpolicies.{group}"])
    assert old == [
        "validatingadmissionpolicybindings/neurox-guard",
        "validatingadmissionpolicybindings/neurox-manager-stays-inside",
        "validatingadmissionpolicies/neurox-guard",
        "validatingadmissionpolicies/neurox-manager-stays-inside",
    ]
    new = departure.policies([f"{kind}.{group}" for kind in departure.POLICIES])
    assert new[0] == "mutatingadmissionpolicybindings/neurox-hold"
    assert len(new) == 6


def test_only_suspended_jobs_with_gpus_wait_for_us() -> None:
    jobs = [job("a", True, "1"), job("b", False, "1"), job("c", True, None)]
    assert departure.held(jobs) == ["team/a"]


def test_what_stays_is_named_with_what_to_do() -> None:
    waiting = [f"team/{number}" for number in range(12)]
    said = "\n".join(departure.behind(waiting, ["team"], ["neurox-system"]))
    assert "12 Jobs stay suspended: team/0, " in said
    assert "team/9, ..." in said
    assert "label namespace -l neurox.io/managed=true neurox.io/managed-" in said
    assert "kubectl delete namespace neurox-system" in said
    nothing = "\n".join(departure.behind([], [], []))
    assert "suspended" not in nothing
    assert "kubectl" not in nothing
    assert "neurox cluster remove NAME" in nothing
