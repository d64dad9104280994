"""The certificate of the measurements."""

from __future__ import annotations

import ssl
from pathlib import Path

from benchmarks.certificates import certificate


def test_it_is_served(tmp_path: Path) -> None:
    """One file holds the certificate and the key that is its own."""
    path = tmp_path / "site.pem"
    path.write_bytes(certificate("a.example"))
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
