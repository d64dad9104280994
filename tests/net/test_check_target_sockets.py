"""Health checks on real sockets: every kind of place a backend can have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory

from balancer.core.backend import Backend, Place
from balancer.errors import CheckFailed
from balancer.net.check_target import Target
from balancer.plugins.health import HTTPCheck
from tests.net.wires import Backends, Wire


def target(reactor: Any, place: Place) -> Target:
    """A backend there, under examination."""
    authority = place if isinstance(place, str) else "there"
    return Target(reactor, Backend("b", "as written", place, seconds=reactor.seconds, authority=authority), 5)


class Slotted:
    """A factory of a stranger's, which takes no attribute."""

    __slots__ = ("doStart", "doStop")

    def __init__(self) -> None:
        self.doStart = self.doStop = lambda: None

    def buildProtocol(self, _address: Any) -> Wire:
        """One wire."""
        return Wire()


@pytest.mark.parametrize("kind", ["unix", "ipv4", "ipv6"])
async def test_every_kind_of_place(reactor: Any, tmp_path: Path, kind: str) -> None:
    """A check connects to a path, an IPv4 and an IPv6 address alike, and the connection ends with the check."""
    backends = Backends()
    place: Place = str(tmp_path / "socket")
    if kind == "unix":
        port = reactor.listenUNIX(place, backends)
    else:
        host = "::1" if kind == "ipv6" else "127.0.0.1"
        port = reactor.listenTCP(0, backends, interface=host)
        place = (host, port.getHost().port)
    examined = target(reactor, place)
    factory: Any = Slotted() if kind == "unix" else Factory.forProtocol(Wire)
    ours: Any = await examined.connect(factory)
    theirs = await backends.calls.get()
    examined.close()
    await theirs.until(lambda wire: wire.finished or bool(wire.ending))
    await ours.end()
    theirs.transport.abortConnection()
    await theirs.end()
    examined.close()
    await port.stopListening()


async def test_http_over_a_path(reactor: Any, tmp_path: Path) -> None:
    """A request to a backend behind a path is for localhost."""
    backends, place = Backends(), str(tmp_path / "socket")
    port = reactor.listenUNIX(place, backends)
    examined = target(reactor, place)
    checking = Deferred.fromCoroutine(HTTPCheck().check(examined))
    theirs = await backends.calls.get()
    await theirs.until(lambda wire: wire.heard.endswith(b"\r\n\r\n"))
    assert b"\r\nhost: localhost\r\n" in theirs.heard
    theirs.say(b"HTTP/1.1 204 No Content\r\n\r\n")
    await checking
    await theirs.until(lambda wire: wire.finished or bool(wire.ending))
    theirs.transport.abortConnection()
    await theirs.end()
    await port.stopListening()


async def test_nobody_there(reactor: Any, tmp_path: Path) -> None:
    """A path where nothing listens is a failed check, in the system's words."""
    examined = target(reactor, str(tmp_path / "socket"))
    with pytest.raises(CheckFailed, match=f"^{tmp_path}/socket: No such file or directory"):
        await examined.connect(Factory.forProtocol(Wire))


async def test_a_cancelled_connect(reactor: Any) -> None:
    """Whoever cancels a connect is told that, and not that the backend failed."""
    examined = target(reactor, ("192.0.2.1", 9))  # RFC 5737: nobody is there
    connecting: Deferred[Any] = examined.connect(Factory.forProtocol(Wire))
    connecting.cancel()
    with pytest.raises(CancelledError):
        await connecting
