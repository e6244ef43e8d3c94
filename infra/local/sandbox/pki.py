"""``python -m infra.local.sandbox.pki DIR [NODE ADDRESS]``: the keys of one cluster.

With a real node's name and address, also those that a kubelet and its API server need.

A process of its own, so that the supervisor, which runs for days, does not carry the library.
"""

import ipaddress
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.local import secret_file

CA_DAYS = 3650
LEAF_DAYS = 365
RENEW_DAYS = 30
LOCAL_NAMES = ("127.0.0.1", "localhost")
API_NAMES = (
    *LOCAL_NAMES,
    "10.96.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
)


@dataclass(frozen=True)
class Leaf:
    """A certificate to issue: ``names`` make it a server's, ``groups`` are its organizations."""

    file: str
    user: str
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pair:
    """A private key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


ISSUED: dict[str, tuple[Leaf, ...]] = {
    # etcd trusts an authority of its own: a certificate of the cluster must not open its store.
    "etcd-ca": (
        Leaf("etcd", "etcd", names=LOCAL_NAMES),
        Leaf("apiserver-etcd-client", "kube-apiserver"),
    ),
    "ca": (
        Leaf("apiserver", "kube-apiserver", names=API_NAMES),
        Leaf("serving", "sandbox", names=LOCAL_NAMES),
        Leaf("admin", "neurox-up", groups=("system:masters",)),
        Leaf("kwok", "kwok", groups=("system:masters",)),
        Leaf("kube-controller-manager", "system:kube-controller-manager"),
        Leaf("kube-scheduler", "system:kube-scheduler"),
    ),
}
"""Every leaf certificate of a sandbox by the authority that issues it."""


def with_node(node: str, address: str) -> dict[str, tuple[Leaf, ...]]:
    """Those of a cluster with a real node, whose API server is reached at ``address`` too."""
    of_node = (
        Leaf("kubelet", f"system:node:{node}", ("system:nodes",), (node, address)),
        Leaf("kube-proxy", "system:kube-proxy"),
        Leaf("apiserver-kubelet-client", "kube-apiserver", ("system:masters",)),
    )
    known = (
        replace(leaf, names=(*leaf.names, address)) if leaf.file == "apiserver" else leaf
        for leaf in ISSUED["ca"]
    )
    return {**ISSUED, "ca": (*known, *of_node)}


def ensure(folder: Path, now: datetime, issued: Mapping[str, tuple[Leaf, ...]] = ISSUED) -> None:
    """Make what is missing, broken, near its end, or of another authority; keep the rest."""
    for authority, leaves in issued.items():
        ca = _load(folder / authority, now)
        if ca is None:
            ca = _issue(Leaf(authority, f"sandbox {authority}"), None, now)
            _store(folder / authority, ca)
        for leaf in leaves:
            pair = _load(folder / leaf.file, now)
            if pair is None or not _issued_by(pair, ca):
                _store(folder / leaf.file, _issue(leaf, ca, now))
    _ensure_token_key(folder)


def _ensure_token_key(folder: Path) -> None:
    """The key that signs service account tokens; a new one would void them all, so it is kept."""
    private, public = folder / "service-account.key", folder / "service-account.pub"
    if private.exists() and public.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    secret_file.write(private, _pem(key))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))


def _load(stem: Path, now: datetime) -> Pair | None:
    try:
        certificate = x509.load_pem_x509_certificate(stem.with_suffix(".crt").read_bytes())
        key = serialization.load_pem_private_key(stem.with_suffix(".key").read_bytes(), None)
    except (FileNotFoundError, ValueError):
        return None
    if certificate.not_valid_after_utc - timedelta(days=RENEW_DAYS) < now:
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    return Pair(key, certificate) if key.public_key() == certificate.public_key() else None


def _issued_by(pair: Pair, ca: Pair) -> bool:
    try:
        pair.certificate.verify_directly_issued_by(ca.certificate)
    except (ValueError, InvalidSignature):
        return False
    return True


def _issue(leaf: Leaf, ca: Pair | None, now: datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in leaf.groups),
            x509.NameAttribute(NameOID.COMMON_NAME, leaf.user),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca.certificate.subject if ca else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A clock set back a little, as virtual machines do, must not void it.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=LEAF_DAYS if ca else CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=ca is None, path_length=None), critical=True)
    )
    if ca is not None:
        builder = _for_its_use(builder, leaf)
    return Pair(key, builder.sign(ca.key if ca else key, hashes.SHA256()))


def _for_its_use(builder: x509.CertificateBuilder, leaf: Leaf) -> x509.CertificateBuilder:
    # Servers get both uses: etcd presents its own certificate to itself.
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if leaf.names:
        uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
        names = x509.SubjectAlternativeName([_general_name(name) for name in leaf.names])
        builder = builder.add_extension(names, critical=False)
    return builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _store(stem: Path, pair: Pair) -> None:
    secret_file.write(stem.with_suffix(".key"), _pem(pair.key))
    text = pair.certificate.public_bytes(serialization.Encoding.PEM)
    secret_file.write(stem.with_suffix(".crt"), text.decode())


if __name__ == "__main__":
    chosen = with_node(*sys.argv[2:4]) if len(sys.argv) > 2 else ISSUED
    ensure(Path(sys.argv[1]), datetime.now(UTC), chosen)
