"""A CA of the tests', and certificates that it signs, right ones and wrong ones."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs for any name."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._builder(self._name, self._key, timedelta(days=-1), timedelta(days=30))
        made = made.add_extension(x509.BasicConstraints(True, None), critical=True)
        made = made.add_extension(
            x509.KeyUsage(False, False, False, False, False, True, True, False, False), True
        )
        self.pem = _text(made.sign(self._key, hashes.SHA256()))

    def issue(
        self,
        folder: Path,
        *names: str,
        since: timedelta = timedelta(days=-1),
        until: timedelta = timedelta(days=30),
    ) -> Path:
        """Write relay.crt and relay.key for these names, and ca.crt."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        made = self._builder(subject, key, since, until).add_extension(alternatives, critical=False)
        folder.mkdir(exist_ok=True)
        (folder / "relay.crt").write_text(_text(made.sign(self._key, hashes.SHA256())))
        (folder / "relay.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        (folder / "ca.crt").write_text(self.pem)
        return folder

    def _builder(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        since: timedelta,
        until: timedelta,
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + since)
            .not_valid_after(now + until)
            .add_extension(own, critical=False)
            .add_extension(signer, critical=False)
        )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
