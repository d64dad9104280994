"""Connections to backends: one attempt, and attempts on one backend after another until one stands."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs
from twisted.internet import error as twisted_errors
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IConnector
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from balancer.core.backend import Backend, Place
from balancer.core.pool import Lease, Pool
from balancer.core.session import Session
from balancer.errors import ConnectFailed, ConnectTimeout, DownstreamGone, NoBackend
from balancer.interfaces import Phase
from balancer.net.peers import Peer


class Dialed(Peer):
    """Our end of a connection that we make; tells its attempt when the connection stands."""

    attempt: Attempt | None = None

    def connectionMade(self) -> None:
        """The socket is connected."""
        super().connectionMade()
        attempt, self.attempt = self.attempt, None
        if attempt is not None:
            attempt.succeeded(self)


class Attempt(ClientFactory):
    """One attempt to connect; the outcome is `result`."""

    noisy = False

    def __init__(self, protocol: Dialed) -> None:
        self.result: Deferred[Dialed] = Deferred(self._cancel)
        self._protocol, self._open = protocol, True
        self._connector: IConnector | None = None

    def succeeded(self, protocol: Dialed) -> None:
        """The connection stands."""
        if self._open:
            self._open = False
            self.result.callback(protocol)
        else:
            protocol.abort()

    def startedConnecting(self, connector: IConnector) -> None:
        """Twisted has begun."""
        self._connector = connector

    def buildProtocol(self, _address: IAddress | None) -> Dialed:
        """The socket is connected."""
        self._protocol.attempt = self
        return self._protocol

    def clientConnectionFailed(self, _connector: IConnector, reason: Failure) -> None:
        """The socket could not be connected."""
        if self._open:
            self._open = False
            self.result.errback(reason)

    def _cancel(self, _result: Deferred[Dialed]) -> None:
        self._open = False
        if self._connector is not None:
            self._connector.stopConnecting()


def connect(reactor: Any, place: Place, protocol: Dialed, timeout: float) -> Deferred[Dialed]:
    """Connect to a place (host and port, or a unix path) within `timeout` seconds.

    The Deferred fails with whatever Twisted says; cancelling it gives up, and nothing stays open.
    """
    attempt = Attempt(protocol)
    if isinstance(place, str):
        reactor.connectUNIX(place, attempt, timeout)
    else:
        reactor.connectTCP(place[0], place[1], attempt, timeout)
    return attempt.result


def connect_error(backend: Backend, reason: BaseException) -> ConnectFailed:
    """Our name for a failure to connect; the message is what happened, in the system's words where it has any."""
    if isinstance(reason, (twisted_errors.TimeoutError, TimeoutError)):
        return ConnectTimeout(f"{backend.address}: no connection within the connect time-out")
    number = getattr(reason, "osError", None) or getattr(reason, "errno", None)
    return ConnectFailed(f"{backend.address}: {os.strerror(number) if number else reason}")


AnyDialed = TypeVar("AnyDialed", bound=Dialed)


@attrs.frozen
class Dialer(Generic[AnyDialed]):
    """Connects sessions to backends of one pool, with at most `attempts` tries of `connect_timeout` seconds each."""

    reactor: Any
    pool: Pool
    build: Callable[[], AnyDialed]
    connect_timeout: float
    attempts: int

    async def dial(self, session: Session, lease: Lease | None = None) -> tuple[AnyDialed, Lease]:
        """Connect to one backend after another, beginning with the one leased, if any.

        Raises the last `ConnectFailed`, or `NoBackend` or `PolicyFailed` when none could be tried. When cancelled,
        nothing stays open and no lease stays out.
        """
        last = max(session.attempt, self.attempts)
        failure: ConnectFailed | None = None
        while True:
            lease = lease or self._pick(session, failure)
            try:
                return await self._connect(lease), lease
            except ConnectFailed as failed:
                if session.attempt >= last:
                    raise
                session.tried.append(lease.backend)
                session.attempt += 1
                failure, lease = failed, None

    def _pick(self, session: Session, failure: ConnectFailed | None) -> Lease:
        """Another backend; when there is none left, the failure to connect says more than that."""
        session.now = self.reactor.seconds()
        try:
            return self.pool.pick(session)
        except NoBackend:
            if failure is None:
                raise
            raise failure from None

    async def _connect(self, lease: Lease) -> AnyDialed:
        """One attempt; the lease is ended unless the connection stands."""
        protocol = self.build()
        try:
            await connect(self.reactor, lease.backend.place, protocol, self.connect_timeout)
        except CancelledError:
            lease.end(Phase.CONNECT, error=DownstreamGone("the client left while its backend was connected to"))
            raise
        except Exception as reason:
            error = connect_error(lease.backend, reason)
            lease.end(Phase.CONNECT, error=error)
            raise error from reason
        return protocol
