"""The certificate of a server that speaks HTTPS itself, and is not behind a proxy that does."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from rolltape.errors import StoreError


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM form: the certificate with those that lead to its root, and its key."""

    certificate: Path
    key: Path


def checked_tls(certificate: Path | None, key: Path | None) -> Tls | None:
    """What to serve HTTPS with; None: neither is given. Raises StoreError, which says what is wrong with the files."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "certificate" if certificate is None else "key"
        raise StoreError(f"{missing} is missing: HTTPS needs both files, --certificate and --key")
    for what, path in (("certificate", certificate), ("key", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise StoreError(f"the {what} {path} cannot be read: {error.strerror or error}") from error
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise StoreError(f"the certificate {certificate} and the key {key} are of no use: {error}") from error
    return Tls(certificate, key)


def _no_password() -> str:
    raise ValueError("the key is encrypted, and nobody is there to be asked for its password")
