"""The kubeconfig of a Secret may name a server, a CA and a token, and nothing that acts."""

import time
from typing import Any

import pytest
import yaml

from controllers.relay import join
from controllers.relay.kubeconfig import KubeconfigError, parse_kubeconfig


def document(**changes: Any) -> str:
    """A good file with some keys of its cluster or user changed."""
    root = yaml.safe_load(join.kubeconfig("https://hub.example:8443", None, "nxj_1_s3cret"))
    for name, value in changes.items():
        where = "users" if name in ("exec", "auth-provider", "tokenFile", "token") else "clusters"
        root[where][0][where[:-1]][name] = value
    return str(yaml.safe_dump(root))


def test_a_plain_file_is_read() -> None:
    parsed = parse_kubeconfig(document())
    assert parsed.server == "https://hub.example:8443/relay/v1/join"
    assert (parsed.ca_pem, parsed.token) == (None, "nxj_1_s3cret")
    assert "s3cret" not in repr(parsed)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("exec", {"command": "sh"}),
        ("auth-provider", {"name": "x"}),
        ("tokenFile", "/etc/shadow"),
        ("certificate-authority", "/etc/passwd"),
        ("proxy-url", "http://evil.example"),
        ("insecure-skip-tls-verify", True),
    ],
)
def test_what_acts_or_reaches_elsewhere_is_refused_by_name(key: str, value: Any) -> None:
    with pytest.raises(KubeconfigError, match=key):
        parse_kubeconfig(document(**{key: value}))


@pytest.mark.parametrize(
    "changes",
    [
        {"server": "http://hub.example"},
        {"server": "https://"},
        {"server": "https://user:pw@hub.example"},
        {"server": "https://hub.example:99999"},
        {"server": 5},
        {"token": ""},
        {"token": "a\nb"},
        {"token": ["nxj_1_s3cret"]},
        {"certificate-authority-data": "%%%"},
        {"certificate-authority-data": "aGVsbG8="},
        {"tls-server-name": "other"},
    ],
)
def test_a_bad_value_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(KubeconfigError):
        parse_kubeconfig(document(**changes))


@pytest.mark.parametrize("text", ["", "[]", "a: [", "current-context: x", "&a [*a]", "x" * 70_000])
def test_what_is_no_kubeconfig_is_refused(text: str) -> None:
    with pytest.raises(KubeconfigError):
        parse_kubeconfig(text)


def test_a_file_that_would_grow_without_end_is_refused_at_once() -> None:
    lines = ["a0: &a0 {x: y}"]
    for number in range(1, 60):
        many = ",".join([f"*a{number - 1}"] * 9)
        lines.append(f"a{number}: &a{number} {{<<: [{many}]}}")
    began = time.monotonic()
    with pytest.raises(KubeconfigError):
        parse_kubeconfig("\n".join(lines))
    assert time.monotonic() - began < 10, "9 to the power of 60 would take longer"


@pytest.mark.parametrize("value", ["2024-13-45", "!!timestamp x", "!!int x", "!!python/name:os.x"])
def test_a_value_is_text_and_nothing_else(value: str) -> None:
    text = document().replace("current-context: neurox", f"current-context: neurox\nodd: {value}")
    assert parse_kubeconfig(text).token == "nxj_1_s3cret"


def test_a_refusal_never_shows_what_is_in_the_file() -> None:
    with pytest.raises(KubeconfigError) as refused:
        parse_kubeconfig(document(nxj_secret_as_a_key="x"))
    assert "nxj_" not in str(refused.value)
