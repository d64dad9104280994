"""A pool that loses half its members and gets them back, with the checks and the pool as in production."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.config import Health
from balancer.core.session import Session
from balancer.errors import NoBackend
from balancer.interfaces import Kind
from balancer.plugins.algorithms import LeastConnections, PeakEWMA, PowerOfTwo, Random, RoundRobin
from balancer.plugins.hashing import SourceHash
from balancer.plugins.health import TCPCheck
from tests.net.house import House

PORTS = range(9001, 9009)
EVERY, TIMEOUT, JITTER = 1.0, 0.5, 0.2
FALL, RISE = 3, 2


class Outage:
    """Backends on all the ports, of which some die and return while sessions come and go all the time."""

    def __init__(self, algorithm: Any) -> None:
        self.house, self.chosen = House(), list[int]()
        for port in PORTS:
            self.house.far(port)
        health = Health(TCPCheck(), every=EVERY, timeout=TIMEOUT, rise=RISE, fall=FALL, jitter=JITTER)
        self.house.relay(*PORTS, algorithm=algorithm, health=health)
        (self.pool,) = self.house.assembly.pools.values()

    def lasts(self, seconds: float) -> set[int]:
        """That time goes by, with ten sessions a second; the ports that they were sent to."""
        chosen = set()
        for number in range(round(seconds * 10)):
            self.house.network.advance(0.1)
            session = Session(Kind.TCP, (f"192.0.2.{number % 250}", 5), self.house.network.seconds())
            try:
                lease = self.pool.pick(session)
            except NoBackend:
                continue
            chosen.add(int(lease.backend.address.rpartition(":")[2]))
            lease.end()
        return chosen


ALGORITHMS = [RoundRobin(), Random(), LeastConnections(), PowerOfTwo(), PeakEWMA(), SourceHash()]


@settings(max_examples=5, deadline=None)
@given(st.sampled_from(ALGORITHMS), st.sets(st.sampled_from(PORTS), min_size=4, max_size=4), st.booleans())
def test_nothing_is_sent_to_the_dead(algorithm: Any, dead: set[int], hangs: bool) -> None:
    """After `fall` checks not one session goes to a dead backend, and `rise` checks after its return some do again."""
    outage = Outage(algorithm)
    outage.lasts(1)
    for port in dead:
        outage.house.network.hang(port) if hangs else outage.house.network.refuse(port)
    outage.lasts(FALL * EVERY * (1 + JITTER) + TIMEOUT)
    assert outage.lasts(10) <= set(PORTS) - dead
    for port in dead:
        outage.house.network.allow(port)
    outage.lasts((RISE + 1) * EVERY * (1 + JITTER) + TIMEOUT)
    assert outage.lasts(10) == set(PORTS)
    outage.house.end()
