"""A pool runs on a virtual clock as it would in earnest: retries, queue, health, limits, and the same each time."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import attrs
import pytest

from balancer import Backend, Config, Health, HTTPListener, Pool, TCPListener, UpstreamTLS
from balancer.config import Ejection, Retry, Route
from balancer.errors import ConfigError
from balancer.plugins.algorithms import LeastConnections, RoundRobin
from balancer.plugins.health import TCPCheck
from balancer.testing.simulation import At, Constant, Exponential, Fault, Poisson, Steady, Trace, simulate

STEADY = Trace(400, arrivals=Steady(100), service=Constant(0.01), network=0.001)


def pool(count: int = 2, **given: Any) -> Pool:
    """So many backends, in turn unless it is said."""
    limit = given.pop("max_connections", None)
    weights = given.pop("weights", [1] * count)
    backends = [
        Backend(f"10.0.0.{number}:80", name=f"b{number}", weight=weight, max_connections=limit)
        for number, weight in enumerate(weights, 1)
    ]
    return Pool("site", backends=backends, **given)


def test_an_undisturbed_pool() -> None:
    """Where all is well every request takes its work and the way there and back, and weights are honoured."""
    found = simulate(pool(weights=[3, 1]), STEADY)
    assert (found.requests, found.errors, found.retries, found.waited) == (400, 0, 0, 0)
    assert found.shares == {"b1": 0.75, "b2": 0.25}
    assert (found.skew, found.p50) == pytest.approx((1, 0.011))
    assert max(found.latencies) == pytest.approx(0.012), "a first connection takes a while"
    assert found.seconds == pytest.approx(4.011)


def test_a_backend_that_is_down_is_passed_over() -> None:
    """Who finds a backend down is served by another, and a health check takes it out, and in again."""
    checked = pool(health=Health(TCPCheck(), every=0.2, jitter=0, rise=2, fall=2))
    down = attrs.evolve(STEADY, faults=[Fault("b1", "down", at=1, lasts=1)])
    found = simulate(checked, down)
    assert (found.errors, found.downs) == (0, 1)
    without = simulate(pool(), down)
    assert (without.errors, without.downs, without.retries) == (0, 0, 100), "a retry takes the other's turn"
    assert 0 < found.retries <= 40, "only until it was checked twice"


def test_a_hung_backend_is_given_up() -> None:
    """What a hung backend does not answer ends with the time-out of its pool; no check takes long to find out."""
    hung = attrs.evolve(STEADY, faults=[Fault("b1", "hung", at=1)])
    found = simulate(pool(response_timeout=0.5, health=Health(TCPCheck(), every=0.2, fall=2)), hung)
    assert set(found.reasons) == {"upstream-timeout"}
    assert 10 < found.errors < 50
    assert found.downs == 1


@pytest.mark.parametrize(("seen", "downs"), [(True, 1), (False, 0)])
def test_errors_may_be_unseen_by_checks(seen: bool, downs: int) -> None:
    """A backend that fails goes down only if what is checked fails with it; its answers are errors of its own."""
    failing = attrs.evolve(STEADY, faults=[Fault("b1", "failing", at=2, seen=seen)])
    found = simulate(pool(health=Health(TCPCheck(), every=0.2, fall=2)), failing)
    assert found.downs == downs
    assert set(found.reasons) == {"status 500"}
    assert (found.errors < 50) is seen


def test_what_fails_is_ejected() -> None:
    """A backend that fails is ejected after as many errors in a row as the pool bears, and tried out now and then."""
    failing = attrs.evolve(STEADY, faults=[Fault("b1", "failing", at=1)])
    found = simulate(pool(ejection=Ejection(time=0.5)), failing)
    assert (found.ejections >= 2, found.downs) == (True, 0)
    assert 5 <= found.errors <= 10


def test_what_is_cut_is_tried_again() -> None:
    """Requests on a backend that breaks are made again elsewhere, as the route has it."""
    slow = Trace(50, arrivals=Steady(100), service=Constant(0.5), faults=[Fault("b1", "down", at=0.3)])
    found = simulate(pool(attempts=3), slow)
    assert (found.errors, found.retries > 10) == (0, True)
    once = simulate(pool(attempts=1), slow)
    assert (once.errors, set(once.reasons), once.retries) == (25, {"connect-failed", "upstream-gone"}, 0)


def test_statuses_are_tried_again_where_it_is_said() -> None:
    """A route that tries errors again has none, at the price of a retry each."""
    listener = HTTPListener("tcp:80", routes=[Route(pool=pool(), retry=Retry(statuses=[500], backoff=0))])
    found = simulate(Config([listener]), attrs.evolve(STEADY, faults=[Fault("b1", "failing")]))
    assert (found.errors, found.retries) == pytest.approx((0, 400), abs=2), "a retry takes the other's turn"


def test_the_full_wait() -> None:
    """What comes to a full pool waits for room, and is refused after its time."""
    crowded = Trace(100, arrivals=Steady(1000), service=Constant(0.1), network=0)
    found = simulate(pool(max_connections=4, queue_timeout=1), crowded)
    assert (found.waited, found.reasons) == (92, {"queue-timeout": found.errors})
    assert found.errors > 0
    assert found.p50 > 0.5


def test_connections_are_held() -> None:
    """A TCP pool has its connections for as long as the work takes; those that break end as errors."""
    site = pool(algorithm=LeastConnections())
    trace = Trace(100, arrivals=Steady(100), service=Constant(0.2), network=0.01, servers=100)
    found = simulate(Config([TCPListener("tcp:80", pool=site)]), trace)
    assert (found.errors, found.p99) == pytest.approx((0, 0.22))
    faults = Fault("b1", "down", at=0.5, lasts=0.2), Fault("b2", "failing", at=0.9)
    broken = simulate(Config([TCPListener("tcp:80", pool=site)]), attrs.evolve(trace, faults=faults))
    assert broken.reasons == {"upstream-gone": broken.errors}
    assert (broken.errors > 10, broken.retries > 0) == (True, True)


def test_silent_connections_are_closed() -> None:
    """A TCP connection on which nobody says anything ends with its listener's time-out."""
    config = Config([TCPListener("tcp:80", pool=pool(1), idle=2)])
    found = simulate(config, attrs.evolve(STEADY, faults=[Fault("b1", "hung")]))
    assert found.reasons == {"idle-timeout": 400}
    assert found.p50 == pytest.approx(2.2, abs=0.2)


@pytest.mark.parametrize("listener", [HTTPListener, TCPListener])
def test_what_goes_down_may_be_left_at_once(listener: Any) -> None:
    """With on_down="cut" what is on a backend that goes down does not wait for it to answer."""
    site = pool(health=Health(TCPCheck(), every=0.2, fall=1), on_down="cut")
    hung = attrs.evolve(STEADY, faults=[Fault("b1", "hung", at=1)])
    found = simulate(Config([listener("tcp:80", pool=site)]), hung)
    assert max(found.latencies) < 1
    assert found.errors == 0 or found.reasons == {"backend-down": found.errors}


def test_whatever_a_pool_would_need() -> None:
    """Names, sockets and certificates are not looked for; connections that are kept warm are there from the start."""
    backends = "nobody.example:80", "unix:/run/nobody.sock", "[::1]:80"
    found = simulate(Pool("site", backends=backends, tls=UpstreamTLS(ca="/none.pem", server_name="a.example")), STEADY)
    assert (found.errors, max(found.latencies)) == pytest.approx((0, 0.012))
    warm = simulate(Pool("site", backends=backends, warm=2), attrs.evolve(STEADY, arrivals=At([0, *[0.5] * 6])))
    assert warm.latencies[-2] == pytest.approx(0.011), "all but the very first"


def test_nobody_is_there() -> None:
    """A pool of which every backend is down refuses, and the simulation ends."""
    found = simulate(pool(1), attrs.evolve(STEADY, faults=[Fault("b1", "down")]))
    assert (found.reasons, found.shares) == ({"connect-failed": 400}, {"b1": 1.0})


def test_strangers_cannot_fail() -> None:
    """A fault of a backend that is not in the pool is a mistake, and no silence."""
    with pytest.raises(
        ConfigError, match="simulate: Pool 'site': faults: there is no backend 'b9'; name one of the pool's"
    ):
        simulate(pool(), Trace(faults=[Fault("b9", "down")]))


def test_policies_meet_the_same_requests() -> None:
    """With one seed two policies have the same requests at the same times; with another they have others."""
    trace = Trace(200, arrivals=Poisson(5), service=Exponential(0.01), servers=50)
    one, other = (simulate(algorithm, trace, seed=3) for algorithm in (RoundRobin(), LeastConnections()))
    assert one.latencies == pytest.approx(other.latencies, abs=0.002), "only who made a connection first differs"
    assert one.seconds == pytest.approx(other.seconds, abs=0.002)
    assert simulate(RoundRobin(), trace, seed=4).latencies != one.latencies


PROGRAM = """
from balancer.plugins.algorithms import PeakEWMA
from balancer.testing.simulation import Fault, Poisson, Trace, simulate
print(simulate(PeakEWMA(), Trace(200, arrivals=Poisson(400), faults=[Fault("b2", "down", at=0.2)])).to_json())
"""


def test_it_comes_out_the_same_everywhere() -> None:
    """In processes that hash differently the same simulation gives the same figures, to the last digit."""
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, env={**os.environ, "PYTHONHASHSEED": seed}
        )
        for seed in ("1", "2")
    ]
    one, other = (run.communicate()[0] for run in runs)
    assert one == other
    assert b'"requests": 200' in one
