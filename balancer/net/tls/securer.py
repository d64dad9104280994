"""Stands for a stranger's factory and secures its connections to a backend; refuses to know what is said on them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocol
from twisted.python.failure import Failure

from balancer.net.tls.dialing import Secure


class Securer:
    """What an endpoint connects instead: the stranger's protocol is connected once TLS stands."""

    def __init__(self, factory: Any, secure: Secure) -> None:
        self._factory, self._secure = factory, secure
        self.doStart, self.doStop = factory.doStart, factory.doStop

    def buildProtocol(self, address: IAddress | None) -> Awaited | None:
        """The socket is connected; the stranger may not want it."""
        protocol = self._factory.buildProtocol(address)
        return None if protocol is None else Awaited(protocol, self._secure)


class Awaited:
    """One connection; `made` fires with the stranger's protocol, or for the reason why there is no TLS."""

    def __init__(self, protocol: Any, secure: Secure) -> None:
        self.made: Deferred[IProtocol] = Deferred(lambda _made: self._securing.cancel())
        self._securing = secure.attempt(
            protocol,
            lambda reason: self.made.errback(Failure(reason)),
            stood=lambda: self.made.callback(protocol),
        )

    def makeConnection(self, transport: Any) -> None:
        """The socket is connected."""
        self._securing.opened(transport)
