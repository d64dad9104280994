"""A pool with all its settings through everything at once: limits, ejection, panic, spill, slow start and failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from balancer.core.backend import Backend
from balancer.core.pool import Pool
from balancer.core.slow_start import Curve
from tests.core.policies import MAKINGS
from tests.core.test_pool_machine import PoolMachine, places

HOLD = 1.0
WINDOW = 10.0
sharing = st.fixed_dictionaries(
    {
        "failure_hold": st.sampled_from([None, HOLD]),
        "spill": st.sampled_from([None, 1.4]),
        "panic": st.sampled_from([None, 0.5, 1.0]),
        "slow_start": st.sampled_from([None, Curve(WINDOW)]),
    }
)


class SharingMachine(PoolMachine):
    """The same machine, to whose pool more happens."""

    def __init__(self) -> None:
        super().__init__()
        self.alarms = list[tuple[float, Callable[[], None]]]()

    @initialize(plan_b=st.booleans(), making=st.sampled_from(MAKINGS), seed=st.integers(0, 99), given=sharing)
    def begin(self, plan_b: bool, making: str, seed: int, given: dict[str, Any] | None = None) -> None:
        """A pool with some of the settings."""
        self.algorithm.making = making
        ports = attrs.evolve(self.turns.ports(seed), after=self.after)
        stand_in: Any = self.plan_b if plan_b else None
        algorithm: Any = self.algorithm
        self.pool = Pool("machine", self.backends, algorithm, ports=ports, on_policy_error=stand_in, **(given or {}))
        self.has_plan_b = plan_b

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call when so much time has passed."""
        self.alarms.append((self.turns.time + seconds, call))

    @rule(seconds=st.sampled_from([0.3, HOLD, WINDOW / 2, WINDOW]))
    def pass_time(self, seconds: float) -> None:
        """Time goes by, and what is due happens."""
        self.turns.time += seconds
        due = [call for at, call in self.alarms if at <= self.turns.time]
        self.alarms = [alarm for alarm in self.alarms if alarm[0] > self.turns.time]
        for call in due:
            call()

    @rule(place=places, ejected=st.booleans(), trial=st.sampled_from([None, None, 1]))
    def eject(self, place: int, ejected: bool, trial: int | None) -> None:
        """How its sessions end speaks against a backend, or no longer."""
        self.backends[place].become(ejected=ejected, trial=trial)
        self.pool.refresh()

    @rule(place=places, says=st.sampled_from(["", "maint"]), weight=st.sampled_from([0.0, 1.0, 2.0]))
    def say(self, place: int, says: str, weight: float) -> None:
        """Its agent speaks, and an operator."""
        self.backends[place].become(agent=says, own_weight=weight)
        self.pool.refresh()

    @rule(place=places, most=st.sampled_from([None, 1, 2]))
    def limit(self, place: int, most: int | None) -> None:
        """It takes only so many at once from now on."""
        self.backends[place].become(max_connections=most)

    def allowed(self, tried: Sequence[Backend]) -> list[Backend]:
        """The usable ones with room that were not tried; where the pickers are of now, as the tiers are to be used."""
        found = [one for one in self.backends if one.usable and one not in tried and not one.full]
        if self.turns.queue or (self.pool.standing is not None and len(self.pool.standing.shares) > 1):
            return found
        return [one for one in found if one.tier == min(other.tier for other in found)]

    def teardown(self) -> None:
        """When all sessions have ended, and time has gone by, nothing is counted any more, nor held."""
        super().teardown()
        self.pass_time(10 * WINDOW)
        assert all(one.active == one.held == 0 for one in self.backends)

    @invariant()
    def faults_are_counted(self) -> None:
        """No fault of the policy goes uncounted, though one may be that of several tiers' pickers."""
        if hasattr(self, "pool"):
            counted, made = self.pool.policy.faults.count, self.algorithm.book.faults
            assert min(made, 1) <= counted <= made

    @invariant()
    def only_a_panic_presses(self) -> None:
        """Nobody who is not fit is usable but in a tier that panics, and only with a panic."""
        if hasattr(self, "pool"):
            panicking = frozenset[int]() if self.pool.standing is None else self.pool.standing.panicking
            assert all(one.fit or one.tier in panicking for one in self.backends if one.usable)

    @invariant()
    def shares_are_of_one_whole(self) -> None:
        """The shares of the tiers in use add up to one, and each of these tiers has somebody eligible."""
        standing = getattr(getattr(self, "pool", None), "standing", None)
        if standing is not None and standing.shares:
            assert abs(sum(standing.shares.values()) - 1) < 1e-9
            assert {one.tier for one in self.pool.eligible()} == standing.shares.keys()

    @invariant()
    def only_failures_are_held(self) -> None:
        """Only sessions that have failed are held."""
        assert all(0 <= one.held <= one.failed for one in self.backends)


TestSharing: Any = SharingMachine.TestCase
TestSharing.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
