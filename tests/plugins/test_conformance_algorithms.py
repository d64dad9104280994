"""Every built-in algorithm keeps what it promises, by the same kit that strangers use."""

from __future__ import annotations

from balancer.plugins.algorithms import First, LeastConnections, LeastTime, PeakEWMA, PowerOfTwo, Random, RoundRobin
from balancer.plugins.combinators import BoundedLoad, Exact, Fallback, Subset, Zones
from balancer.plugins.hash_tables import Ketama, Maglev, Rendezvous
from balancer.plugins.hashing import Hash, SourceHash, capture, header
from balancer.plugins.score import Score, active
from balancer.plugins.sticky import OwnCookie, Sticky
from balancer.testing import conformance

small = Maglev(1021)
"""A table that is soon made."""
user = header("x-user")

TestRoundRobin = conformance(RoundRobin, weighted=True, profile="quick")
TestRandom = conformance(Random, weighted=True, profile="quick")
TestLeastConnections = conformance(LeastConnections, load_bound=1, weighted=True, profile="quick")
TestLeastTime = conformance(LeastTime, weighted=True, profile="quick")
TestPowerOfTwo = conformance(PowerOfTwo, weighted=True, profile="quick")
TestPeakEWMA = conformance(PeakEWMA, weighted=True, profile="quick")
TestFirst = conformance(First, profile="quick")
TestMaglev = conformance(lambda: SourceHash(small), affinity=True, movement=0.05, weighted=True, profile="quick")
TestKetama = conformance(lambda: Hash(user, Ketama()), affinity=user, movement=0, weighted=True, profile="quick")
TestRendezvous = conformance(
    lambda: Hash(user, Rendezvous()), affinity=user, movement=0, weighted=True, profile="quick"
)
TestBoundedLoad = conformance(lambda: BoundedLoad(SourceHash(Rendezvous())), affinity=True, profile="quick")
TestExact = conformance(lambda: Exact(capture("shard")), profile="quick")
TestFallback = conformance(lambda: Fallback(Exact(capture("shard")), PowerOfTwo()), weighted=True, profile="quick")
TestSubset = conformance(lambda: Subset("even", LeastConnections(), otherwise=RoundRobin()), profile="quick")
TestZones = conformance(lambda: Zones("east", whole=2), profile="quick")
TestScore = conformance(lambda: Score(weigh={active: 1}), profile="quick")
TestSticky = conformance(lambda: Sticky(OwnCookie("served-by", "s" * 32)), weighted=True, profile="quick")
