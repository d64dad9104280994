"""How an exchange comes by its connection: those that it waits for; makes none, and keeps none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from balancer.core.backend import Backend
from balancer.core.exchange_ports import Carried, Pending
from balancer.core.pool import Lease, Wait
from balancer.errors import BalancerError

if TYPE_CHECKING:
    from balancer.net.upstreams import HTTPUpstream, Upstreams


class Wanting:
    """Gives one exchange the connection to be had for it: `net.dialing.Caller`."""

    def __init__(self, exchange: Carried) -> None:
        self._exchange = exchange

    def dialed(self, protocol: HTTPUpstream, lease: Lease) -> None:
        """The connection stands."""
        protocol.carry(self._exchange, lease)

    def waits(self) -> None:
        """The client of an exchange is read anyway."""

    def not_dialed(self, error: BalancerError) -> None:
        """None is to be had."""
        self._exchange.fail(error)


class Waiting:
    """One exchange that waits for a backend with room, and its way there: `core.pool.Seeker`."""

    def __init__(self, upstreams: Upstreams, exchange: Carried, *, fresh: bool) -> None:
        self._upstreams, self._exchange, self._fresh = upstreams, exchange, fresh
        self._dialing: Pending | None = None
        self._wait: Wait | None = upstreams.pool.wait(exchange.session, self)

    @property
    def lease(self) -> Lease | None:
        """See `core.exchange_ports.Pending`."""
        return None if self._dialing is None else self._dialing.lease

    def served(self, lease: Lease) -> None:
        """There is room."""
        self._wait = None
        self._dialing = self._upstreams.acquire(self._exchange, fresh=self._fresh, lease=lease)

    def not_served(self, error: BalancerError) -> None:
        """There was none."""
        self._exchange.fail(error)

    def cancel(self) -> None:
        """See `core.exchange_ports.Pending`."""
        under_way = self._wait or self._dialing
        if under_way is not None:
            under_way.cancel()

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """See `core.exchange_ports.Pending`."""
        if self._dialing is not None:
            self._dialing.leave(backend, error)
