"""What the access log is told of the exchanges of one connection: when what happened, and how each ended.

Made only where a listener has a log; all others have exchanges that remember nothing. Refuses to know how a line looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

import attrs

from balancer.core.access import OF_TLS, UNKNOWN, Record, Stamps, Told
from balancer.core.backend import Backend
from balancer.core.ends import Ending, Stage, ending_of
from balancer.core.exchange import Exchange
from balancer.core.exchange_ports import Downstream, Upstream
from balancer.core.messages import RequestHead
from balancer.core.pool import Lease
from balancer.core.secured import Secured
from balancer.core.session import Session
from balancer.core.site import Site
from balancer.errors import BalancerError, ConnectFailed
from balancer.interfaces import Phase, Reply

CODES: Final = {
    (ending, stage): (ending.value, stage.value, ending.code(stage)) for ending in Ending for stage in Stage
}
"""How each end is told."""

STAGES: Final[Mapping[Phase, Stage]] = {
    Phase.PICK: Stage.REQUEST,
    Phase.CONNECT: Stage.QUEUE,
    Phase.REQUEST: Stage.RESPONSE,
    Phase.RESPONSE: Stage.RESPONSE,
    Phase.DATA: Stage.DATA,
    Phase.DONE: Stage.DONE,
}


@attrs.frozen(eq=False)
class Access:
    """Where records go, whether they tell of TLS, and the clock that they are stamped by."""

    write: Callable[[Told], object]
    stamps: Stamps
    tls: bool = False


class Asked(Protocol):
    """The client's side, as far as a log looks at it."""

    request: RequestHead | None
    """What is being answered, as it came; None if it could not be read."""
    sent: int
    """Bytes sent on the connection so far."""


class LoggedExchange(Exchange):
    """An exchange that remembers its times: its head `begun` and was `whole`, and its connection `stood`."""

    begun = whole = 0.0
    stood: float | None
    replied = False
    asked: Lease | None = None
    """The pick that was being connected to when it failed."""
    request_id = UNKNOWN
    """The request's id."""
    journal: Journal

    def connected(self, upstream: Upstream, lease: Lease) -> None:
        """See `Exchange.connected`."""
        self.stood = self.site.seconds()
        super().connected(upstream, lease)

    def reply(self, reply: Reply) -> None:
        """See `Answering.reply`."""
        self.replied = True
        super().reply(reply)

    def fail(self, error: BalancerError) -> None:
        """See `Exchange.fail`."""
        self.asked = None if self.pending is None else self.pending.lease
        super().fail(error)

    def _part(self, phase: Phase, error: BalancerError | None) -> None:
        self.journal.ended(self, phase, error)
        super()._part(phase, error)


class Journal:
    """Tells the log of each request of one connection, once.

    `received` tells the bytes of all requests so far that were read, and `line` those that were sent.
    """

    def __init__(
        self, access: Access, line: Asked, received: Callable[[], int], secured: Secured | None = None
    ) -> None:
        """TLS has `secured` the connection, if so."""
        self._access, self._line, self._received = access, line, received
        self._record: Callable[[Told], Told] = Record._make
        if access.tls:
            tls = _tls(secured)
            self._record = lambda told: told + tls
        self._begun: float | None = None
        self._before = (0, 0)

    def begins(self, now: float) -> None:
        """Some of a request head is here, and not all of it."""
        if self._begun is None:
            self._begun = now

    def exchange(self, site: Site, session: Session, head: RequestHead, downstream: Downstream) -> LoggedExchange:
        """The exchange of a request whose head is whole."""
        exchange = LoggedExchange(site, session, head, downstream)
        exchange.journal, exchange.stood = self, None  # all of its members, see `Exchange.__init__`
        exchange.whole = session.now
        exchange.request_id = head.get("x-request-id") or UNKNOWN
        exchange.begun, self._begun = session.now if self._begun is None else self._begun, None
        return exchange

    def ended(self, exchange: LoggedExchange, phase: Phase, error: BalancerError | None) -> None:
        """An exchange is over, and what there is to say about it was sent."""
        session, route = exchange.session, exchange.route
        status = exchange.status or (0 if error is None else error.status)
        backend = _backend(exchange, phase)
        way = (
            exchange.request_id,
            UNKNOWN if route is None else route.name,
            UNKNOWN if route is None else route.target.upstreams.name,
            UNKNOWN if backend is None else backend.name,
            session.attempt,
            ",".join(session.retries) or UNKNOWN,
        )
        told = CODES[_ending(exchange, phase, error)]
        traffic = self._traffic(self._received(), *exchange.moved)
        self._tell(session.client, (status, *traffic), (*way, *_times(exchange), *told))

    def refused(self, error: BalancerError, client: tuple[str, int], now: float, *, received: int) -> None:
        """A request that never became whole was answered so, after so many bytes of all requests."""
        begun, self._begun = now if self._begun is None else self._begun, None
        times = (now - begun, None, None, None, None, now - begun)
        told = CODES[ending_of(error), Stage.REQUEST]
        way = UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 1, UNKNOWN
        self._tell(client, (error.status, *self._traffic(received)), (*way, *times, *told))

    def _traffic(self, received: int, more_received: int = 0, more_sent: int = 0) -> tuple[int, int]:
        """The bytes sent and received that are told now, for the first time, with those that passed unread."""
        sent = self._line.sent
        before, self._before = self._before, (received, sent)
        return sent - before[1] + more_sent, received - before[0] + more_received

    def _tell(self, client: tuple[str, int], answer: Told, rest: Told) -> None:
        request, fields = _asked(self._line.request)
        start = (*self._access.stamps.now(), client[0] or UNKNOWN, client[1], *request)
        self._access.write(self._record((*start, *answer, *fields, *rest)))


def _tls(secured: Secured | None) -> Told:
    """What is known of TLS, in the order of `OF_TLS`."""
    if secured is None:
        return (UNKNOWN,) * len(OF_TLS)
    shown = secured.certificate
    certificate = ("", "", "") if shown is None else (shown.subject, shown.fingerprint, shown.error)
    texts = (secured.version, secured.cipher, secured.server_name, *certificate)
    return tuple(text or UNKNOWN for text in texts)


def _asked(request: RequestHead | None) -> tuple[Told, Told]:
    """The request as it came, and what two of its fields say; in the order of `Record`."""
    if request is None:
        return (UNKNOWN,) * 6, (UNKNOWN,) * 2
    fields = dict(request.fields)
    protocol = f"HTTP/{request.version}"
    start = (f"{request.method} {request.target} {protocol}", request.method, request.target, protocol)
    said = fields.get("referer") or UNKNOWN, fields.get("user-agent") or UNKNOWN
    return (*start, request.scheme, request.authority or UNKNOWN), said


def _times(exchange: LoggedExchange) -> Told:
    """The times of an exchange that ends now, in the order of `Record`."""
    now, begun, whole = exchange.site.seconds(), exchange.begun, exchange.whole
    lease, stood = exchange.lease, exchange.stood
    if lease is None or stood is None:
        return whole - begun, None, None, None, None, now - begun
    chosen, first = lease.began, lease.first_byte
    answered = None if first is None else chosen + first
    return (
        whole - begun,
        chosen - whole,
        stood - chosen,
        None if answered is None else answered - stood,
        None if answered is None else now - answered,
        now - begun,
    )


def _backend(exchange: LoggedExchange, phase: Phase) -> Backend | None:
    """The one that was asked last, or was to be."""
    if exchange.asked is not None:
        return exchange.asked.backend
    tried = exchange.session.tried
    if phase is Phase.CONNECT and tried:
        latest: Backend = tried[-1]
        return latest
    return None if exchange.lease is None else exchange.lease.backend


def _ending(exchange: LoggedExchange, phase: Phase, error: BalancerError | None) -> tuple[Ending, Stage]:
    """Why it ended, and where."""
    if error is None:
        if not exchange.replied:
            return Ending.DONE, Stage.DONE
        return Ending.REPLIED, Stage.REQUEST if exchange.lease is None else Stage.DONE
    connecting = exchange.asked is not None or isinstance(error, ConnectFailed)
    return ending_of(error), Stage.CONNECT if phase is Phase.CONNECT and connecting else STAGES[phase]
