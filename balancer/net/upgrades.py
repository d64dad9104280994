"""Connections that have spoken HTTP and change to another protocol: from then on they are the two ends of a relay.

Their bytes take the path of those of a TCP listener, the kernel's included. Refuses to know what is spoken, and so
where a peer could be told to stop.
"""

from __future__ import annotations

from typing import Any, Final, cast

import attrs
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.exchange_ports import Ended
from balancer.core.relay import Relay
from balancer.errors import BalancerError, LifetimeExceeded
from balancer.net.peers import Peer
from balancer.net.sessions import Sessions, Sight
from balancer.net.splice import Pipes
from balancer.net.streams import End

LINGER: Final = 30.0
"""Seconds that the other side may be silent once one side has finished sending."""


@attrs.frozen(eq=False)
class Upgrades:
    """How the connections of one listener live once they have changed. Times are in seconds.

    Nothing may move for `idle`. One that is `max_lifetime` old, from when it was made, is cut.
    """

    deadlines: Deadlines
    idle: float
    sessions: Sessions = attrs.Factory(Sessions)
    pipes: Pipes = attrs.Factory(Pipes)
    max_lifetime: float | None = None


class Successor(End):
    """An end of a relay, on the transport of a protocol that is not fed or asked for anything any more."""

    _paused = True  # perhaps; reading goes on in any case

    def __init__(self, deadlines: Deadlines, before: Peer) -> None:
        """Take over. What has been written goes out first, and that the peer has sent its last byte stays so."""
        super().__init__(deadlines)
        self.half_closed = before.half_closed
        transport, protocol = before.transport, cast(Any, self)
        transport.unregisterProducer()
        transport.protocol = protocol
        protocol.makeConnection(transport)


class Upgraded(Successor):
    """The client's end: a `net.sessions.Living` in place of the connection that it was, until the socket is closed.

    `began` is when that was made; `ended` is told when the relay is over.
    """

    answers = False  # as a client of a plain relay, see `net.streams.DownstreamEnd`
    _lifetime: Deadline | None = None
    _moved = (0, 0)

    def __init__(
        self,
        upgrades: Upgrades,
        client: Peer,
        *,
        backend: Backend,
        began: float,
        ended: Ended,
    ) -> None:
        super().__init__(upgrades.deadlines, client)
        self.header, self.source, self.secured = client.header, client.source, client.secured
        self._upgrades, self._backend, self._began, self._ended = upgrades, backend, began, ended
        self._relay: Relay | None = None
        upgrades.sessions.add(self)
        if upgrades.max_lifetime is not None:
            left = began + upgrades.max_lifetime - upgrades.deadlines.now
            self._lifetime = upgrades.deadlines.after(max(0.0, left), self._too_old)

    def begin(self, backend: Peer, early: bytes) -> None:
        """Relay from now on; `early` came from the client behind its request."""
        upgrades, upstream = self._upgrades, Successor(self._deadlines, backend)
        self._relay = relay = Relay(
            self, upstream, deadlines=upgrades.deadlines, idle=upgrades.idle, linger=LINGER, done=self._relayed
        )
        half = relay.downstream
        self.join(half, upstream, upgrades.pipes)
        upstream.join(relay.upstream, self, upgrades.pipes)
        upstream.resume()  # these come first: what follows may call for a pause
        self.resume()
        if early:
            half.data(early)
        if self.half_closed:
            half.finished()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed."""
        super().connectionLost(reason)
        if self._lifetime is not None:
            self._lifetime.cancel()
            self._lifetime = None  # which leads back here
        self._upgrades.sessions.discard(self)

    def drain(self) -> None:
        """A relay cannot tell where its peers could stop: it goes on until they do."""

    def end(self, error: BalancerError) -> None:
        """End now."""
        if self._relay is not None:
            self._relay.fail(error)
        self.abort()

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """End the relay if it is with that backend."""
        if self._relay is not None and self._backend is backend:
            self._relay.fail(error)

    def look(self) -> Sight:
        """How it is; the bytes are those since the change."""
        relay = self._relay
        moved = self._moved if relay is None else (relay.downstream.size, relay.upstream.size)
        return Sight(self.address, self._backend, self._began, *moved, secured=self.secured)

    def _too_old(self) -> None:
        self.end(LifetimeExceeded(f"the connection is {self._upgrades.max_lifetime:g} s old"))

    def _relayed(self, error: BalancerError | None) -> None:
        relay, self._relay = self._relay, None
        assert relay is not None
        self._moved = (relay.downstream.size, relay.upstream.size)
        self._ended(error, self._moved)
