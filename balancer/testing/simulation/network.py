"""The modelled way to backends: connections that stand or not, what they carry, and health checks.

It stands in for the reactor below the balancer's own connections, so whoever makes, keeps and gives up connections is
the balancer's. Refuses to know who asks for what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from balancer.core.backend import Place
from balancer.core.messages import END, End, Message, RequestHead, ResponseHead
from balancer.core.sealing import SealedSession
from balancer.core.session import Session
from balancer.errors import CheckFailed, UpstreamGone
from balancer.interfaces import ICheckTarget, IHealthCheck, Kind, Report
from balancer.net.dialing import Dialed
from balancer.net.upstreams import HTTPUpstream
from balancer.testing.simulation.clock import Call, VirtualClock
from balancer.testing.simulation.origins import BAD, GOOD, Job, Origin

HEADS: Final = {status: ResponseHead(status, length=0) for status in (GOOD, BAD)}


class Asking(Session):
    """A session of the client of that number, which is so many seconds of a backend's `work`."""

    __slots__ = ("number", "work")

    def __init__(
        self,
        kind: Kind,
        client: tuple[str, int],
        now: float,
        request: RequestHead | None = None,
        *,
        number: int = 0,
        work: float = 0.0,
    ) -> None:
        self.number, self.work = number, work
        super().__init__(kind, client, now, request)


class _SealedAsking(Asking, SealedSession):
    __slots__ = ()


Asking.sealed = _SealedAsking


class Network(VirtualClock):
    """The clock and the connections of one simulation: a reactor, as far as the balancer needs one."""

    def __init__(self, delay: float) -> None:
        super().__init__()
        self.delay = delay
        self.origins: dict[Place, Origin] = {}

    def connect_directly(
        self, place: Place, protocol: Any, failed: Callable[[BaseException], None], _source: str
    ) -> Call:
        """Connect a `Line` to the backend at a place, as `net.dialing.connect` asks of the lean reactor."""
        origin = self.origins[place]

        def answered() -> None:
            if origin.refuses:
                failed(ConnectionRefusedError("it is down"))
            else:
                origin.enter(protocol)
                dialing, protocol.dialing, protocol.origin = protocol.dialing, None, origin
                dialing.stands(protocol)

        return self.callLater(self.delay, answered)


class Line(Dialed):
    """Our end of a modelled connection; `lost` is told when the backend breaks it."""

    lost: Callable[[], object] | None = None
    origin: Origin | None = None

    def broken(self) -> None:
        """See `origins.Line`."""
        if self.lost is not None:
            self.lost()

    def abort(self) -> None:
        """Close it."""
        self.lost = None
        if self.origin is not None:
            self.origin.leave(self)


class HTTPLine(HTTPUpstream):
    """The same, for one exchange after another."""

    origin: Origin
    _job: Job | None = None
    _stands = True

    def send(self, messages: Sequence[Message]) -> None:
        """The backend has the request once it is whole."""
        if type(messages[-1]) is End and self._exchange is not None:
            session: Any = self._exchange.session
            self._job = Job(session.work, self._answered)
            self.origin.ask(self._job)

    def pause(self) -> None:
        """Nothing comes that could be held back."""

    def resume(self) -> None:
        """See `pause`."""

    def abort(self) -> None:
        """Close it; what it would still bring belongs to nobody."""
        self._exchange = None
        if self._job is not None:
            self._job.cancel()
        self.close()

    def close(self) -> None:
        """Close it."""
        self._stands = False
        self._upstreams.forget(self)
        self.origin.leave(self)

    def release(self) -> None:
        """See `HTTPUpstream`."""
        self._exchange = None
        self.uses += 1
        if not self._stands or not self._upstreams.keep(self):
            self.close()

    def broken(self) -> None:
        """See `origins.Line`."""
        self.close()
        if self._exchange is not None:
            self._exchange.upstream_failed(UpstreamGone("the backend's connection broke"))

    def _answered(self, status: int) -> None:
        self._job = None
        if self._exchange is not None:
            self._exchange.response([HEADS[status], END])


@implementer(IHealthCheck)
class ModelledCheck:
    """Stands in for a pool's health check: it finds out what is wrong with a modelled backend, or has its report."""

    protocols = tuple(Kind)

    def __init__(self, network: Network, origins: Mapping[str, Origin], reports: Mapping[str, Report]) -> None:
        self._network, self._origins, self._reports = network, origins, reports

    async def check(self, target: ICheckTarget) -> Report | None:
        """As one that asks over a connection of its own."""
        origin = self._origins[target.backend.name]
        await self._wait(self._network.delay)
        if origin.refuses:
            raise CheckFailed("it is down")
        if origin.what == "hung":
            await Deferred[None]()
        if origin.seen:
            raise CheckFailed("it is failing")
        return self._reports.get(target.backend.name)

    def _wait(self, seconds: float) -> Deferred[None]:
        waiting: Deferred[None] = Deferred(lambda _: call.cancel())
        call = self._network.callLater(seconds, waiting.callback, None)
        return waiting
