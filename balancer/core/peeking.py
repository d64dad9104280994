"""Routes on the first bytes of a connection: collects no more than routes ask for, and asks them in order.

The first match wins, as in `core.routes`, also while bytes are missing: a route that cannot tell yet holds up those
behind it. Knows no protocol but the TLS ClientHello, and has neither a clock nor a socket: whoever reads says when
no more bytes will come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic

from balancer.core.faults import Faults
from balancer.core.hello import ClientHello, read_client_hello
from balancer.core.routes import Route, Routes, Target
from balancer.core.session import Session
from balancer.errors import NoRoute
from balancer.interfaces import MORE, Found, ask

AT_ONCE: Final = 16
"""Looks at what a client said as soon as it came. One whose hello comes in more pieces may wait a little."""

WAIT: Final = 0.1
"""Seconds until the first look after those; long enough for the rest of a hello that is cut to shreds."""


class PeekingRoutes(Routes[Target]):
    """The routes of one listener, with the leading bytes that each may need."""

    def __init__(self, routes: Sequence[Route[Target]], faults: Faults | None = None) -> None:
        super().__init__(routes, faults)
        self._peeks = tuple(getattr(route.matcher, "peek", 0) for route in routes)
        self.limit = max(self._peeks, default=0)
        """The most leading bytes that any of them needs."""

    def __len__(self) -> int:
        return len(self._routes)

    def __getitem__(self, number: int) -> Route[Target]:
        return self._routes[number]

    def answer(self, number: int, session: Session, *, last: bool) -> Found:
        """What that route says of the session: `MORE` only while it may see more bytes, which `last` denies."""
        matcher = self._routes[number].matcher
        found: Found = True if matcher is None else self._ask(matcher, session)
        if found is MORE and (last or len(session.peek) >= self._peeks[number]):
            return False
        return found

    def _ask(self, matcher: Any, session: Session) -> Found:
        try:
            found = ask(matcher, session)
            if isinstance(found, Mapping):
                session.capture(found)
        except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
            self._failed(matcher, error)
            return False
        return found


class FirstBytes(Generic[Target]):
    """The leading bytes of one connection, until they or the lack of them have decided on its route.

    `data` holds all bytes fed: they are for the backend. The session gets the first `limit` of them as its `peek`,
    and of a complete TLS hello within those the `server_name`, if it has one, and as `alpn` the protocol that the
    client prefers. A route that refused is not asked again. One look costs at most one question about `limit` bytes
    to each route that is still undecided before it, and one for the hello however many routes ask for it. The first
    `AT_ONCE` arrivals are looked at as they come. After those only the one that fills the limit is, and it decides;
    for all others there is a look `due`, each after twice the wait of the one before. So in t seconds there are at
    most `AT_ONCE` + 3 + log2(t / `WAIT`) looks, into however many pieces a client cuts what it says.
    """

    def __init__(self, routes: PeekingRoutes[Target], session: Session) -> None:
        self.data = b""
        self._routes, self._session = routes, session
        self._refused = self._looks = 0

    def feed(self, data: bytes) -> Route[Target] | None:
        """Take the bytes that have come; return the route, or None while undecided. Raises `NoRoute`.

        Feed nothing before reading anything: where no route needs bytes, that decides, and a backend that speaks
        first can do so. Always decides once there are `limit` bytes. Not to be called after a decision.
        """
        self.data += data
        if self._looks < AT_ONCE or len(self.data) >= self._routes.limit:
            return self.look()
        return None

    @property
    def due(self) -> float | None:
        """In how many seconds to `look` if no other bytes bring it about; None when all were looked at."""
        seen = len(self._session.peek) == len(self.data)
        return None if seen else WAIT * 2.0 ** (self._looks - AT_ONCE)

    def look(self) -> Route[Target] | None:
        """Look at all that was fed; return the route, or None while undecided. Raises `NoRoute`."""
        self._looks += 1
        return self._decide(last=False)

    def give_up(self) -> Route[Target]:
        """Decide on what is there, for no more will come: the client has finished, or time is up. Raises `NoRoute`.

        A route that is undecided does not match.
        """
        route = self._decide(last=True)
        assert route is not None
        return route

    def _show(self) -> None:
        """Let the session have what has come since it was shown the last time."""
        session = self._session
        if len(session.peek) == len(self.data):
            return
        session.become(peek=self.data[: self._routes.limit])
        hello = read_client_hello(session.peek)
        if isinstance(hello, ClientHello):
            alpn = next(iter(hello.alpn), session.alpn)
            session.become(server_name=hello.server_name or session.server_name, alpn=alpn)

    def _decide(self, *, last: bool) -> Route[Target] | None:
        self._show()
        for number in range(self._refused, len(self._routes)):
            found = self._routes.answer(number, self._session, last=last)
            if found is MORE:
                self._refused = number
                return None
            if found is not False:
                return self._routes[number]
        raise NoRoute("no route matches the connection")
