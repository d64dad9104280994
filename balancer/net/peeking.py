"""In front of a TCP listener with several routes: reads until the first bytes have decided on one, then steps aside.

Refuses to know what the bytes mean, and to change any: the relay that follows gets all of them, and the end if it came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.core.deadlines import Deadline
from balancer.core.faults import Tally
from balancer.core.peeking import FirstBytes, PeekingRoutes
from balancer.core.routes import Route
from balancer.errors import BalancerError, FirstBytesLate, NoRoute
from balancer.net.dialing import Dialer
from balancer.net.limits import UNIX
from balancer.net.peers import Peer
from balancer.net.sessions import Unplaced
from balancer.net.streams import DownstreamEnd, End, Listening, session_of


@attrs.frozen(eq=False)
class Junction:
    """The routes of one TCP listener, and what the connections that wait for one share.

    A client has `timeout` seconds to say what the routes need. `outcomes` counts, by reason, those turned away and
    those that a route took only because their time was up. `seconds` tells the time.
    """

    listening: Listening
    routes: PeekingRoutes[Dialer[End]]
    timeout: float
    seconds: Callable[[], float]
    outcomes: Tally


class JunctionFactory(Factory):
    """Makes the protocols of one TCP listener with routes to choose from."""

    noisy = False

    def __init__(self, junction: Junction) -> None:
        self.junction = junction

    def buildProtocol(self, _address: IAddress | None) -> Undecided | None:
        """A client has connected; without room for it, it is closed at once."""
        return None if self.junction.listening.sessions.room.full() else Undecided(self.junction)


@implementer(IHalfCloseableProtocol)
class Undecided(Peer, Unplaced):
    """One connection until its route is decided: a `net.sessions.Living` that has nothing to finish.

    Less than `PeekingRoutes.limit` bytes are held while undecided, for so many decide. What the last read brought
    beyond that goes on with them, and the next protocol reads no more until it has a backend.
    """

    def __init__(self, junction: Junction) -> None:
        self._junction = junction
        self._over = False

    def connectionMade(self) -> None:
        """A client: where no route needs its bytes, that decides. It writes nothing, and so is no producer."""
        junction, deadlines = self._junction, self._junction.listening.deadlines
        junction.listening.sessions.add(self)
        self.began = junction.seconds()
        self._session = session_of(self, self.began)
        self._first = FirstBytes(junction.routes, self._session)
        self._time_out, self._next_look = Deadline(deadlines, self._late), Deadline(deadlines, self._look)
        self._decide(self._first.feed, b"")
        if not self._over:
            self._time_out.move(junction.timeout)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client."""
        self._decide(self._first.feed, data)

    def readConnectionLost(self) -> None:
        """The client sends no more, which decides. The relay, when it reads on, comes to that end once more."""
        self._decide(self._first.give_up)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed."""
        super().connectionLost(reason)
        self._settle()
        self._junction.listening.sessions.discard(self)

    def abort(self) -> None:
        """Close at once: RST."""
        self._settle()
        super().abort()

    def _look(self) -> None:
        self._decide(self._first.look)

    def _decide(self, ask: Callable[..., Route[Dialer[End]] | None], *said: bytes) -> None:
        """Ask for the route; when there is none yet, look once more soon at what was not looked at."""
        if self._over:
            return
        self._session.now = self._junction.seconds()
        try:
            route = ask(*said)
        except NoRoute as error:
            self._refuse(error)
            return
        if route is not None:
            self._step_aside(route)
        elif self._first.due is not None and not self._next_look.armed:
            self._next_look.move(self._first.due)

    def _late(self) -> None:
        timeout, self._session.now = self._junction.timeout, self._junction.seconds()
        try:
            route = self._first.give_up()
        except NoRoute:
            self._refuse(FirstBytesLate(f"no route matches what came within {timeout:g} s"))
        else:
            goes = f"said too little in {timeout:g} s and goes to pool {route.target.pool.name!r}"
            self._junction.outcomes.note("late", f"{self._named} {goes}")
            self._step_aside(route)

    def _step_aside(self, route: Route[Dialer[End]]) -> None:
        self._settle()
        listening = self._junction.listening
        listening.sessions.withdraw(self)
        relayed: Any = DownstreamEnd(listening, route.target, self._session)
        relayed.header, relayed.secured = self.header, self.secured
        relayed.source, relayed.early = self.source, self._first.data
        self.transport.protocol = relayed
        relayed.makeConnection(self.transport)

    def _refuse(self, error: BalancerError) -> None:
        self._junction.outcomes.note(error.reason, f"{self._named} turned away: {error}")
        self.abort()

    def _settle(self) -> None:
        """Nothing is awaited any more."""
        self._over = True
        self._time_out.cancel()
        self._next_look.cancel()

    @property
    def _named(self) -> str:
        return f"connection from {self.address[0] or UNIX}"
