import base64
import hashlib

import pulumi
import pytest
from pulumi.runtime.rpc import UNKNOWN

from infra.components import ArgumentError, ControlPlane, ControlPlaneArgs

SECRET = "4dabf18193072939515e22adb298388d"


def program(name="neurox", **args):
    def run():
        plane = ControlPlane(name, ControlPlaneArgs(**args))
        joins = {each: plane.join_kubeconfig(each) for each in plane.clusters}
        command = plane.join_command
        return {"url": plane.url, "namespace": plane.namespace, "command": command, **joins}

    return run


def test_the_release_takes_the_chart_of_the_checkout_and_what_was_decided(deploy):
    done = deploy(program(host="neurox.example.com", keep_data=False, namespace="gpus"))
    release = done.one("Release", "neurox-release").plain
    assert release["name"] == "neurox"
    assert release["namespace"] == "gpus"
    assert release["chart"].endswith("charts/neurox")
    assert release["values"] == {
        "expose": {"host": "neurox.example.com", "edge": {"service": "NodePort"}},
        "invitations": {"existingSecret": ""},
        "keepData": False,
        "alerts": {"enabled": False},
    }


def test_alerts_are_made_when_asked_for_with_the_labels_of_the_values(deploy):
    labels = {"alerts": {"labels": {"release": "prometheus"}}}
    done = deploy(program(host="neurox.example.com", alerts=True, values=labels))
    values = done.one("Release", "neurox-release").plain["values"]
    assert values["alerts"] == {"enabled": True, "labels": {"release": "prometheus"}}


def test_without_clusters_there_is_nothing_random_and_nothing_is_read(deploy):
    done = deploy(program())
    kinds = {resource.type.rpartition(":")[2] for resource in done.resources}
    assert kinds == {"ControlPlane", "Namespace", "Release"}


def test_every_child_belongs_to_the_component(deploy):
    done = deploy(program(host="neurox.example.com", clusters=["east"]))
    parents = {r.request.parent.rpartition("::")[2] for r in done.resources[1:]}
    assert parents == {"neurox"}


def test_an_invitation_holds_the_hash_of_the_token_in_the_kubeconfig(deploy):
    done = deploy(program(host="neurox.example.com", clusters=["east", "west"]))
    secret = done.one("Secret", "neurox-neurox-invitations").plain
    assert secret["metadata"]["name"] == "neurox-invitations"
    assert set(secret["data"]) == {"east", "west"}
    for cluster in ("east", "west"):
        text, _ = done.outputs[cluster]
        token = text.split("token: ")[1].split("\n")[0]
        prefix, token_id, secret_part = token.split("_", 2)
        record = base64.b64decode(secret["data"][cluster]).decode()
        assert prefix == "nxj"
        assert record == f"{token_id}:{hashlib.sha256(secret_part.encode()).hexdigest()}"


def test_a_token_is_in_nothing_that_is_shown(deploy):
    done = deploy(program(host="neurox.example.com", clusters=["east"]))
    text, secret = done.outputs["east"]
    token = text.split("token: ")[1].split("\n")[0]
    assert secret
    assert done.one("Stash", "neurox-neurox-system-east-token").plain["input"] == token
    told = [each.shown for each in done.resources]
    outputs = [done.outputs[name] for name in ("url", "namespace", "command")]
    for part in (token, token.split("_", 2)[2], base64.b64encode(token.encode()).decode()):
        assert part not in f"{told} {outputs}"


def test_a_token_is_the_first_that_was_made_and_needs_no_provider(deploy):
    stash = deploy(program(host="h.example.com", clusters=["east"])).one(
        "Stash", "neurox-neurox-system-east-token"
    )
    assert list(stash.request.ignoreChanges) == ["input"]
    assert list(stash.request.additionalSecretOutputs) == ["output"]
    assert stash.provider == ""


def test_a_control_plane_in_another_namespace_makes_new_tokens(deploy):
    here = deploy(program(host="h.example.com", clusters=["east"]))
    there = deploy(program(host="h.example.com", clusters=["east"], namespace="other"))
    assert here.outputs["east"] != there.outputs["east"]


def test_the_release_comes_after_the_invitations_and_they_after_the_namespace(deploy):
    done = deploy(program(host="neurox.example.com", clusters=["east"]))
    secret = done.one("Secret", "neurox-neurox-invitations")
    assert "neurox-namespace" in secret.depends_on
    release = done.one("Release", "neurox-release")
    assert {"neurox-namespace", "neurox-neurox-invitations"} <= set(release.depends_on)
    order = [resource.name for resource in done.resources]
    assert order.index("neurox-ca") > order.index("neurox-release")
    assert release.plain["values"]["invitations"] == {"existingSecret": "neurox-invitations"}


def test_the_ca_is_read_from_the_object_that_the_chart_calls_so(deploy):
    done = deploy(program(f"a{'b' * 35}-c", host="h.example.com", clusters=["east"]))
    read = done.one("ConfigMap", f"a{'b' * 35}-c-ca")
    assert read.request.id == f"neurox-system/a{'b' * 35}-ca"


def test_a_preview_reads_nothing_that_is_not_there_yet(deploy):
    done = deploy(program(host="neurox.example.com", clusters=["east"]), preview=True)
    assert done.one("ConfigMap", "neurox-ca").request.id == UNKNOWN
    assert done.outputs["east"] == (None, True)
    assert done.outputs["url"][0] == "https://neurox.example.com:30443"


@pytest.mark.parametrize(
    "args",
    [
        {"values": {"expose": {"edge": {"acmeEmail": "you@example.com"}}}},
        {"values": {"expose": {"edge": {"existingSecret": "tls"}}}},
        {"values": {"expose": {"type": "ingress"}}},
    ],
)
def test_a_public_certificate_needs_no_ca(deploy, args):
    done = deploy(program(host="h.example.com", clusters=["east"], **args))
    assert "certificate-authority-data" not in done.outputs["east"][0]
    assert done.names("Secret") == ["neurox-neurox-invitations"]


def test_a_given_ca_is_what_clusters_trust(deploy):
    done = deploy(program(host="h.example.com", clusters=["east"], ca_certificate="PEM"))
    assert f"authority-data: {base64.b64encode(b'PEM').decode()}" in done.outputs["east"][0]


@pytest.mark.parametrize(
    ("args", "url"),
    [
        ({}, "https://localhost:8443"),
        ({"host": "h"}, "https://h:30443"),
        ({"host": "h", "values": {"expose": {"edge": {"nodePort": 31000}}}}, "https://h:31000"),
        ({"host": "h", "service": "LoadBalancer"}, "https://h"),
        ({"host": "h", "values": {"expose": {"type": "ingress"}}}, "https://h"),
        ({"host": "h", "values": {"expose": {"type": "none"}}}, "https://h"),
    ],
)
def test_the_url_is_what_people_type(deploy, args, url):
    done = deploy(program(**args))
    assert done.outputs["url"] == (url, False)
    assert f"NEUROX_SERVER={url} " in done.outputs["command"][0]


def test_values_may_be_outputs(deploy):
    host = pulumi.Output.from_input("later.example.com")
    done = deploy(program(clusters=["east"], values={"expose": {"host": host}}))
    assert done.outputs["url"][0] == "https://later.example.com:30443"


def test_a_kept_namespace_outlives_the_stack(deploy):
    for keep in (True, False):
        namespace = deploy(program(keep_data=keep)).one("Namespace", "neurox-namespace")
        assert namespace.request.retainOnDelete is keep
    by_values = deploy(program(values={"keepData": False}))
    assert not by_values.one("Namespace", "neurox-namespace").request.retainOnDelete


def test_a_namespace_that_is_there_already_is_left_alone(deploy):
    assert deploy(program(create_namespace=False)).names("Namespace") == []


def test_old_revisions_do_not_pile_up(deploy):
    assert deploy(program()).one("Release", "neurox-release").plain["maxHistory"] == 10


def test_a_release_is_never_beside_another(deploy):
    release = deploy(program()).one("Release", "neurox-release")
    assert release.request.deleteBeforeReplace


def test_a_second_run_asks_for_the_same(deploy):
    run = program(host="h.example.com", clusters=["east", "west"])
    first, second = deploy(run), deploy(run)

    def asked(done):
        kept = [each for each in done.resources if not each.type.endswith(":Stash")]
        return sorted((each.type, each.name, str(each.plain)) for each in kept)

    assert asked(first) == asked(second)
    assert first.outputs == second.outputs


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("Neurox", {}, "ControlPlane's name 'Neurox'"),
        ("n" * 54, {}, "1 to 53"),
        ("neurox", {"namespace": "a.b"}, "namespace 'a.b'"),
        ("neurox", {"service": "nodeport"}, "service 'nodeport'"),
        ("neurox", {"clusters": "east", "host": "h"}, "write ['east'], not 'east'"),
        ("neurox", {"clusters": ["e", "e"], "host": "h"}, "names 'e' twice"),
        ("neurox", {"clusters": ["E"], "host": "h"}, "clusters: 'E'"),
        ("neurox", {"clusters": ["east"]}, "host is empty"),
        (
            "neurox",
            {"clusters": ["east"], "host": "h", "values": {"invitations": {}}},
            "invitations is set by the argument clusters",
        ),
        ("neurox", {"values": {"expose": {"type": "ingress"}}}, "expose.type=ingress"),
    ],
)
def test_a_bad_argument_is_named(deploy, name, args, words):
    with pytest.raises(ArgumentError) as refused:
        deploy(program(name, **args))
    assert words in str(refused.value)


def test_a_cluster_that_is_not_invited_cannot_join(deploy):
    def run():
        ControlPlane("neurox", ControlPlaneArgs(host="h", clusters=["east"])).join_kubeconfig(
            "west"
        )

    with pytest.raises(ArgumentError, match=r"cluster 'west' is not invited.*now: east"):
        deploy(run)
