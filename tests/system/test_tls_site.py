"""The example of a site over TLS, as a process: clients are sent to it, told to stay, and answered by way of TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.net.authority import Authority
from tests.system.examples import EXAMPLES, copied
from tests.system.process import HOST, LEAN, Process
from tests.system.programs import PATIENCE

ASKED = b"GET /headers HTTP/1.1\r\nhost: localhost:%d\r\nconnection: close\r\n\r\n"


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Mapping[int, int]]:
    """The ports of the example, running, by those that stand in it."""
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    # As its text says how to make one: trusted as it is.
    Authority().leaf("localhost", signed_by_itself=True).store(certificates, "localhost")
    ports = copied([EXAMPLES / "tls_site.py"], tmp_path)
    with Process("--config", str(tmp_path / "tls_site.py"), twist=LEAN) as process:
        for port in (8080, 8443, 8444):
            process.says(f"HTTP on tcp:{ports[port]}:")
        yield ports


def heard(client: socket.socket) -> str:
    """All that comes until the end."""
    return b"".join(iter(lambda: client.recv(65536), b"")).decode().lower()


def test_the_site(ports: Mapping[int, int], tmp_path: Path) -> None:
    """In the clear a client is sent to TLS; there it is answered by a backend, and told to come so for a year."""
    plain, secure = ports[8080], ports[8443]
    with socket.create_connection((HOST, plain), timeout=PATIENCE) as client:
        client.sendall(ASKED % plain)
        answer = heard(client)
    assert answer.startswith("http/1.1 308 ")
    assert f"\r\nlocation: https://localhost:{secure}/headers\r\n" in answer
    assert "strict-transport-security" not in answer
    trust = ssl.create_default_context(cafile=str(tmp_path / "certificates" / "localhost.pem"))
    connected = socket.create_connection((HOST, secure), timeout=PATIENCE)
    with trust.wrap_socket(connected, server_hostname="localhost") as client:
        client.sendall(ASKED % secure)
        answer = heard(client)
    assert answer.startswith("http/1.1 200 ")
    assert "\r\nstrict-transport-security: max-age=31536000\r\n" in answer
    assert "x-forwarded-proto: https" in answer
