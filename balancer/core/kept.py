"""The idle connections to the backends of one pool: which is given next, and which are not to be kept.

The one used last is given first, so that those a quiet time does not need grow old and end. Decides, and closes
nothing: what it hands out or turns away is the caller's to use or to close.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Generic, Protocol, TypeVar

import attrs

from balancer.core.backend import Backend, Place


@attrs.frozen
class Identity:
    """All that must agree before a connection carries a request that is meant for a backend: to where, from where, how.

    The backend itself, by which connections are kept, stands for the rest: its pool decides how it is spoken to.
    """

    place: Place | None
    source: str = ""
    secure: Any = None

    def suits(self, backend: Backend) -> bool:
        """Whether a connection to that backend would be made so today."""
        return self.place in backend.places and self.source == backend.source and self.secure is backend.secure


class Connection(Protocol):
    """What is kept. `born` is when it stood, `uses` how many exchanges it carried, `kept_at` since when it rests."""

    identity: Identity
    born: float
    uses: int
    kept_at: float


AnyConnection = TypeVar("AnyConnection", bound=Connection)


@attrs.define(eq=False)
class Kept(Generic[AnyConnection]):
    """At most `limit` connections for each backend that are idle, each for `idle` seconds at most.

    None is kept that is `max_age` seconds old or was used `max_uses` times. Age is looked at as a connection comes
    back: it may be idle for as long as that is allowed on top.
    """

    limit: int
    idle: float
    max_age: float
    max_uses: int | None = None
    _kept: dict[Backend, list[AnyConnection]] = attrs.field(init=False, factory=lambda: defaultdict(list))

    def take(self, backend: Backend) -> AnyConnection | None:
        """One to that backend, kept no longer; the one used last."""
        kept = self._kept.get(backend)
        return kept.pop() if kept else None

    def add(self, backend: Backend, connection: AnyConnection, now: float) -> bool:
        """Keep one that may be used again; False when it must not be, or is one too many."""
        if not backend.usable or not connection.identity.suits(backend):
            return False
        if now - connection.born >= self.max_age or connection.uses == self.max_uses:
            return False
        kept = self._kept[backend]
        if len(kept) >= self.limit:
            return False
        connection.kept_at = now
        kept.append(connection)
        return True

    def remove(self, backend: Backend, connection: AnyConnection) -> None:
        """Give it to nobody, if it is here."""
        if connection in self._kept.get(backend, ()):
            self._kept[backend].remove(connection)

    def drop(self, backend: Backend) -> list[AnyConnection]:
        """All to that backend, kept no longer."""
        return self._kept.pop(backend, [])

    def misplaced(self, backend: Backend) -> list[AnyConnection]:
        """Those that would not be made so any more, since their backend has moved; kept no longer."""
        lost = [connection for connection in self._kept.get(backend, ()) if not connection.identity.suits(backend)]
        for connection in lost:
            self.remove(backend, connection)
        return lost

    def tired(self, now: float) -> list[AnyConnection]:
        """Those that were idle for long enough, kept no longer."""
        lost: list[AnyConnection] = []
        for kept in self._kept.values():
            rested = sum(connection.kept_at + self.idle <= now for connection in kept)
            lost += kept[:rested]  # the one that has rested longest is the first
            del kept[:rested]
        return lost

    def next_tired(self) -> float | None:
        """When the next will have been idle for long enough, if there is any."""
        return min((kept[0].kept_at + self.idle for kept in self._kept.values() if kept), default=None)

    def close(self) -> list[AnyConnection]:
        """All, kept no longer; and no others are from now on."""
        self.limit = 0
        every = [connection for kept in self._kept.values() for connection in kept]
        self._kept.clear()
        return every

    def count(self, backend: Backend) -> int:
        """How many there are to that backend."""
        return len(self._kept.get(backend, ()))
