"""Certificates in the life of a balancer: read before anything is bound, read again when told, looked at to the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from twisted.logger import LogEvent, formatEvent

from balancer.config import TLS, HTTPListener, Pool
from tests.net.authority import Authority, Leaf
from tests.net.house import FRONT, listening, request
from tests.net.tls.talking import Talker
from tests.service.test_service import Site
from tests.service.test_service_logs import Threaded

AUTHORITY = Authority()
EVERY = 10
TRACE = request("TRACE /", "max-forwards: 0")


class Secret:
    """A client of TLS in memory that has shaken hands."""

    def __init__(self, site: Site) -> None:
        self._talker = Talker("a.example")
        self._speaker = site.client(self._talker.begin())
        self.hear()

    def hear(self) -> bytes:
        """What came, once nothing more comes."""
        heard = b""
        while said := self._speaker.hear():
            heard += self._talker.feed(said)
            self._speaker.say(self._talker.take())
        return heard

    def ask(self, data: bytes) -> bytes:
        """What is answered."""
        self._speaker.say(self._talker.say(data))
        return self.hear()

    @property
    def shown(self) -> x509.Certificate | None:
        """The certificate that it was shown."""
        return self._talker.tls.get_peer_certificate(as_cryptography=True)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A balancer that is to speak TLS, and answers nothing but an error; there is no certificate yet."""
    monkeypatch.setattr("tests.service.test_service.MemoryNetwork", Threaded)
    tls = TLS(str(tmp_path / "site.pem"), reload_every=EVERY, other_hosts="any")
    return Site(HTTPListener(f"tcp:{FRONT}", pool=Pool("site", backends=["127.0.0.1:9001"]), tls=tls))


def stored(folder: Path) -> Leaf:
    """A new certificate, in its place."""
    leaf = AUTHORITY.leaf("a.example")
    leaf.store(folder)
    return leaf


def read_anew(site: Site) -> None:
    """Let a thread read files, and take what it has read."""
    network: Any = site.network
    network.calls.get(timeout=10)()


@pytest.mark.parametrize("hangup", [True, False])
def test_files_that_change(site: Site, tmp_path: Path, hangup: bool) -> None:
    """A new certificate is shown when told to read it, and after a while anyhow; who was there before is served on."""
    first = stored(tmp_path)
    site.start()
    before = Secret(site)
    assert before.shown == first.certificate
    second = stored(tmp_path)
    if hangup:
        site.balancer.reload_certificates()
    else:
        site.network.advance(EVERY + 1)
    read_anew(site)
    assert Secret(site).shown == second.certificate
    assert before.ask(TRACE).startswith(b"HTTP/1.1 501 ")


def test_nothing_is_looked_at_after_the_end(site: Site, tmp_path: Path) -> None:
    """When the balancer has stopped, nothing waits for the time of the next look."""
    stored(tmp_path)
    site.start()
    stopped = site.stop()
    site.network.advance(site.config.drain)
    assert stopped.called
    assert not site.network.getDelayedCalls()


def test_no_start_without_a_certificate(site: Site, tmp_path: Path) -> None:
    """Without a certificate that can be used nothing is bound, and a line says why."""
    site.start()
    assert [line.partition(": cannot be read: ")[2] for line in site.failed] == [
        "No such file or directory; give a file that the balancer may read"
    ]
    assert site.ports == []
    assert site.stop().called


def test_what_is_remarkable_is_told_at_the_start(site: Site, tmp_path: Path) -> None:
    """The operator is told at the start of ports with TLS, and of what does not hold: in memory it is 1970."""
    stored(tmp_path)
    events: list[LogEvent]
    with listening() as events:
        site.start()
    lines = [formatEvent(event) for event in events]
    assert any("is valid only from 2020-01-01; " in line for line in lines)
    assert f"HTTP on tcp:{FRONT}, over TLS" in lines
