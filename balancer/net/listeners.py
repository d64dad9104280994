"""Bound endpoints: each starts or says why it cannot, stops accepting, and ends; refuses to know what it serves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import attrs
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory

from balancer.core.backend import Backend
from balancer.core.faults import Tally
from balancer.errors import BalancerError
from balancer.net.datagrams import DatagramListener
from balancer.net.sessions import Sessions, Sight
from balancer.net.shared_ports import SharedPort


class Listener(Protocol):
    """What the service drives, whatever the transport."""

    async def start(self) -> None:
        """Bind. Raises what Twisted or the system says."""

    def drain(self) -> Deferred[None]:
        """Accept nothing new and let live sessions finish; fires when the last has ended. To be called once."""

    def end_all(self, error: BalancerError) -> None:
        """End the sessions that are left."""

    def leave(self, backend: Backend, error: BalancerError) -> Iterator[None]:
        """Have the sessions leave that backend, one with each step; see `net.sessions.Living.leave`."""

    @property
    def active(self) -> int:
        """How many sessions are alive."""

    def look(self) -> Iterator[Sight]:
        """The live sessions, one by one."""

    def counters(self) -> dict[str, Any]:
        """What was counted since the start, and `active`."""

    def close(self) -> Deferred[None]:
        """Fires when nothing is bound any more."""


@attrs.define(eq=False)
class StreamListener:
    """A Twisted endpoint, or a port shared with other processes in its place, and the sessions behind it.

    `refusals` count who was turned away; `traffics` tell the bytes that came from clients and from backends, where
    these are counted.
    """

    reactor: Any
    endpoint: str
    factory: Factory
    sessions: Sessions
    shared: SharedPort | None = None
    refusals: tuple[Tally, ...] = ()
    traffics: tuple[Callable[[], tuple[int, int]], ...] = ()
    _port: IListeningPort | None = attrs.field(init=False, default=None)

    async def start(self) -> None:
        """Bind. Raises `twisted.internet.error.CannotListenError`, and `ValueError` for what is no endpoint.

        Where ports cannot be shared, a shared one raises `OSError`.
        """
        if self.shared is None:
            self._port = await serverFromString(self.reactor, self.endpoint).listen(self.factory)
        else:
            self._port = self.shared.listen(self.reactor, self.factory)

    def drain(self) -> Deferred[None]:
        """See `Listener.drain`."""
        closed = self.close()
        return self.sessions.drain().addCallback(lambda _: closed)

    def end_all(self, error: BalancerError) -> None:
        """See `Listener.end_all`."""
        self.sessions.end_all(error)

    def leave(self, backend: Backend, error: BalancerError) -> Iterator[None]:
        """See `Listener.leave`."""
        return self.sessions.leave(backend, error)

    @property
    def active(self) -> int:
        """See `Listener.active`."""
        return len(self.sessions)

    def look(self) -> Iterator[Sight]:
        """See `Listener.look`."""
        return (one.look() for one in self.sessions)

    def counters(self) -> dict[str, Any]:
        """See `Listener.counters`."""
        refused: Counter[str] = sum((tally.counts for tally in self.refusals), Counter())
        counted = {"accepted": self.sessions.accepted, "active": self.active, "refused": dict(refused)}
        if self.traffics:
            received, sent = zip(*(traffic() for traffic in self.traffics), strict=True)
            counted["received_bytes"], counted["sent_bytes"] = sum(received), sum(sent)
        return counted

    def close(self) -> Deferred[None]:
        """See `Listener.close`."""
        port, self._port = self._port, None
        closed: Deferred[Any] = succeed(None) if port is None else maybeDeferred(_stop, port)
        return closed.addCallback(lambda _: None)


class FlowListener:
    """A UDP port and the flows behind it. The port is bound until the last flow has ended, for their sake."""

    def __init__(self, make: Callable[[Callable[[], None]], DatagramListener]) -> None:
        self._datagrams = make(self._flow_ended)
        self._empty: Deferred[None] | None = None

    async def start(self) -> None:
        """See `Listener.start`."""
        self._datagrams.start()

    def drain(self) -> Deferred[None]:
        """See `Listener.drain`."""
        self._datagrams.stop_accepting()
        self._empty = empty = Deferred[None]()
        self._flow_ended()
        return empty

    def _flow_ended(self) -> None:
        if self._empty is not None and not self._datagrams.active:
            empty, self._empty = self._empty, None
            empty.callback(None)

    def end_all(self, error: BalancerError) -> None:
        """See `Listener.end_all`."""
        self._datagrams.end_all(error)

    def leave(self, backend: Backend, error: BalancerError) -> Iterator[None]:
        """See `Listener.leave`; what a client sends next picks anew."""
        return self._datagrams.leave(backend, error)

    @property
    def active(self) -> int:
        """See `Listener.active`."""
        return self._datagrams.active

    def look(self) -> Iterator[Sight]:
        """See `Listener.look`."""
        return self._datagrams.look()

    def counters(self) -> dict[str, Any]:
        """See `Listener.counters`."""
        return {"active": self.active, **attrs.asdict(self._datagrams.counts)}

    def close(self) -> Deferred[None]:
        """See `Listener.close`."""
        return self._datagrams.close()


def _stop(port: IListeningPort) -> Any:
    """Some ports close at once, others answer with a Deferred."""
    return port.stopListening()
