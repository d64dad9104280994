"""The limits of a listener at its door: who exceeds one is turned away before anything is made for him, and counted.

Refuses to know what is served behind the door. A limit that is not set costs nothing: without any none of this is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from balancer.core.admission import Admission
from balancer.core.faults import Tally
from balancer.core.sources import Source
from balancer.errors import BalancerError
from balancer.net.peers import Peer
from balancer.net.sessions import Living, Room, Sessions

UNIX: Final = "a unix socket"
SPEAKER: Final = "a source of PROXY headers"


class Inner(Protocol):
    """Makes the protocol that serves; None when there is no room for it."""

    def buildProtocol(self, _address: IAddress | None) -> Peer | None:
        """See `twisted.internet.interfaces.IProtocolFactory`."""


class Refusals(Tally):
    """Who was turned away from one listener, by reason."""

    def turned_away(self, error: BalancerError, host: str) -> None:
        """One more, who came from there."""
        self.note(error.reason, f"connection from {host or UNIX} turned away: {error}")


class LimitedSessions(Sessions):
    """The live connections of a listener with limits. `seconds` tells the time."""

    def __init__(self, room: Room, admission: Admission, seconds: Callable[[], float]) -> None:
        super().__init__(room)
        self._admission, self._seconds = admission, seconds

    def add(self, one: Living) -> None:
        """See `Sessions.add`."""
        super().add(one)
        if one.source is not None:
            self._admission.enter(one.source)

    def discard(self, one: Living) -> None:
        """See `Sessions.discard`."""
        super().discard(one)
        if one.source is not None:
            self._admission.leave(one.source)

    def source(self, host: str) -> Source | None:
        """Who a connection from there counts for, if for anybody."""
        return self._admission.source(host)

    def refusal(self, source: Source | None) -> BalancerError | None:
        """Why one more connection, of that source or of one yet to be told, is turned away, if it is."""
        return self._admission.judge(len(self), source, self._seconds())

    def refusal_of(self, source: Source | None) -> BalancerError | None:
        """Why a connection that was let in is turned away now that its source is told, if it is."""
        return self._admission.judge_source(source, self._seconds())


class LimitedFactory(Factory):
    """Makes the protocols of a listener with limits."""

    noisy = False
    resets = True

    def __init__(self, sessions: LimitedSessions, inner: Inner, refusals: Refusals) -> None:
        self._sessions, self._inner, self._refusals = sessions, inner, refusals

    def buildProtocol(self, address: IAddress | None) -> Peer | None:
        """Somebody has connected; who exceeds a limit is closed at once.

        Without an address it is somebody who speaks for others: then only what holds for all is judged.
        """
        host: str = getattr(address, "host", "")
        source = self._sessions.source(host)
        error = self._sessions.refusal(source)
        if error is not None:
            self._refusals.turned_away(error, SPEAKER if address is None else host)
            return None
        protocol = self._inner.buildProtocol(address)
        if protocol is not None:
            protocol.source = source
        return protocol
