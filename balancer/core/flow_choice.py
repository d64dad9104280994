"""Where a flow goes: the route by its first datagram, and the backend; refuses to know sockets and how flows end."""

from __future__ import annotations

from contextlib import suppress

from balancer.core.flow import Flow
from balancer.core.flow_bounds import Counts
from balancer.core.pool import Lease, Pool
from balancer.core.routes import Routes
from balancer.core.session import Session
from balancer.errors import NoBackend, NoRoute, PolicyFailed, PoolFull


class Choice:
    """Chooses by the routes of one listener; what comes to nothing is counted."""

    def __init__(self, routes: Routes[Pool]) -> None:
        self.counts = Counts()
        self._routes = routes

    def lease(self, flow: Flow, data: bytes) -> Lease | None:
        """Have the flow lead somewhere, and pick a backend there for this datagram; None when nobody may serve it.

        The whole datagram is there for matchers and algorithms to see, and is not kept.
        """
        flow.session.become(peek=data)
        try:
            if flow.pool is None:
                flow.pool = self._routes.choose(flow.session).target
            return self._pick(flow.pool, flow.session)
        except NoRoute:
            self.counts.dropped_no_route += 1
        except PoolFull:
            self.counts.dropped_full += 1
        except NoBackend:
            self.counts.dropped_no_backend += 1
        except PolicyFailed:
            self.counts.dropped_policy += 1
        finally:
            flow.session.become(peek=b"")
        return None

    def _pick(self, pool: Pool, session: Session) -> Lease:
        """Choose a backend, one that refused the flow only when there is no other."""
        session.become(now=pool.ports.seconds(), attempt=len(session.tried) + 1)
        if session.tried:
            with suppress(NoBackend):
                return pool.pick(session)
            session.become(tried=())
        return pool.pick(session)
