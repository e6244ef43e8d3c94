import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from infra.local.sandbox import pki

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pki.ensure(tmp_path / "pki", NOW)
    return tmp_path / "pki"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def test_a_second_start_keeps_every_key(folder: Path) -> None:
    before = contents(folder)
    pki.ensure(folder, NOW + timedelta(days=300))
    assert contents(folder) == before


def test_a_real_node_has_a_kubelet_of_its_name_and_an_api_server_at_its_address(
    tmp_path: Path,
) -> None:
    pki.ensure(tmp_path, NOW, pki.with_node("hub", "10.253.1.2"))
    assert "CN=system:node:hub" in certificate(tmp_path, "kubelet").subject.rfc4514_string()
    names = certificate(tmp_path, "apiserver").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert "10.253.1.2" in map(str, names.value.get_values_for_type(x509.IPAddress))


def test_leaves_near_their_end_are_renewed_and_the_authorities_kept(folder: Path) -> None:
    before = contents(folder)
    pki.ensure(folder, NOW + timedelta(days=340))
    changed = {name for name, text in contents(folder).items() if text != before[name]}
    leaves = {leaf.file for issued in pki.ISSUED.values() for leaf in issued}
    assert {Path(name).stem for name in changed} == leaves
    certificate(folder, "admin").verify_directly_issued_by(certificate(folder, "ca"))


def test_a_new_authority_replaces_what_the_old_one_issued(folder: Path) -> None:
    (folder / "ca.crt").unlink()
    pki.ensure(folder, NOW)
    certificate(folder, "apiserver").verify_directly_issued_by(certificate(folder, "ca"))
    certificate(folder, "etcd").verify_directly_issued_by(certificate(folder, "etcd-ca"))


def test_a_half_written_certificate_is_made_again(folder: Path) -> None:
    path = folder / "apiserver.crt"
    path.write_bytes(path.read_bytes()[:200])
    pki.ensure(folder, NOW)
    certificate(folder, "apiserver").verify_directly_issued_by(certificate(folder, "ca"))


def test_a_key_of_another_certificate_is_noticed(folder: Path) -> None:
    (folder / "kwok.key").write_bytes((folder / "admin.key").read_bytes())
    pki.ensure(folder, NOW)
    assert (folder / "kwok.key").read_bytes() != (folder / "admin.key").read_bytes()


def test_only_the_owner_reads_the_keys(folder: Path) -> None:
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.key")}
    assert modes == {0o600}


def test_a_certificate_of_the_cluster_does_not_open_its_store(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"[Ii]ssuer"):
        certificate(folder, "admin").verify_directly_issued_by(certificate(folder, "etcd-ca"))
