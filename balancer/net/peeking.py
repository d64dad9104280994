"""In front of a TCP listener with several routes: reads until the first bytes have decided on one, then steps aside.

Refuses to know what the bytes mean, and to change any: whatever follows gets all of them, and the end if it came.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.faults import Tally
from balancer.core.peeking import FirstBytes, PeekingRoutes
from balancer.core.routes import Route
from balancer.errors import BalancerError, FirstBytesLate, NoRoute, RouteRefused
from balancer.net.courses import Course, Passing, last_word
from balancer.net.limits import UNIX
from balancer.net.sessions import Sessions
from balancer.net.streams import LINGER, session_of


@attrs.frozen(eq=False)
class Junction:
    """The routes of one TCP listener, and what the connections that wait for one share.

    A client has `timeout` seconds to say what the routes need. `outcomes` counts, by reason, those turned away and
    those that a route took only because their time was up. `seconds` tells the time.
    """

    sessions: Sessions
    deadlines: Deadlines
    routes: PeekingRoutes[Course]
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
        return None if self.junction.sessions.room.full() else Undecided(self.junction)


@implementer(IHalfCloseableProtocol)
class Undecided(Passing):
    """One connection until its route is decided.

    Less than `PeekingRoutes.limit` bytes are held while undecided, for so many decide. What the last read brought
    beyond that goes on with them.
    """

    def __init__(self, junction: Junction) -> None:
        self._junction = junction
        self._over = False

    def connectionMade(self) -> None:
        """A client: where no route needs its bytes, that decides. It writes nothing, and so is no producer."""
        junction, deadlines = self._junction, self._junction.deadlines
        junction.sessions.add(self)
        self.began = junction.seconds()
        self._session = session_of(self, self.began)
        self._first = FirstBytes(junction.routes, self._session)
        self._time_out = Deadline(deadlines, self._late)
        self._next_look = Deadline(deadlines, partial(self._decide, self._first.look))
        self._decide(self._first.feed, b"")
        if not self._over:
            self._time_out.move(junction.timeout)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client."""
        self._decide(self._first.feed, data)

    def readConnectionLost(self) -> None:
        """The client sends no more, which decides."""
        super().readConnectionLost()
        self._decide(self._first.give_up)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed."""
        super().connectionLost(reason)
        self._settle()
        self._junction.sessions.discard(self)

    def abort(self) -> None:
        """Close at once: RST."""
        self._settle()
        super().abort()

    def _decide(self, ask: Callable[..., Route[Course] | None], *said: bytes) -> None:
        """Ask for the route; when there is none yet, look once more soon at what was not looked at."""
        if self._over:
            return
        self._session.at(self._junction.seconds())
        try:
            route = ask(*said)
        except NoRoute as error:
            self._refuse(error)
            return
        if route is not None:
            self._step_aside(route.target)
        elif self._first.due is not None and not self._next_look.armed:
            self._next_look.move(self._first.due)

    def _late(self) -> None:
        timeout = self._junction.timeout
        self._session.at(self._junction.seconds())
        try:
            route = self._first.give_up()
        except NoRoute:
            self._refuse(FirstBytesLate(f"no route matches what came within {timeout:g} s"))
        else:
            goes = f"said too little in {timeout:g} s and {route.target.goes}"
            self._junction.outcomes.note("late", f"{self._named} {goes}")
            self._step_aside(route.target)

    def _step_aside(self, course: Course) -> None:
        self._settle()
        if course.protocol is None:
            self._refuse(RouteRefused("its route refuses it"), last_word(self._first.data))
            return
        self.give_way(self._junction.sessions, partial(course.protocol, self._session), self._first.data)

    def _refuse(self, error: BalancerError, word: bytes = b"") -> None:
        """Turn the client away, with a last word if there is one."""
        self._junction.outcomes.note(error.reason, f"{self._named} turned away: {error}")
        if word:
            self.write(word)
            self.close_within(self._junction.deadlines, LINGER)
        else:
            self.abort()

    def _settle(self) -> None:
        """Nothing is awaited any more."""
        if not self._over:
            self._over = True
            self._time_out.cancel()
            self._next_look.cancel()
            del self._time_out, self._next_look  # which lead back here

    @property
    def _named(self) -> str:
        return f"connection from {self.address[0] or UNIX}"
