import base64

import pulumi
import pulumi_kubernetes
import pytest
from pulumi.runtime import set_all_config

from controllers.relay import join
from controllers.relay.kubeconfig import parse_kubeconfig
from infra.components import (
    ArgumentError,
    Charts,
    ControlPlane,
    ControlPlaneArgs,
    WorkloadCluster,
    WorkloadClusterArgs,
)
from portal.api import installing

SECRET = "4dabf18193072939515e22adb298388d"
CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def provided(name):
    provider = pulumi_kubernetes.Provider(name, context=name)
    return pulumi.ResourceOptions(provider=provider)


def joined(**args):
    """A control plane in one cluster, and `east` in another."""

    def run():
        plane = ControlPlane(
            "neurox",
            ControlPlaneArgs(host="neurox.example.com", clusters=["east"]),
            provided("central"),
        )
        east = WorkloadClusterArgs(control_plane=plane, cluster="east", **args)
        return {"namespace": WorkloadCluster("east", east, provided("away")).namespace}

    return run


def kubeconfig(done, name):
    secret = done.one("Secret", name).plain
    assert list(secret["data"]) == ["kubeconfig"]
    return base64.b64decode(secret["data"]["kubeconfig"]).decode()


def test_the_join_secret_is_what_the_portal_would_have_written(deploy):
    text = kubeconfig(deploy(joined()), "east-neurox-join")
    parsed = parse_kubeconfig(text)
    assert parsed.server == "https://neurox.example.com:30443/relay/v1/join"
    assert parsed.ca_pem == CA
    assert text == join.kubeconfig("https://neurox.example.com:30443", CA, parsed.token)


def test_the_join_secret_is_secret_in_the_state(deploy):
    secret = deploy(joined()).one("Secret", "east-neurox-join")
    assert SECRET in secret.inputs["data"]
    assert secret.plain["metadata"]["name"] == "neurox-join"


def test_its_release_waits_for_the_join_secret_and_for_the_control_plane(deploy):
    done = deploy(joined())
    release = done.one("Release", "east-release")
    assert {"east-namespace", "east-neurox-join", "neurox-release"} <= set(release.depends_on)
    order = [(each.type.rpartition(":")[2], each.name) for each in done.resources]
    assert order.index(("Release", "neurox-release")) < order.index(("Release", "east-release"))
    assert release.plain["name"] == "neurox-workload"
    assert release.plain["chart"].endswith("charts/neurox-workload")


def test_each_plane_goes_through_its_own_provider(deploy):
    done = deploy(joined())
    by_provider = {"central": set(), "away": set()}
    for each in done.resources:
        if each.type.startswith("kubernetes:"):
            by_provider[each.provider.split("::")[-2]].add(each.name)
    assert by_provider == {
        "central": {
            "neurox-namespace",
            "neurox-neurox-invitations",
            "neurox-release",
            "neurox-ca",
        },
        "away": {"east-namespace", "east-neurox-join", "east-release"},
    }


def test_a_cluster_of_another_program_joins_by_the_kubeconfig_that_it_is_given(deploy):
    def run():
        args = WorkloadClusterArgs(join_kubeconfig="apiVersion: v1", values={"agent": {}})
        WorkloadCluster("west", args)
        return {}

    done = deploy(run)
    assert kubeconfig(done, "west-neurox-join") == "apiVersion: v1"
    assert SECRET in done.one("Secret", "west-neurox-join").inputs["data"]
    assert done.names("ControlPlane") == []
    assert done.one("Release", "west-release").plain["values"] == {"agent": {}}


def test_its_namespace_goes_with_it(deploy):
    namespace = deploy(joined()).one("Namespace", "east-namespace")
    assert not namespace.request.retainOnDelete
    assert deploy(joined(create_namespace=False)).names("Namespace") == ["neurox-namespace"]


def test_its_chart_comes_from_where_the_control_planes_does(deploy):
    def run():
        charts = Charts("oci://registry.example.com/neurox", "0.1.0")
        plane = ControlPlane("neurox", ControlPlaneArgs(host="h", clusters=["east"], charts=charts))
        WorkloadCluster("east", WorkloadClusterArgs(control_plane=plane, cluster="east"))
        return {}

    release = deploy(run).one("Release", "east-release").plain
    assert release["chart"] == "oci://registry.example.com/neurox/neurox-workload"
    assert release["version"] == "0.1.0"


def test_a_token_is_shown_by_no_argument():
    args = WorkloadClusterArgs(join_kubeconfig="token: nxj_1_2")
    assert "nxj_" not in repr(args)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({}, "either control_plane"),
        ({"join_kubeconfig": "x", "cluster": "east"}, "cluster 'east' goes with control_plane"),
        ({"join_kubeconfig": "x", "values": {"join": {}}}, "join is the Secret neurox-join"),
        ({"join_kubeconfig": "x", "namespace": "A"}, "namespace 'A'"),
    ],
)
def test_a_bad_argument_is_named(deploy, args, words):
    with pytest.raises(ArgumentError) as refused:
        deploy(lambda: {"x": WorkloadCluster("east", WorkloadClusterArgs(**args)).namespace})
    assert words in str(refused.value)


def test_the_program_that_the_portal_shows_installs_the_chart_by_the_join_secret(deploy):
    text = join.kubeconfig("https://hub.example", CA, "nxj_1_2")
    secret = join.secret_yaml(text, "east")

    def run():
        set_all_config({"neurox:joinSecret": secret})
        exec(compile(installing.pulumi("east"), "__main__.py", "exec"), {})  # noqa: S102
        return {}

    done = deploy(run)
    set_all_config({})
    assert kubeconfig(done, "east-neurox-join") == text
    assert SECRET in done.one("Secret", "east-neurox-join").inputs["data"]
    assert done.one("Release", "east-release").plain["name"] == "neurox-workload"
    assert "::east::" in done.one("Release", "east-release").provider
