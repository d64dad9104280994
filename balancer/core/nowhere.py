"""Stands for the pool of a route that has none, since its filters answer; refuses whatever they do not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from balancer.core.access import UNKNOWN
from balancer.core.exchange_ports import Carried
from balancer.core.retries import Budget
from balancer.errors import NoRoute

if TYPE_CHECKING:
    from balancer.core.backend import Backend
    from balancer.core.session import Session


class Nowhere:
    """No connection is to be had here: `core.exchange_ports.Upstreams`."""

    name = UNKNOWN

    def __init__(self) -> None:
        self.budget = Budget(lambda: 0)

    def acquire(self, exchange: Carried, *, fresh: bool) -> None:
        """See `core.exchange_ports.Upstreams`."""
        exchange.fail(NoRoute("no filter of the route has answered, and it has no pool"))

    def spare(self, session: Session, backend: Backend) -> bool:
        """See `core.exchange_ports.Upstreams`."""
        return False


NOWHERE: Final = Nowhere()
