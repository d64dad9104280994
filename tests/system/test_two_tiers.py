"""The example of two tiers, as three processes: TLS passed by its name, ended behind, and the client known all the way.

It runs as it stands, but on ports that are free.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest

from tests.net.authority import Authority
from tests.ports import free_ports
from tests.system.process import HOST, LEAN, Process
from tests.system.programs import PATIENCE

EXAMPLE = Path(__file__).parents[2] / "examples" / "two_tiers"
PORT = re.compile(r"\b[89]\d{3}\b")
CLIENT = "127.0.0.9"
"""Where the clients of this test are, so that they are not taken for one of the tiers."""


@attrs.frozen
class Tiers:
    """Where the first tier is, and whom its clients trust."""

    port: int
    authority: str

    def connect(self, name: str) -> ssl.SSLSocket:
        """A client that has connected and asked for that site. Raises `ssl.SSLError`."""
        trust = ssl.create_default_context(cafile=self.authority)
        plain = socket.create_connection((HOST, self.port), timeout=PATIENCE, source_address=(CLIENT, 0))
        return trust.wrap_socket(plain, server_hostname=name)

    def ask(self, name: str) -> str:
        """What a site answers to a request for all that it is told."""
        with self.connect(name) as client:
            client.sendall(f"GET /headers HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n".encode())
            return b"".join(iter(lambda: client.recv(65536), b"")).decode().lower()


@pytest.fixture(scope="module")
def tiers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiers]:
    """All three processes."""
    folder = tmp_path_factory.mktemp("two_tiers")
    texts = {path.name: path.read_text() for path in EXAMPLE.glob("*.py")}
    given = sorted(set(PORT.findall("".join(texts.values()))))
    ports = dict(zip(given, map(str, free_ports(len(given))), strict=True))
    for name, text in texts.items():
        (folder / name).write_text(PORT.sub(lambda found: ports[found[0]], text))
    certificates, authority = folder / "certificates", Authority()
    certificates.mkdir()
    for name in ("shop", "api"):
        authority.leaf(f"{name}.example.com").store(certificates, name)
    (folder / "authority.pem").write_bytes(authority.pem)
    with ExitStack() as stack:
        for site in ("shop", "api"):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SITE", site)
                process = stack.enter_context(Process("--config", str(folder / "site.py"), twist=LEAN))
            process.says("HTTP on tcp:")
        stack.enter_context(Process("--config", str(folder / "front.py"), twist=LEAN)).says("TCP on tcp:")
        yield Tiers(int(ports["8443"]), str(folder / "authority.pem"))


@pytest.mark.parametrize("site", ["shop", "api"])
def test_each_name_has_its_site(tiers: Tiers, site: str) -> None:
    """A client is shown the certificate of the site that it asks for, and its application hears who and how it is."""
    answer = tiers.ask(f"{site}.example.com")
    assert answer.startswith("http/1.1 200")
    assert f"x-forwarded-for: {CLIENT}" in answer
    assert "x-forwarded-proto: https" in answer
    assert f"host: {site}.example.com" in answer
    assert f"x-forwarded-port: {tiers.port}" in answer


def test_a_name_that_nobody_has(tiers: Tiers) -> None:
    """A client that asks for another name is told by an alert that it is not known here."""
    with pytest.raises(ssl.SSLError, match="unrecognized"):
        tiers.connect("elsewhere.example.com")
