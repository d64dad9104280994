"""The clients of a trace: they come one after the other, and what becomes of each is noted. Knows no pool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random

from balancer.core.backend import Backend
from balancer.core.messages import RequestHead
from balancer.errors import BalancerError
from balancer.interfaces import Kind
from balancer.testing.simulation.clients import Client
from balancer.testing.simulation.clock import VirtualClock
from balancer.testing.simulation.network import Asking
from balancer.testing.simulation.traces import Trace

Begin = Callable[[Asking], Client]
"""Makes the client of one session."""


class Crowd:
    """All who come: `asked` so many so far; how long each took, and why some have no good answer."""

    def __init__(self, clock: VirtualClock, trace: Trace, kind: Kind, seed: int) -> None:
        self.asked = self.retries = 0
        self.latencies: list[float] = []
        self.reasons: Counter[str] = Counter()
        self._clock, self._trace, self._kind = clock, trace, kind
        self._alive: dict[Client, None] = {}
        self._moments: Iterator[float] | None = trace.moments(Random(f"arrivals {seed}"))
        self._clients = trace.clients(Random(f"clients {seed}"))
        self._works = trace.service.times(Random(f"work {seed}"))
        self._heads: dict[int, RequestHead] = {}

    def start(self, begin: Begin) -> None:
        """Have them come, by and by."""
        self._begin = begin
        self._expect()

    @property
    def over(self) -> bool:
        """Whether all have come and gone."""
        return self._moments is None and not self._alive

    def ended(self, client: Client, why: str) -> None:
        """That one has its answer, or will have none, and why."""
        del self._alive[client]
        self.retries += client.session.attempt - 1
        self.latencies.append(self._clock.seconds() - client.began)
        if why:
            self.reasons[why] += 1
        if client.cookies:
            self._remember(client.session.number, client.cookies)

    def leave(self, backend: Backend, error: BalancerError) -> Iterator[None]:
        """Have those on a backend leave it: what is asked of the listeners of a pool that keeps no such sessions."""
        for client in list(self._alive):
            client.leave(backend, error)
            yield

    def _expect(self) -> None:
        """The next is on the way, if there is one."""
        moment = None if self._moments is None else next(self._moments, None)
        if moment is None:
            self._moments = None
        else:
            self._clock.callLater(max(0.0, moment - self._clock.seconds()), self._come)

    def _come(self) -> None:
        client = self._begin(self._session())
        self._alive[client] = None
        self.asked += 1
        self._expect()
        client.start()

    def _session(self) -> Asking:
        """Of the next client, which has an address of its own."""
        number = next(self._clients)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        head = self._head(number) if self._kind is Kind.HTTP else None
        return Asking(self._kind, (address, 40_000), self._clock.seconds(), head, number=number, work=next(self._works))

    def _head(self, number: int) -> RequestHead:
        """What the client of that number always asks for."""
        head = self._heads.get(number)
        if head is None:
            head = self._heads[number] = self._trace.head(number)
        return head

    def _remember(self, number: int, cookies: Sequence[str]) -> None:
        """The client of that number sends these from now on, beside the others that it has."""
        head = self._head(number)
        names = {cookie.partition("=")[0] for cookie in cookies}
        kept = [cookie for cookie in (head.get("cookie") or "").split("; ") if cookie.partition("=")[0] not in names]
        self._heads[number] = head.with_field("cookie", "; ".join(filter(None, [*kept, *cookies])))
