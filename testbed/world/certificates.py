"""Certificates for TLS on loopback."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def write_certificate(folder: Path, name: str, address: str) -> tuple[Path, Path]:
    """NAME.pem, a certificate for the IP address for which only itself vouches, and NAME.key. It is good for a day."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    written = folder / f"{name}.pem", folder / f"{name}.key"
    written[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    kept = serialization.PrivateFormat.PKCS8
    written[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, kept, serialization.NoEncryption()))
    return written
