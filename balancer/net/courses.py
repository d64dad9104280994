"""What becomes of a connection once its route is decided: relayed, served by a listener inside the route, or refused.

Refuses to know how the decision came about, and what is served.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from twisted.internet.interfaces import IHalfCloseableProtocol

from balancer.core.hello import HANDSHAKE, NAME_UNKNOWN
from balancer.core.session import Session
from balancer.net.peers import Peer
from balancer.net.sessions import Sessions, Unplaced
from balancer.net.streams import End


@attrs.frozen(eq=False)
class Course:
    """Where a route leads: `protocol` makes what goes on with a connection, or None when there is no room for it.

    Without `protocol` connections are refused. Logs say that a connection `goes` there.
    """

    goes: str
    protocol: Callable[[Session], Peer | None] | None = None


class Passing(Peer, Unplaced):
    """A client's connection until something else goes on with it: a `net.sessions.Living` with nothing to finish."""

    def give_way(self, sessions: Sessions, make: Callable[[], Peer | None], said: bytes) -> None:
        """Have what is made go on with the client, who said so much and may have said all; or cut it, if nothing is."""
        sessions.withdraw(self)
        following = make()
        if following is None:
            sessions.add(self)
            self.abort()
            return
        following.header, following.source, following.secured = self.header, self.source, self.secured
        _hand_over(self.transport, following, said, ended=self.half_closed)


def _hand_over(transport: Any, following: Peer, said: bytes, *, ended: bool) -> None:
    """A relay keeps what was said until it has a backend; all others hear it at once, and may step aside meanwhile."""
    transport.protocol = following
    begin: Callable[[Any], object] = following.makeConnection
    if isinstance(following, End):
        following.early, following.half_closed = said, ended
        begin(transport)
        return
    begin(transport)
    if said:
        transport.protocol.dataReceived(said)
    if ended:
        _tell_end(transport)


def _tell_end(transport: Any) -> None:
    """The client sent its last byte: who does not care for that takes it for the end."""
    if IHalfCloseableProtocol.providedBy(transport.protocol):
        transport.protocol.readConnectionLost()
    else:
        transport.abortConnection()


def last_word(said: bytes) -> bytes:
    """What a client is told that is refused, in the protocol that it began with."""
    return NAME_UNKNOWN if said.startswith(HANDSHAKE) else b""
