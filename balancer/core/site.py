"""What the conversations of one listener share: its routes, its limits, and what becomes known of its requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import attrs

from balancer.core.arrival import OtherHosts
from balancer.core.dates import Dates
from balancer.core.deadlines import Deadlines
from balancer.core.faults import Faults, Tally
from balancer.core.forwarding import Forwarding
from balancer.core.http1 import Limits
from balancer.core.http1_memory import Memory
from balancer.core.messages import Block
from balancer.core.passage import SeeThrough
from balancer.core.paths import PathPolicy, normal
from balancer.core.routes import Routes
from balancer.core.silence import Patience
from balancer.errors import (
    BalancerError,
    ConnectFailed,
    DownstreamGone,
    FilterFailed,
    IdleTimeout,
    LifetimeExceeded,
    Side,
)

if TYPE_CHECKING:
    from balancer.core.exchange_answer import Parting
    from balancer.core.exchange_ports import Upstreams
    from balancer.core.journal import Access
    from balancer.core.retries import Retries


NO_NEWS: Final = (DownstreamGone, IdleTimeout, LifetimeExceeded)
"""Ends that are no faults: a client left, or a connection that had changed to another protocol was as old as it may be,
or as quiet."""


@attrs.frozen(eq=False)
class Destination:
    """Where a route leads: connections to its pool's backends, how long silence is borne, and what is tried again.

    `max_body` is in bytes, None for no bound; `upgrades` names the protocols that connections may be changed to.
    """

    upstreams: Upstreams
    patience: Patience
    retries: Retries
    max_body: int | None = None
    upgrades: frozenset[str] = frozenset()


@attrs.define(eq=False)
class Site:
    """What the conversations of one listener share; `seconds` tells the time, `dates` that on the wall if it is known.

    `path` makes targets what they are here, and `forwarding` says what backends are told.

    `other_hosts` are those that requests over TLS may be for beside the one that their connection was made for.

    What filters await is seen through by `later`, for `filter_timeout` seconds at most.

    `faults` counts those of filters, and `refusals` every request without a whole answer, by kind; `told` hears of
    these the 1st, 2nd, 4th, 8th time and so on: what was answered, why, and to whom, and never what a field held.
    """

    routes: Routes[Destination]
    deadlines: Deadlines
    seconds: Callable[[], float]
    limits: Limits = attrs.Factory(Limits)
    path: PathPolicy = normal
    forwarding: Forwarding = attrs.Factory(Forwarding)
    dates: Dates | None = None
    later: SeeThrough = attrs.field(kw_only=True)
    filter_timeout: float = 5.0
    other_hosts: OtherHosts = frozenset()
    told: Callable[[str], object] = lambda _line: None
    access: Access | None = None
    """Where every request is told, if anywhere."""
    faults: Faults = attrs.Factory(lambda site: site.routes.faults, takes_self=True)
    refusals: Tally = attrs.field(init=False, default=attrs.Factory(lambda site: Tally(site.told), takes_self=True))
    blocks: Memory[Block] = attrs.field(init=False, factory=Memory)

    def ended(self, exchange: Parting, error: BalancerError | None) -> None:
        """An exchange is over."""
        if error is not None:
            self.failed(error, exchange.session.client[0], exchange)

    def failed(self, error: BalancerError, client: str, exchange: Parting | None = None) -> None:
        """A request of that client was refused, or its exchange failed, which may be `NO_NEWS`."""
        if isinstance(error, FilterFailed):
            self.faults.note(error.named, error.__cause__ or error)
        if not isinstance(error, NO_NEWS):
            kind = f"{error.status} {error.reason}{_place(error, exchange)}"
            self.refusals.note(kind, f"{kind}: {error}, client {client or 'of a unix socket'}")


def _place(error: BalancerError, exchange: Parting | None) -> str:
    """The pool and the backend that an error is about, as far as its own message does not name them."""
    if exchange is None or exchange.route is None or error.side is not Side.UPSTREAM:
        return ""
    pool = f": pool {exchange.route.target.upstreams.name!r}"
    if exchange.lease is None or isinstance(error, ConnectFailed):
        return pool
    return f"{pool}: backend {exchange.lease.backend.name!r}"
