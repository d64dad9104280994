"""The TCP relay at the edge: two Twisted protocols that feed one `core.relay.Relay` and obey it."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.pool import Lease
from balancer.core.relay import Relay
from balancer.core.session import Session
from balancer.errors import BalancerError
from balancer.interfaces import Kind, Phase
from balancer.net.dialing import Dialed, Dialer
from balancer.net.sessions import Sessions

LINGER = 10.0
"""Seconds that a peer may take to read what was sent before a close."""


@implementer(IHalfCloseableProtocol)
class End(Dialed):
    """One of the two connections: `core.relay.Stream` on a Twisted transport."""

    relay: Relay | None = None

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._closing: Deadline | None = None

    def close(self) -> None:
        """Close after what was written; a peer that does not read it is given `LINGER` seconds."""
        self._closing = self._deadlines.after(LINGER, self.abort)
        super().close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed."""
        if self._closing is not None:
            self._closing.cancel()


class UpstreamEnd(End):
    """Our connection to the backend."""

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the backend."""
        if self.relay is not None:
            self.relay.upstream_data(data)

    def readConnectionLost(self) -> None:
        """FIN from the backend."""
        super().readConnectionLost()
        if self.relay is not None:
            self.relay.upstream_finished()

    def pressure(self, *, high: bool) -> None:
        """The backend does not read fast enough, or does again."""
        if self.relay is not None:
            self.relay.upstream_pressure(high=high)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed."""
        super().connectionLost(reason)
        if self.relay is not None:
            self.relay.upstream_lost()


class DownstreamEnd(End):
    """A client's connection; lives through connecting to a backend and the relay that follows."""

    def __init__(self, listening: Listening) -> None:
        super().__init__(listening.deadlines)
        self._listening = listening
        self._dialing: Deferred[tuple[UpstreamEnd, Lease]] | None = None

    def connectionMade(self) -> None:
        """A client: read nothing until a backend stands behind it."""
        super().connectionMade()
        self.pause()
        self._listening.sessions.add(self)
        session = Session(Kind.TCP, self.address, self._listening.dialer.reactor.seconds())
        self._dialing = Deferred.fromCoroutine(self._listening.dialer.dial(session))
        self._dialing.addCallbacks(self._dialed, self._not_dialed)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client."""
        if self.relay is not None:
            self.relay.downstream_data(data)

    def readConnectionLost(self) -> None:
        """FIN from the client."""
        super().readConnectionLost()
        if self.relay is not None:
            self.relay.downstream_finished()

    def pressure(self, *, high: bool) -> None:
        """The client does not read fast enough, or does again."""
        if self.relay is not None:
            self.relay.downstream_pressure(high=high)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed."""
        super().connectionLost(reason)
        if self.relay is not None:
            self.relay.downstream_lost()
        elif self._dialing is not None:
            self._dialing.cancel()
        self._listening.sessions.discard(self)

    def drain(self) -> None:
        """A relay cannot tell where its peers could stop: it goes on until they do."""

    def end(self, error: BalancerError) -> None:
        """End now."""
        if self.relay is not None:
            self.relay.fail(error)
        self.abort()

    def _dialed(self, connected: tuple[UpstreamEnd, Lease]) -> None:
        upstream, lease = connected
        self._dialing = None
        self.relay = upstream.relay = Relay(
            self,
            upstream,
            deadlines=self._listening.deadlines,
            idle=self._listening.idle,
            linger=self._listening.linger,
            done=lambda error: _give_back(lease, error),
        )
        self.resume()

    def _not_dialed(self, failure: Failure) -> None:
        self._dialing = None
        if isinstance(failure.value, BalancerError):
            self._listening.refused(failure.value)
            self.abort()
        else:
            failure.trap(CancelledError)


def _give_back(lease: Lease, error: BalancerError | None) -> None:
    lease.end(Phase.DONE if error is None else Phase.DATA, error=error)


@attrs.define
class Listening:
    """What the connections of one TCP listener share. Times are in seconds."""

    dialer: Dialer[UpstreamEnd]
    deadlines: Deadlines
    idle: float
    linger: float
    report: Callable[[str], object]
    sessions: Sessions = attrs.Factory(Sessions)
    refusals: int = 0

    def refused(self, error: BalancerError) -> None:
        """A client was turned away; say so the 1st, 2nd, 4th, 8th time, so that a dead pool does not flood the log."""
        self.refusals += 1
        if self.refusals & (self.refusals - 1) == 0:
            self.report(f"client turned away, {self.refusals} so far: {error}")


class RelayFactory(Factory):
    """Makes the protocols of one TCP listener."""

    noisy = False

    def __init__(self, listening: Listening) -> None:
        self.listening = listening

    def buildProtocol(self, _address: IAddress | None) -> Protocol:
        """A client has connected."""
        return DownstreamEnd(self.listening)
