"""Health checks over TLS, on real sockets."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory

from balancer.core.backend import Backend
from balancer.errors import CheckFailed
from balancer.net.check_target import Target
from balancer.net.tls.dialing import Secure
from balancer.net.tls.securer import Securer
from balancer.net.tls.upstream_contexts import Terms, connecting
from balancer.plugins.health import HTTPCheck
from tests.net.house import answer
from tests.net.tls.farther import Trusted, behind, in_the_clear
from tests.net.wires import HOST, Backends, Wire


class Examined:
    """A backend that is examined over TLS, and must be `name`."""

    def __init__(
        self,
        reactor: Any,
        trusted: Trusted,
        listen: Any,
        *,
        name: str = HOST,
        greeting: bytes = b"",
        timeout: float = 5,
    ) -> None:
        self.backends = Backends()
        self.port = listen(self.backends)
        place = (HOST, self.port.getHost().port)
        backend = Backend("b", "as written", place, seconds=reactor.seconds, authority="there")
        secure = Secure(connecting(Terms(ca=trusted.ca)), clock=reactor, expected=[name])
        self.target = Target(reactor, backend, timeout, greeting=greeting, secure=secure)

    async def close(self) -> None:
        """End all."""
        self.target.close()
        for wire in self.backends.all:
            await wire.end()
        await self.port.stopListening()


async def test_a_check(reactor: Any, trusted: Trusted) -> None:
    """A check's bytes go over TLS, to a backend that has proven itself."""
    examined = Examined(reactor, trusted, behind(reactor, trusted.door()))
    checking = Deferred.fromCoroutine(HTTPCheck().check(examined.target))
    theirs = await examined.backends.calls.get()
    await theirs.until(lambda wire: wire.heard.endswith(b"\r\n\r\n"))
    theirs.say(answer())
    await checking
    await examined.close()


async def test_a_backend_that_proves_nothing(reactor: Any, trusted: Trusted) -> None:
    """It has failed the check, and the evidence says why."""
    examined = Examined(reactor, trusted, behind(reactor, trusted.door()), name="a.example")
    with pytest.raises(CheckFailed, match=f"there: its certificate is for {HOST}, not for a.example"):
        await examined.target.connect(Factory.forProtocol(Wire))
    await examined.close()


async def test_a_check_that_is_cancelled(reactor: Any, trusted: Trusted) -> None:
    """Nothing is left of a handshake that nobody waits for."""
    examined = Examined(reactor, trusted, in_the_clear(reactor), greeting=b"PROXY UNKNOWN\r\n")
    connecting = examined.target.connect(Factory.forProtocol(Wire))
    theirs = await examined.backends.calls.get()
    assert await theirs.hear(16) == b"PROXY UNKNOWN\r\n\x16"
    connecting.addErrback(lambda _failure: None)
    connecting.cancel()
    await theirs.end()
    await examined.close()


async def test_a_handshake_that_takes_too_long(reactor: Any, trusted: Trusted) -> None:
    """It is as long as a check may take, whatever the check itself makes of that."""
    examined = Examined(reactor, trusted, in_the_clear(reactor), timeout=0.2)
    with pytest.raises(CheckFailed, match="there: no connection within the connect time-out"):
        await examined.target.connect(Factory.forProtocol(Wire))
    await examined.close()


def test_a_factory_that_wants_no_connection() -> None:
    """A check's factory may decline, as ever."""
    declining: Any = Factory()
    declining.buildProtocol = lambda _address: None
    secure: Any = None
    assert Securer(declining, secure).buildProtocol(None) is None
