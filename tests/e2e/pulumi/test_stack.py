"""The life of a stack, by the real CLI on a real cluster: each test goes on where one ended."""

import base64
import json

import pytest
import yaml
from stacks import JOINED, NAMESPACE, UP_SECONDS

pytestmark = [pytest.mark.slow, pytest.mark.pulumi]
MOVED = f"{NAMESPACE}-moved"
PRIVATE_KEY = "-----BEGIN PRIVATE KEY"


def token(stack):
    """The token that joined, from the Secret in its cluster."""
    secret = stack.joining.get("secret", "neurox-join", JOINED)
    text = base64.b64decode(secret["data"]["kubeconfig"]).decode()
    return yaml.safe_load(text)["users"][0]["user"]["token"]


def joined_by(stack):
    """The id of the token that the relay-client has used."""
    kept = stack.joining.get("secret", "neurox-relay-key", JOINED)
    return base64.b64decode(kept["data"]["token-id"]).decode()


def test_a_preview_of_empty_clusters_makes_nothing(stack):
    stack.must("preview")
    for cluster in {stack.control, stack.joining}:
        assert cluster.objects() == stack.before[cluster.context]


def test_up_stands_up_a_control_plane_and_joins_a_cluster(stack):
    stack.up()
    outputs = json.loads(stack.must("stack", "output", "--json"))
    assert set(outputs) == {"url", "namespace", "joinCommand"}
    assert outputs["namespace"] == NAMESPACE
    assert outputs["url"] in outputs["joinCommand"]
    # The relay-client is ready when it is joined and connected, and not before.
    client = stack.joining.get("deployment", "neurox-relay-client", JOINED)
    assert client["status"]["readyReplicas"] == 1


def test_the_token_is_secret_in_the_state_and_unknown_to_the_control_plane(stack):
    _, token_id, secret = token(stack).split("_", 2)
    kept = stack.joining.get("secret", "neurox-join", JOINED)["data"]["kubeconfig"]
    assert secret not in stack.state
    assert kept not in stack.state
    shown = stack.must("stack", "output", "--json", "--show-secrets")
    assert secret not in shown
    invitations = stack.control.get("secret", "neurox-invitations", NAMESPACE)
    record = base64.b64decode(invitations["data"]["east"]).decode()
    assert record.startswith(f"{token_id}:")
    assert secret not in record


def test_the_key_of_the_ca_is_not_in_the_state(stack):
    state = stack.must("stack", "export", "--show-secrets")
    assert "nxj_" in state, "what is secret is shown"
    assert PRIVATE_KEY not in state
    assert base64.b64encode(PRIVATE_KEY[:15].encode()).decode() not in state


def test_a_second_preview_shows_no_change(stack):
    stack.must("preview", "--expect-no-changes")


def test_a_second_up_changes_nothing(stack):
    pods = stack.control.kubectl("get", "pods", "-n", NAMESPACE, "-o", "name")
    stack.up("--expect-no-changes")
    assert stack.control.kubectl("get", "pods", "-n", NAMESPACE, "-o", "name") == pods


def test_a_change_is_one_upgrade_and_leaves_the_tokens_alone(stack):
    before = token(stack)
    stack.control.kubectl("delete", "deployment", "neurox-portal", "-n", NAMESPACE)
    stack.set_values(relayServer={"drainSeconds": 45})
    stack.up()
    relay = stack.control.get("deployment", "neurox-relay-server", NAMESPACE)
    env = relay["spec"]["template"]["spec"]["containers"][0]["env"]
    assert "45" in [each.get("value") for each in env]
    portal = stack.control.get("deployment", "neurox-portal", NAMESPACE)
    assert portal["status"]["readyReplicas"] == 1, "an upgrade puts back what somebody deleted"
    assert token(stack) == before
    stack.must("preview", "--expect-no-changes")


def test_what_was_deleted_by_hand_comes_back_the_same_after_a_refresh(stack):
    before = stack.control.get("secret", "neurox-invitations", NAMESPACE)["data"]
    stack.control.kubectl("delete", "secret", "neurox-invitations", "-n", NAMESPACE)
    stack.must("refresh", "--yes", "--skip-preview", seconds=600)
    assert stack.run("preview", "--expect-no-changes").returncode != 0
    stack.up()
    assert stack.control.get("secret", "neurox-invitations", NAMESPACE)["data"] == before
    stack.must("preview", "--expect-no-changes")


def test_a_control_plane_in_another_namespace_is_joined_anew(stack, eventually):
    before = token(stack)
    stack.configure("namespace", MOVED)
    stack.up()
    new = token(stack)
    assert new != before
    eventually("the cluster has used it", lambda: joined_by(stack) == new.split("_", 2)[1])
    assert f"Namespace/<none>/{NAMESPACE}" not in stack.control.objects()
    stack.must("preview", "--expect-no-changes")


def test_destroy_leaves_nothing(stack, eventually):
    stack.must("destroy", "--yes", seconds=UP_SECONDS)
    kept = json.loads(stack.must("stack", "export"))["deployment"]
    assert not kept.get("resources")
    for cluster in {stack.control, stack.joining}:
        left = set()

        def gone(cluster=cluster, left=left):
            left.clear()
            left.update(cluster.objects() - stack.before[cluster.context])
            return not left

        eventually("everything is gone", gone)
        assert not left
