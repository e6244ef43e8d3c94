"""``python -m infra.local.relay_pki DIR``: the CA of this fleet and the relay's certificate.

A process of its own, so that the supervisor, which runs for days, does not carry the library.
"""

import ipaddress
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.local import secret_file

CA_DAYS = 3650
SERVER_DAYS = 365
RENEW_DAYS = 30
Pair = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def ensure(folder: Path, now: datetime) -> None:
    """Make what is missing of ca.crt, ca.key, relay.crt and relay.key; renew what runs out."""
    ca = _load(folder / "ca", now)
    if ca is None:
        ca = _issue("Neurox local CA", None, now, CA_DAYS)
        _store(folder / "ca", ca)
        (folder / "relay.crt").unlink(missing_ok=True)
    if _load(folder / "relay", now) is None:
        _store(folder / "relay", _issue("relay", ca, now, SERVER_DAYS))


def _load(stem: Path, now: datetime) -> Pair | None:
    try:
        certificate = x509.load_pem_x509_certificate(stem.with_suffix(".crt").read_bytes())
        key = serialization.load_pem_private_key(stem.with_suffix(".key").read_bytes(), None)
    except (FileNotFoundError, ValueError):
        return None
    late = certificate.not_valid_after_utc - timedelta(days=RENEW_DAYS) < now
    if late or not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    return key, certificate


def _issue(name: str, ca: Pair | None, now: datetime, days: int) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, issuer = (ca[0], ca[1].subject) if ca else (key, subject)
    identifier = x509.SubjectKeyIdentifier.from_public_key(signer.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
    )
    return key, _for_its_use(builder, ca is None).sign(signer, hashes.SHA256())


def _for_its_use(builder: x509.CertificateBuilder, is_ca: bool) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(usage, critical=True)
    if is_ca:
        return builder
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    return builder.add_extension(x509.SubjectAlternativeName(names), critical=False).add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
    )


def _store(stem: Path, pair: Pair) -> None:
    key, certificate = pair
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    secret_file.write(stem.with_suffix(".key"), text.decode())
    stem.with_suffix(".crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


if __name__ == "__main__":
    ensure(Path(sys.argv[1]), datetime.now(UTC))
