"""In front of the TLS of a listener whose clients ask for it in the clear: answers them, then steps aside.

Refuses to know what they say, and to do the handshake.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure

from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.starttls import Opening
from balancer.errors import BalancerError, HandshakeLate, StartTLSRefused
from balancer.net.courses import Passing
from balancer.net.limits import Inner, Refusals
from balancer.net.peers import Peer
from balancer.net.sessions import Sessions
from balancer.net.tls.greeted import LINGER


@attrs.frozen(eq=False)
class StartTLS:
    """What the clients of one listener share until they have asked: each has an `opening`, and `timeout` seconds."""

    opening: Callable[[], Opening]
    timeout: float
    deadlines: Deadlines
    sessions: Sessions
    refusals: Refusals


class StartingFactory(Factory):
    """Makes the protocols of a listener whose clients ask for TLS."""

    noisy = False
    resets = True

    def __init__(self, start: StartTLS, inner: Inner) -> None:
        self.start, self.inner = start, inner

    def buildProtocol(self, _address: IAddress | None) -> Peer | None:
        """A client has connected; without room for it, it is closed at once."""
        return None if self.start.sessions.room.full() else Starting(self.start, self.inner)


class Starting(Passing):
    """One connection until TLS begins on it."""

    _over = False
    _deadline: Deadline | None = None

    def __init__(self, start: StartTLS, inner: Inner) -> None:
        self._start, self._inner, self._opening = start, inner, start.opening()

    def connectionMade(self) -> None:
        """A client has connected. What is written is little, and so it is no producer."""
        self._start.sessions.add(self)
        self._deadline = self._start.deadlines.after(self._start.timeout, self._late)
        self.began = self._start.deadlines.now

    def dataReceived(self, data: bytes) -> None:
        """Bytes in the clear; once we close they are dropped."""
        if self._over:
            return
        try:
            step = self._opening.feed(data)
        except StartTLSRefused as error:
            self._refuse(error, error.answer)
            return
        if step.answer:
            self.write(step.answer)
        if step.tls is not None:
            self._step_aside(step.tls)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed."""
        super().connectionLost(reason)
        self._settle()
        self._start.sessions.discard(self)

    def abort(self) -> None:
        """Close at once: RST."""
        self._settle()
        super().abort()

    def _step_aside(self, early: bytes) -> None:
        self._settle()
        self.give_way(self._start.sessions, lambda: self._inner.buildProtocol(None), early)

    def _late(self) -> None:
        self._refuse(HandshakeLate(f"it did not ask for TLS within {self._start.timeout:g} s"))

    def _refuse(self, error: BalancerError, answer: bytes = b"") -> None:
        self._settle()
        self._start.refusals.turned_away(error, self.address[0])
        if answer:
            self.write(answer)
            self.close_within(self._start.deadlines, LINGER)
        else:
            self.abort()

    def _settle(self) -> None:
        """Nothing is awaited any more."""
        self._over = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None  # which leads back here
