import json
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import neurox_web
import pytest
import yaml
from neurox_web import Web

from controllers.relay import join

Neurox = Callable[..., Any]


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubectl that keeps its arguments and input, and fails for the context ``broken``."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "kubectl"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {tmp_path}/calls\n'
        f'case "$*" in *apply*) cat >> {tmp_path}/applied;; esac\n'
        'case "$*" in *broken*) echo "error: no such host" >&2; exit 1;; esac\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return tmp_path


def test_joining_makes_the_record_and_applies_the_secret(
    web: Web, server: str, neurox: Neurox, kubectl: Path
) -> None:
    done = neurox("cluster", "join", "cellar", "--context", "prod")
    assert done.code == 0, done.err
    assert [cluster.name for cluster in web.stores.clusters.all()] == ["cellar"]
    applied = (kubectl / "applied").read_text()
    assert "kind: Namespace" in applied
    assert "neurox-join" in applied
    calls = (kubectl / "calls").read_text()
    assert "--context prod" in calls
    assert "nxj_" not in calls + done.out + done.err
    assert "neurox cluster status cellar" in done.err


def test_the_secret_can_be_printed_for_a_pipe(web: Web, server: str, neurox: Neurox) -> None:
    done = neurox("cluster", "join", "cellar", "-o", "yaml")
    assert done.code == 0
    assert "kind: Secret" in done.out
    assert "kubectl apply --server-side" in done.err
    assert "works once" in done.err


def test_programs_get_the_record_the_secret_and_the_command(
    web: Web, server: str, neurox: Neurox
) -> None:
    done = neurox("cluster", "join", "cellar", "-o", "json")
    assert done.code == 0
    made = json.loads(done.out)
    assert made["cluster"]["name"] == "cellar"
    assert "kind: Secret" in made["secret"]
    assert "kubectl apply --server-side" in made["command"]
    assert "works once" in done.err


def test_a_cluster_that_never_came_gets_a_new_token(web: Web, server: str, neurox: Neurox) -> None:
    first = neurox("cluster", "join", "cellar", "--print-secret").out
    second = neurox("cluster", "join", "cellar", "--print-secret").out
    assert first != second
    assert len(web.stores.clusters.all()) == 1


def test_a_connected_cluster_is_left_alone(web: Web, server: str, neurox: Neurox) -> None:
    neurox_web.cluster(web, "east")
    done = neurox("cluster", "join", "east", "--print-secret")
    assert done.code == 5
    assert "connected already" in done.err


def test_a_context_that_does_not_answer_leaves_no_record(
    web: Web, server: str, neurox: Neurox, kubectl: Path
) -> None:
    done = neurox("cluster", "join", "cellar", "--context", "broken")
    assert done.code == 1
    assert "no such host" in done.err
    assert web.stores.clusters.all() == []


def test_a_secret_can_be_applied_and_printed_too(
    web: Web, server: str, neurox: Neurox, kubectl: Path
) -> None:
    printed = neurox("cluster", "join", "cellar", "--context", "prod", "--print-secret")
    assert printed.code == 0
    assert printed.out in (kubectl / "applied").read_text()
    (kubectl / "applied").unlink()
    told = neurox("cluster", "join", "cellar", "--context", "prod", "-o", "json")
    assert json.loads(told.out)["secret"] in (kubectl / "applied").read_text()


def test_one_that_was_revoked_just_now_gets_a_new_token(
    web: Web, server: str, neurox: Neurox, kubectl: Path
) -> None:
    east = neurox_web.cluster(web, "east")
    join.revoke(web.stores.redis, east.id)
    assert web.get("/clusters/east").json["state"] == "revoked"  # type: ignore[index]
    done = neurox("cluster", "join", "east", "--context", "prod")
    assert done.code == 0, done.err


def test_what_is_no_name_or_description_is_refused_before_anything_is_made(
    web: Web, server: str, neurox: Neurox
) -> None:
    for words, says in (
        (("cellar", "--description", "x" * 501), "has 501 characters; at most 500"),
        (("cellar", "--description", "\udcff"), "description must be UTF-8"),
        (("\udcff",), "is not a valid name"),
        (("new",), "is the address of a page"),
    ):
        done = neurox("cluster", "join", *words)
        assert done.code == 2
        assert says in done.err
    assert web.stores.clusters.all() == []


def test_a_name_alone_gives_the_secret_the_command_and_the_program(
    web: Web, server: str, neurox: Neurox
) -> None:
    done = neurox("cluster", "join", "cellar")
    assert done.code == 0
    assert yaml.safe_load(done.out)["metadata"]["name"] == "neurox-join"
    assert "kubectl apply --server-side" in done.err
    assert "WorkloadClusterArgs(" in done.err
    assert "nxj_" not in done.err


def expires_in(out: str, web: Web) -> float:
    (record,) = web.stores.clusters.all()
    waiting = join.waiting(web.stores.redis, record.id)
    assert waiting is not None
    assert f"nxj_{waiting.id}_" in out
    return waiting.expires_at - time.time()


def test_a_token_may_live_for_a_week_and_no_longer(web: Web, server: str, neurox: Neurox) -> None:
    for text in ("8d", "169h", "0s", "30s", "soon", "-1h", "1.5h", ""):
        refused = neurox("cluster", "join", "cellar", "--expires", text)
        assert refused.code == 2
        assert f"not {text!r}" in refused.err
    assert "between 1m and 7d" in neurox("cluster", "join", "cellar", "--expires", "8d").err
    assert web.stores.clusters.all() == []
    week = neurox("cluster", "join", "cellar", "--expires", "7d")
    assert week.code == 0
    assert 7 * 86400 - 60 < expires_in(week.out, web) <= 7 * 86400
    assert 3540 < expires_in(neurox("cluster", "join", "cellar").out, web) <= 3600


def test_a_rebuilt_cluster_needs_the_word_and_must_be_gone(
    web: Web, server: str, neurox: Neurox
) -> None:
    unknown = neurox("cluster", "join", "cellar", "--rebuilt")
    assert unknown.code == 3
    assert "there is no cluster 'cellar'" in unknown.err
    neurox("cluster", "join", "cellar")
    (record,) = web.stores.clusters.all()
    waiting = join.waiting(web.stores.redis, record.id)
    assert waiting is not None
    assert not waiting.rebuilt
    assert neurox("cluster", "join", "cellar", "--rebuilt").code == 0
    waiting = join.waiting(web.stores.redis, record.id)
    assert waiting is not None
    assert waiting.rebuilt
    neurox_web.cluster(web, "east")
    done = neurox("cluster", "join", "east", "--rebuilt")
    assert done.code == 5
    assert "shown as lost 45 s after its last report" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("east", "-f", "x.yaml"),
        ("east", "--secret", "x"),
        ("east", "--output-dir", "x"),
        ("-f", "x.yaml", "--rebuilt"),
        ("-f", "x.yaml", "--context", "prod"),
        ("-f", "x.yaml", "--label", "a=b"),
        ("east", "--label", "region"),
        ("east", "--label", "a=b", "--label", "a=c"),
        ("east", "--label", "a b=c"),
        (),
        ("east", "-o", "xml"),
        ("--secret", "x", "--rebuilt"),
        ("--secret", "x", "-o", "json"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    web: Web, server: str, neurox: Neurox, words: tuple[str, ...]
) -> None:
    assert neurox("cluster", "join", *words).code == 2
    assert web.stores.clusters.all() == []


def test_a_dry_run_only_says_what_would_be_done(web: Web, server: str, neurox: Neurox) -> None:
    done = neurox("cluster", "join", "cellar", "--dry-run")
    assert (done.code, done.out) == (0, "")
    assert "cellar would be made" in done.err
    assert "nothing was done" in done.err
    shown = json.loads(neurox("cluster", "join", "cellar", "--dry-run", "-o", "json").out)
    assert (shown["cluster"]["name"], shown["secret"]) == ("cellar", "")
    assert web.stores.clusters.all() == []
    neurox("cluster", "join", "cellar")
    again = neurox("cluster", "join", "cellar", "--dry-run")
    assert "cellar would get a new token" in again.err


def test_a_given_secret_is_applied_as_it_is(
    server: str, neurox: Neurox, kubectl: Path, tmp_path: Path
) -> None:
    given = tmp_path / "secret.yaml"
    kubeconfig = join.kubeconfig("https://hub.example", None, "nxj_1_2")
    given.write_text(join.secret_yaml(kubeconfig, "cellar"))
    assert neurox("cluster", "join", "--secret", str(given), "--context", "prod").code == 0
    assert given.read_text() in (kubectl / "applied").read_text()
    (kubectl / "applied").unlink()
    for harm in ("kind: ConfigMap\n", given.read_text() + "---\nkind: Pod\n", ""):
        given.write_text(harm)
        refused = neurox("cluster", "join", "--secret", str(given), "--context", "prod")
        assert refused.code == 2
        assert "the join Secret cannot be used: " in refused.err
    assert not (kubectl / "applied").exists()


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
def test_a_closed_output_is_told_before_a_token_is_made(web: Web, server: str, closed: str) -> None:
    done = _redirected(closed)
    assert done.returncode == 1
    assert done.stderr in (
        "",
        "neurox: standard output is closed, nothing was done; send it to /dev/null instead\n",
    )
    assert web.stores.clusters.all() == []


def test_a_full_disk_is_told_in_a_sentence(server: str) -> None:
    done = _redirected(">/dev/full")
    assert done.returncode == 1
    assert done.stderr.endswith("the output could not be written: No space left on device\n")
    assert "Traceback" not in done.stderr


def _redirected(how: str) -> "subprocess.CompletedProcess[str]":
    command = f'exec "$0" -m portal.cli.main cluster join cellar {how}'
    shell = ["sh", "-c", command, sys.executable]
    return subprocess.run(shell, capture_output=True, text=True, timeout=60, check=False)
