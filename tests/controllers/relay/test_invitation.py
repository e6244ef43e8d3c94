"""A join Secret that came to harm on its way is told what harm, in one sentence of its own."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from controllers.relay import join
from controllers.relay.client.joiner import Invitation, JoinFailed, invitation
from controllers.relay.kubeconfig import KubeconfigError, decoded, parse_kubeconfig

TOKEN = "nxj_0123456789abcdef_" + "s" * 43
CA = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
GOOD = join.kubeconfig("https://hub.example", CA, TOKEN)


def changed(**changes: Any) -> str:
    """The good file with server, CA or token replaced."""
    root = yaml.safe_load(GOOD)
    cluster, user = root["clusters"][0]["cluster"], root["users"][0]["user"]
    for name, value in changes.items():
        (user if name == "token" else cluster)[name.replace("_", "-")] = value
    return str(yaml.safe_dump(root))


def of(folder: Path, text: str | bytes) -> Invitation | None:
    """What a client makes of a file with that content."""
    file = folder / "kubeconfig"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return invitation(file)


HARMLESS = {
    "byte order mark": "\ufeff" + GOOD,
    "line ends of Windows": GOOD.replace("\n", "\r\n"),
    "comments and empty lines": f"# from the portal\n\n{GOOD}\n\n",
    "quotes of YAML": GOOD.replace(TOKEN, f'"{TOKEN}"'),
    "white space around the token": changed(token=f"  {TOKEN}\n"),
    "a CA on several lines": changed(
        certificate_authority_data="\n".join(
            base64.b64encode(CA.encode()).decode()[i : i + 16] for i in range(0, 96, 16)
        )
    ),
    "accents beside the CA": changed(
        certificate_authority_data=base64.b64encode(f"\u00e9\u00e8{CA}".encode()).decode()
    ),
    "a second context": GOOD.replace(
        "contexts:\n", "contexts:\n- {name: other, context: {cluster: x, user: y}}\n"
    ),
    "a slash after the address": changed(server="https://hub.example/relay/v1/join/"),
    "as JSON": json.dumps(yaml.safe_load(GOOD)),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_does_no_harm_is_read(tmp_path: Path, what: str) -> None:
    assert of(tmp_path, HARMLESS[what]) == Invitation("https://hub.example", CA, TOKEN)


BAD: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "the kubeconfig is empty"),
    "white space": (" \n\t\n", "the kubeconfig is empty"),
    "UTF-16": (GOOD.encode("utf-16"), "the file is UTF-16, as PowerShell writes it"),
    "bytes": (b"\x80\x81", "the file is not UTF-8 text"),
    "encoded twice": (base64.encodebytes(GOOD.encode()), "is base64 still; it was encoded twice"),
    "the whole Secret": (join.secret_yaml(GOOD, "east"), "is a whole Secret"),
    "cut in the middle": (GOOD[: GOOD.index("contexts:")] + "con", "is not one document of YAML"),
    "cut at a line": (GOOD[: GOOD.index("contexts:")], "has no current-context"),
    "two documents": (f"{GOOD}---\n{GOOD}", "is not one document of YAML"),
    "no clusters": (GOOD.replace("clusters:", "klusters:"), "has no clusters"),
    "no users": (GOOD.replace("users:", "losers:"), "has no users"),
    "a context of another name": (
        GOOD.replace("current-context: neurox", "current-context: prod"),
        "has no context of the name that it refers to",
    ),
    "two contexts of one name": (
        GOOD.replace("contexts:\n", "contexts:\n- {name: neurox, context: {}}\n"),
        "has two contexts of one name",
    ),
    "plain http": (changed(server="http://hub.example/relay/v1/join"), "is http://, and must be"),
    "no address": (changed(server="hub.example"), "is not a plain https:// address"),
    "an API server": (changed(server="https://k8s.example:6443"), "does not end in /relay/v1/join"),
    "no token": (changed(token=""), "has no token"),
    "broken token": (changed(token=f"{TOKEN[:30]} {TOKEN[30:]}"), "is broken by white space"),
    "token of two lines": (changed(token=f"{TOKEN[:30]}\n{TOKEN[30:]}"), "is broken by white"),
    "quoted token": (changed(token=f"'{TOKEN}'"), "has quotes in it"),
    "cut token": (changed(token=TOKEN[:-5]), "was cut or changed; copy the Secret whole"),
    "other token": (changed(token="eyJhbGciOi"), "does not begin with nxj_"),
    "CA of wrong base64": (changed(certificate_authority_data="%%%"), "is not base64"),
    "CA that is no PEM": (changed(certificate_authority_data="aGVsbG8="), "no PEM certificate"),
    "a program": (
        GOOD.replace(f"token: {TOKEN}", "exec: {command: sh}"),
        "'exec': it would run a program",
    ),
    "a file": (changed(certificate_authority="/etc/passwd"), "'certificate-authority': it names"),
}


ODD: dict[str, tuple[str | bytes, str]] = {
    "half an address": (
        changed(server="https://[::1/relay/v1/join"),
        "is not a plain https:// address",
    ),
    "letters of elsewhere": (
        changed(server="https://ex\u2100mple/relay/v1/join"),
        "is not a plain https:// address",
    ),
    "a character that is none": (
        GOOD.replace("https://hub.example/relay/v1/join", '"\\U00110000"'),
        "is not one document of YAML",
    ),
    "a number that is too large": (
        GOOD.replace("https://hub.example/relay/v1/join", '"\\UFFFFFFFF"'),
        "is not one document of YAML",
    ),
}
"""Of the same harms, what is hard to read at all."""


@pytest.mark.parametrize("what", [*BAD, *ODD])
def test_what_came_to_harm_is_told_in_one_line(tmp_path: Path, what: str) -> None:
    content, says = (BAD | ODD)[what]
    with pytest.raises(JoinFailed) as refused:
        of(tmp_path, content)
    words = str(refused.value)
    assert says in words
    assert "\n" not in words
    assert "s" * 10 not in words


def test_each_harm_has_words_of_its_own() -> None:
    words = [says for _, says in BAD.values()]
    assert len({says[:22] for says in words}) >= len(BAD) - 4


def test_a_secret_with_another_key_is_told_from_no_secret(tmp_path: Path) -> None:
    assert invitation(tmp_path / "kubeconfig") is None
    data = tmp_path / "..2026_11_26"
    data.mkdir()
    (tmp_path / "..data").symlink_to(data.name)
    assert invitation(tmp_path / "kubeconfig") is None, "so looks an optional one that is not there"
    (data / "config").write_text(GOOD)
    (tmp_path / "config").symlink_to("..data/config")
    with pytest.raises(JoinFailed, match="has no key kubeconfig; its keys: config"):
        invitation(tmp_path / "kubeconfig")
    (tmp_path / "config").rename(tmp_path / "kubeconfig")
    assert invitation(tmp_path / "kubeconfig") is not None


SECRETS = {
    "another kind": ("kind: ConfigMap\n", "is not a Secret called neurox-join"),
    "another name": (
        join.secret_yaml(GOOD, "east").replace("name: neurox-join\n", "name: other\n", 1),
        "is not a Secret called neurox-join",
    ),
    "another key": (
        join.secret_yaml(GOOD, "east").replace("  kubeconfig:", "  config:"),
        "must have one key, kubeconfig; its keys: config",
    ),
    "a second object": (
        f"{join.secret_yaml(GOOD, 'east')}---\nkind: ClusterRoleBinding\n",
        "is not one document",
    ),
    "no data": ("kind: Secret\nmetadata: {name: neurox-join}\n", "its keys: none"),
    "wrong base64": (
        "kind: Secret\nmetadata: {name: neurox-join}\ndata: {kubeconfig: '%%'}\n",
        "data is not base64",
    ),
}


@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_that_is_none_of_ours_is_refused(what: str) -> None:
    text, says = SECRETS[what]
    with pytest.raises(KubeconfigError, match=says):
        join.kubeconfig_of(text)


def test_a_secret_is_read_as_text_or_as_kubernetes_shows_it() -> None:
    assert join.kubeconfig_of(join.secret_yaml(GOOD, "east")) == GOOD
    encoded = base64.b64encode(GOOD.encode()).decode()
    shown = {"kind": "Secret", "metadata": {"name": "neurox-join"}, "data": {"kubeconfig": encoded}}
    assert join.kubeconfig_of(yaml.safe_dump(shown)) == GOOD
    assert parse_kubeconfig(decoded(GOOD.encode())).token == TOKEN


POISONED: list[dict[str, Any]] = [
    {"exec": {"command": "/bin/sh", "args": ["-c", "id"], "apiVersion": "v1"}},
    {"auth-provider": {"name": "gcp", "config": {"cmd-path": "/bin/sh"}}},
    {"tokenFile": "/etc/hostname"},
    {"client-certificate": "/etc/hostname"},
    {"client-key": "/etc/hostname"},
    {"client-key-data": "MA=="},
    {"username": "admin", "password": "x"},
    {"as": "system:admin"},
    {"impersonate": "system:admin"},
    {"certificate-authority": "/etc/hostname"},
    {"proxy-url": "http://127.0.0.1:9"},
    {"insecure-skip-tls-verify": True},
    {"tls-server-name": "other"},
    {"disable-compression": True},
    {"server": "file:///etc/hostname"},
    {"server": "https://user:password@hub.example/relay/v1/join"},
    {"server": "https://hub.example/relay/v1/join?x=1"},
    {"server": "https://hub.example/relay/v1/join#x"},
    {"server": "unix:///var/run/docker.sock"},
    {"unknown-key": {"command": "/bin/sh"}},
]
OF_CLUSTER = ("certificate-authority", "proxy-url", "insecure", "tls", "disable", "server")
WATCHED = """
import sys
from pathlib import Path
from controllers.relay.client.joiner import JoinFailed, invitation

"".encode("utf-8-sig")  # Python loads each codec when it is first used
seen = []
quiet = ("open", "subprocess.Popen", "os.exec", "os.system", "os.posix_spawn", "socket.connect")
sys.addaudithook(lambda name, args: seen.append((name, str(args[0]))) if name in quiet else None)
for name in sys.argv[1:]:
    try:
        invitation(Path(name))
        sys.exit(f"{name} was taken")
    except JoinFailed:
        pass
assert seen == [("open", name) for name in sys.argv[1:]], seen
"""


def test_a_poisoned_file_starts_no_program_and_opens_no_other_file(tmp_path: Path) -> None:
    assert len(POISONED) == 20
    files = []
    for number, poison in enumerate(POISONED):
        root = yaml.safe_load(GOOD)
        name = next(iter(poison))
        place = "cluster" if name.startswith(OF_CLUSTER) else "user"
        root[f"{place}s"][0][place].update(poison)
        files.append(tmp_path / str(number))
        files[-1].write_text(yaml.safe_dump(root))
    words = [sys.executable, "-c", WATCHED, *map(str, files)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
