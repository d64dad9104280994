"""The example of two tiers, as three processes: TLS is passed by its name, ended behind, and the client stays known."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack

import attrs
import pytest

from tests.net.authority import Authority
from tests.system.examples import EXAMPLES, copied
from tests.system.process import HOST, LEAN, Process
from tests.system.programs import PATIENCE

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
    ports = copied((EXAMPLES / "two_tiers").glob("*.py"), folder)
    certificates, authority = folder / "certificates", Authority()
    certificates.mkdir()
    for name in ("shop", "api"):
        authority.leaf(f"{name}.example.com").store(certificates, name)
    with ExitStack() as stack:
        for site in ("shop", "api"):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SITE", site)
                process = stack.enter_context(Process("--config", str(folder / "site.py"), twist=LEAN))
            process.says("HTTP on tcp:")
        stack.enter_context(Process("--config", str(folder / "front.py"), twist=LEAN)).says("TCP on tcp:")
        yield Tiers(ports[8443], authority.store(folder))


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
