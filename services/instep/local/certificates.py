"""Certificates of a local platform: made at its start by a certificate authority of its own, whose key is then forgotten.

A file holds the key (PKCS#8, the only form that Kafka takes), the certificate and the authority's certificate, in that
order, and nobody but its owner can read it. The name in a certificate (CN) is the principal that signs in with it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from instep.kafka.secrets import write_private
from instep.local.ports import LOOPBACK

LASTS = timedelta(days=365)
_SKEW = timedelta(minutes=5)


class CertificateAuthority:
    """Signs certificates; its key is nowhere but in this object."""

    def __init__(self, name: str = "Instep local platform") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (
            self._builder(self._name, self._key.public_key(), LASTS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def write(self, file: Path) -> None:
        """The authority's own certificate: what a client trusts."""
        write_private(file, _pem(self.certificate))

    def issue(self, principal: str, file: Path, *, lasts: timedelta = LASTS) -> None:
        """A key and a certificate for a principal on this machine, as a server and as a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, principal)])
        here: Sequence[x509.GeneralName] = (
            x509.DNSName("localhost"),
            x509.IPAddress(ip_address(LOOPBACK)),
        )
        purposes = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
        certificate = (
            self._builder(name, key.public_key(), lasts)
            .add_extension(x509.SubjectAlternativeName(here), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(file, private + _pem(certificate) + _pem(self.certificate))

    def _builder(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, lasts: timedelta
    ) -> x509.CertificateBuilder:
        until = datetime.now(UTC) + lasts
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(until, datetime.now(UTC)) - _SKEW)
            .not_valid_after(until)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )


def expires(file: Path) -> datetime | None:
    """When the first certificate in a file ends; None where there is none that can be read."""
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())[0].not_valid_after_utc
    except (OSError, ValueError):
        return None


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
