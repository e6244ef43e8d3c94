import io
from pathlib import Path

import pytest

from infra.images import pins
from infra.images.errors import ImageError

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
VALUES = f"""# What others make.
images:
  valkey: # kept as it is
    repository: docker.io/valkey/valkey
    tag: 9.1.2
    digest: ""
  thanos: {{repository: quay.io/thanos/thanos, tag: v0.42.4, digest: {OLD}}}
  caddy:
    repository: caddy
    tag: "2.11"
    digest:
  ours: {{repository: ghcr.io/neurox/control, tag: "", digest: ""}}
port: 8080
"""


@pytest.fixture
def values(tmp_path: Path) -> Path:
    file = tmp_path / "values.yaml"
    file.write_text(VALUES)
    return file


def test_digests_are_filled_and_nothing_else_changes(values: Path) -> None:
    assert pins.pin(values, lambda *_: NEW, io.StringIO()) == 0
    wanted = VALUES.replace('9.1.2\n    digest: ""', f"9.1.2\n    digest: {NEW}")
    wanted = wanted.replace(OLD, NEW).replace("digest:\n", f"digest: {NEW}\n")
    assert values.read_text() == wanted


def test_a_registry_is_asked_by_repository_and_tag(values: Path) -> None:
    asked = []
    pins.pin(values, lambda *image: asked.append(image) or NEW, io.StringIO())
    assert sorted(asked) == [
        ("caddy", "2.11"),
        ("docker.io/valkey/valkey", "9.1.2"),
        ("quay.io/thanos/thanos", "v0.42.4"),
    ]


def test_what_is_not_told_stays_and_is_said(values: Path) -> None:
    def ask(repository: str, tag: str) -> str:
        if repository.startswith("quay.io"):
            raise ImageError("quay.io cannot be reached")
        return NEW

    said = io.StringIO()
    assert pins.pin(values, ask, said) == 1
    assert OLD in values.read_text()
    assert values.read_text().count(NEW) == 2
    assert "1 of 3 digests were not told" in said.getvalue()


@pytest.mark.parametrize(
    ("text", "reason"),
    [("port: 80\n", "holds no image"), ("a: [\n", "is no YAML"), ("", "holds no image")],
)
def test_a_file_without_images_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "values.yaml").write_text(text)
    with pytest.raises(ImageError, match=reason):
        pins.pin(tmp_path / "values.yaml", lambda *_: NEW, io.StringIO())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"none\.yaml: No such file"):
        pins.pin(tmp_path / "none.yaml", lambda *_: NEW, io.StringIO())
