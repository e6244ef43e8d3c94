from pathlib import Path

import pytest

from agent.apiserver import ApiFailed, ApiServer


def test_a_file_that_is_no_ca_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("not a certificate")
    for path in (tmp_path / "ca", tmp_path / "absent"):
        with pytest.raises(ApiFailed, match=f"{path} is no CA: "):
            ApiServer("https://k8s", ca=path).connect()


@pytest.mark.parametrize("token", [b"", b"two words", b"secret\r\nX-A: b", b"secret\xff"])
def test_a_file_that_holds_no_token_is_named_but_not_quoted(tmp_path: Path, token: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(token)
    api = ApiServer("http://k8s", path)
    with pytest.raises(ApiFailed) as refused:
        api.get(api.connect(), "/api/v1/pods", {}, "application/json")
    assert str(refused.value) == f"{path} holds no token: one word of ASCII"
