"""A pool through everything at once: sessions, health, drains, reports, and a policy that may do anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from balancer.core.backend import Backend
from balancer.core.pool import Lease, Pool
from balancer.core.session import Session
from balancer.errors import BalancerError, ConnectFailed, DownstreamGone, NoBackend, PolicyFailed
from balancer.interfaces import Kind, Phase, Report
from tests.core.policies import ANSWERS, MAKINGS, Steered, Turns, backend

TIERS = (0, 0, 0, 1, 1)
places = st.integers(0, len(TIERS) - 1)
errors: st.SearchStrategy[BalancerError | None] = st.sampled_from(
    [None, ConnectFailed("refused"), DownstreamGone("left")]
)


class PoolMachine(RuleBasedStateMachine):
    """Every rule is something that happens to a pool; the invariants are what it promises all the while."""

    def __init__(self) -> None:
        super().__init__()
        self.turns, self.leases = Turns(), list[Lease]()
        self.backends = [backend(f"b{place}", tier=tier) for place, tier in enumerate(TIERS)]
        self.algorithm, self.plan_b = Steered(), Steered()
        self.drawn = Counter[str]()

    @initialize(plan_b=st.booleans(), making=st.sampled_from(MAKINGS), seed=st.integers(0, 99))
    def begin(self, plan_b: bool, making: str, seed: int) -> None:
        """A pool, with or without another algorithm to stand in."""
        self.algorithm.making = making
        stand_in = self.plan_b if plan_b else None
        ports = self.turns.ports(seed)
        self.pool = Pool("machine", self.backends, self.algorithm, ports=ports, on_policy_error=stand_in)
        self.has_plan_b = plan_b

    @rule(answer=st.sampled_from(ANSWERS), making=st.sampled_from(MAKINGS), sulks=st.booleans())
    def change_policy(self, answer: str, making: str, sulks: bool) -> None:
        """The policy takes to another way of behaving."""
        self.algorithm.answer, self.algorithm.making, self.algorithm.sulks = answer, making, sulks

    @rule(answer=st.sampled_from(["first", "last", "at random", "none"]))
    def change_plan_b(self, answer: str) -> None:
        """The one that stands in is sane, but has its own mind."""
        self.plan_b.answer = answer

    @rule(place=places, up=st.booleans(), draining=st.booleans())
    def change_state(self, place: int, up: bool, draining: bool) -> None:
        """Health or control says something of a backend."""
        self.backends[place].become(up=up, draining=draining)
        self.pool.refresh()

    @rule(place=places, weight=st.sampled_from([0.0, 0.5, 1.0]))
    def report(self, place: int, weight: float) -> None:
        """A check reports a weight."""
        if self.backends[place].apply(Report(weight=weight)):
            self.pool.refresh()

    @rule(count=st.integers(1, 4))
    def pass_turns(self, count: int) -> None:
        """What is built in slices goes on."""
        self.turns.run(count)

    @rule(tried=st.lists(places, unique=True))
    def pick(self, tried: list[int]) -> None:
        """A session wants a backend: it gets a usable one that it has not tried, or the error that tells the truth.

        None is to be had while a first picker is made, unless another algorithm stands in.
        """
        session = Session(Kind.TCP, ("192.0.2.1", 1), 0.0, tried=[self.backends[place] for place in tried])
        allowed = self.allowed(session.tried)
        active = {one: one.active for one in self.backends}
        declined, books = self.declined(), self.open_picks()
        try:
            lease = self.pool.pick(session)
        except NoBackend:
            assert not allowed or self.declined() > declined or self.pool.policy.beginning
        except PolicyFailed:
            assert any(one.usable for one in self.backends)
            assert not self.has_plan_b
            assert self.algorithm.book.faults
        else:
            assert lease.backend in allowed
            assert self.declined() == declined
            active[lease.backend] += 1
            self.drawn[lease.backend.name] += self.open_picks() == books
            self.leases.append(lease)
        assert active == {one: one.active for one in self.backends}

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), error=errors, phase=st.sampled_from(Phase), answered=st.booleans(), times=st.integers(1, 3))
    def end(self, data: Any, error: BalancerError | None, phase: Phase, answered: bool, times: int) -> None:
        """A session ends, one way or another, and may say so more than once."""
        lease = self.leases.pop(data.draw(st.integers(0, len(self.leases) - 1)))
        before = lease.backend.served + lease.backend.failed
        books = self.open_picks()
        if answered:
            lease.answered()
        for _ in range(times):
            lease.end(phase, error=error)
            lease.refuse()
        assert lease.backend.served + lease.backend.failed == before + 1
        self.drawn[lease.backend.name] -= self.open_picks() == books

    def allowed(self, tried: Sequence[Backend]) -> list[Backend]:
        """Whom a session may be given: the usable ones, without those it has tried, of the lowest tier that has any."""
        usable = [one for one in self.backends if one.up and not one.draining and one.weight > 0 and one not in tried]
        return [one for one in usable if one.tier == min(other.tier for other in usable)]

    def declined(self) -> int:
        """How often an algorithm said that none will do."""
        return self.algorithm.book.declined + self.plan_b.book.declined

    def open_picks(self) -> Counter[str]:
        """The picks that no `released` was called for yet, of both algorithms, by backend."""
        books = [self.algorithm.book, self.plan_b.book]
        total = Counter[str]()
        for book in books:
            total.update(book.chosen)
            total.subtract(book.released)
        return +total

    @invariant()
    def every_pick_has_one_end(self) -> None:
        """Backends count the sessions on them, and each open pick of a policy is one of these: no more, no fewer."""
        alive = Counter(lease.backend.name for lease in self.leases)
        assert {one.name: one.live for one in self.backends} == {one.name: alive[one.name] for one in self.backends}
        assert self.open_picks() == +(alive - self.drawn)

    @invariant()
    def faults_are_counted(self) -> None:
        """Each fault of the policy is counted once, and few of many are reported."""
        if hasattr(self, "pool"):
            assert self.pool.policy.faults.count == self.algorithm.book.faults
            told = sum(count.bit_length() for count in self.pool.policy.faults.counts.values())
            assert len(self.turns.reports) == told

    def teardown(self) -> None:
        """When all sessions have ended, nothing is counted any more."""
        for lease in self.leases:
            lease.end()
        assert all(one.live == 0 for one in self.backends)
        assert not self.open_picks()


TestPool: Any = PoolMachine.TestCase
TestPool.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
