"""Health checks on real sockets: every kind of place a backend can have."""

from __future__ import annotations

from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory

from balancer.core.backend import Backend, Place
from balancer.errors import CheckFailed
from balancer.net.check_target import Target
from balancer.plugins.health import HTTPCheck
from tests.net.wires import Backends, Wire


def target(reactor: Any, place: Place, **settings: Any) -> Target:
    """A backend there, under examination."""
    authority = place if isinstance(place, str) else "there"
    backend = Backend("b", "as written", place, seconds=reactor.seconds, authority=authority)
    return Target(reactor, backend, 5, **settings)


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


async def test_a_datagram(reactor: Any) -> None:
    """A datagram is answered by the backend alone, opens as those of sessions do, and leaves no socket open."""
    with socket(AF_INET, SOCK_DGRAM) as backend, socket(AF_INET, SOCK_DGRAM) as stranger:
        backend.bind(("127.0.0.1", 0))
        backend.settimeout(5)
        examined = target(reactor, backend.getsockname(), datagram_greeting=b"PROXY ")
        answer = examined.datagram(b"hello")
        data, ours = backend.recvfrom(100)
        assert data == b"PROXY hello"
        stranger.sendto(b"forged", ours)
        for reply in (b"well", b"again"):
            backend.sendto(reply, ours)
        assert await answer == b"well"
        with socket(AF_INET, SOCK_DGRAM) as next_one:
            next_one.bind(ours)


@pytest.mark.parametrize(
    ("place", "evidence"),
    [
        (("127.0.0.1", 0), "^there: "),
        ("/run/socket", "^/run/socket: a unix socket takes no datagrams"),
        (("255.255.255.255", 9), "^there: Permission denied"),
    ],
)
async def test_a_datagram_that_cannot_be_sent(reactor: Any, place: Place, evidence: str) -> None:
    """What the system says is the evidence, and so is a path."""
    with pytest.raises(CheckFailed, match=evidence):
        await target(reactor, place).datagram(b"hello")


async def test_a_datagram_to_nobody(reactor: Any) -> None:
    """A port where nobody listens is a failed check."""
    with socket(AF_INET, SOCK_DGRAM) as backend:
        backend.bind(("127.0.0.1", 0))
        place = backend.getsockname()
    with pytest.raises(CheckFailed, match=r"^there: Connection was refused"):
        await target(reactor, place).datagram(b"hello")


async def test_a_datagram_without_an_address(reactor: Any) -> None:
    """A backend whose name is unknown cannot be asked."""
    examined = target(reactor, "/run/socket")
    examined.backend.move([])
    with pytest.raises(CheckFailed, match=r"its name is unknown"):
        await examined.datagram(b"hello")


async def test_what_runs_ends_with_the_check(reactor: Any) -> None:
    """A datagram without an answer and a program are given up with the check, waited for or not."""
    with socket(AF_INET, SOCK_DGRAM) as backend:
        backend.bind(("127.0.0.1", 0))
        examined = target(reactor, backend.getsockname())
        running: list[Deferred[Any]] = [
            examined.datagram(b"hello"),
            examined.run(["sleep", "60"], {}),
            examined.run(["sleep", "60"], {}),
        ]
        waiting = [Deferred.fromCoroutine(_result(one)) for one in running[:2]]
        examined.close()
        with pytest.raises(CancelledError):
            await waiting[0]
        assert await waiting[1] == (-9, b"")


async def _result(running: Deferred[Any]) -> Any:
    return await running


async def test_a_program(reactor: Any) -> None:
    """A program is run as it is told, and one that is not there is a failed check."""
    examined = target(reactor, ("127.0.0.1", 1))
    assert await examined.run(["sh", "-c", "echo $A; exit 3"], {"A": "b"}) == (3, b"b\n")
    with pytest.raises(CheckFailed, match=r"^there: No such file or directory"):
        await examined.run(["/nowhere/at-all"], {})


def test_what_is_private(reactor: Any) -> None:
    """A password may be said over TLS, and to a unix socket."""
    secure: Any = object()
    assert target(reactor, "/run/socket").private
    assert target(reactor, ("127.0.0.1", 1), secure=secure).private
    assert not target(reactor, ("127.0.0.1", 1)).private
