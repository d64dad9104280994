"""Clients of a simulated balancer ask for one thing, take whatever comes, and are gone."""

from __future__ import annotations

from typing import Any

import attrs

from balancer import Backend, Pool, Route
from balancer.config import Config, HTTPListener, Retry
from balancer.plugins.sticky import OwnCookie, Sticky
from balancer.testing.simulation import Constant, Fault, Steady, Trace, simulate

POOL = Pool("site", backends=[Backend("10.0.0.1:80", name="b1"), Backend("10.0.0.2:80", name="b2")])
TRACE = Trace(20, arrivals=Steady(10), service=Constant(0.1), network=0)


def over_http(**route: Any) -> Config:
    """The pool behind a route that is made so."""
    return Config([HTTPListener("tcp:80", routes=[Route(pool=POOL, **route)])])


def test_requests_have_their_time() -> None:
    """A request that takes longer than its route's time-out is told so, however many tries it had."""
    found = simulate(over_http(timeout=1.0), attrs.evolve(TRACE, service=Constant(5)))
    assert found.reasons == {"exchange-timeout": 20}
    assert 1 <= found.p50 < 1.5


def test_late_tries_are_made_elsewhere() -> None:
    """A try that has no answer in its time is given up for one on another backend, as the route has it."""
    hung = attrs.evolve(TRACE, faults=[Fault("b1", "hung")])
    found = simulate(over_http(retry=Retry(per_try_timeout=0.5, backoff=0)), hung)
    assert (found.errors, found.retries > 0) == (0, True)
    assert 0.6 <= max(found.latencies) < 1


def test_tries_are_made_beside_each_other() -> None:
    """A request that is not answered soon is sent to another backend as well, and the first answer counts."""
    slow = attrs.evolve(TRACE, faults=[Fault("b1", "slow", by=20)])
    found = simulate(over_http(retry=Retry(hedge=0.2, budget=1)), slow)
    assert found.errors == 0
    assert max(found.latencies) < 0.5


def test_clients_keep_cookies() -> None:
    """A client that is given a cookie comes back with it, so that it goes where it was before."""
    one = attrs.evolve(TRACE, keys=1, service=Constant(0.05))
    sticky = attrs.evolve(POOL, algorithm=Sticky(OwnCookie("lb", "not a secret at all, but long enough")))
    assert sorted(simulate(sticky, one).shares.values()) == [0, 1]
    assert sorted(simulate(POOL, one).shares.values()) == [0.5, 0.5]
