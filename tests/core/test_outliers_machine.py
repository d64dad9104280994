"""Ejection through everything at once: sessions that end in any way, health, drains, checks and time."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from balancer.core.outlier_counts import Stage
from balancer.core.outlier_rules import FailureShare, Rules, SuccessRate
from balancer.core.outliers import BACK, EJECTED, ON_TRIAL
from balancer.core.pool import Lease
from balancer.errors import BalancerError, ConnectFailed, DownstreamGone, NoBackend, UpstreamGone
from tests.core.watched import Watched

TIERS = (0, 0, 0, 0, 1, 1)
FATES: list[int | BalancerError] = [200, 404, 500, 503, ConnectFailed("refused"), UpstreamGone("reset"),
                                    DownstreamGone("left")]  # fmt: skip
places = st.integers(0, len(TIERS) - 1)
RULES = Rules(
    {"failures": 2, "gateway_errors": 2, "local_errors": 2},
    success_rate=SuccessRate(1.0, 0.1, requests=2, backends=3),
    failure_share=FailureShare(0.8, requests=2, backends=2),
    longest=90.0,
    jitter=0.5,
)


class OutliersMachine(RuleBasedStateMachine):
    """Every rule is something that happens to a pool; the invariants are what ejection promises all the while."""

    @initialize(most=st.sampled_from([0.1, 0.5, 1.0]), trials=st.integers(1, 2), seed=st.integers(0, 99))
    def begin(self, most: float, trials: int, seed: int) -> None:
        """A pool of two tiers."""
        values = {name: getattr(RULES, name) for name in ("rows", "success_rate", "failure_share", "longest", "jitter")}
        self.here = Watched(TIERS, Rules(most=most, trials=trials, **values), seed=seed)
        self.leases = list[Lease]()

    @rule(place=places)
    def pick(self, place: int) -> None:
        """A session wants that backend, which it gets if it is not ejected."""
        one = self.here.backends[place]
        try:
            lease = self.here.pick(place)
        except NoBackend:
            assert not one.usable or one.trial is not None
        else:
            assert not one.ejected
            self.leases.append(lease)
        self.here.time.advance(0.01)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), fate=st.sampled_from(FATES), answered=st.booleans())
    def end(self, data: Any, fate: int | BalancerError, answered: bool) -> None:
        """One of the sessions ends."""
        lease = self.leases.pop(data.draw(st.integers(0, len(self.leases) - 1)))
        if answered:
            lease.answered()
        lease.end(status=fate if isinstance(fate, int) else None, error=None if isinstance(fate, int) else fate)

    @rule(place=places, fate=st.sampled_from(FATES), times=st.integers(1, 5))
    def end_at_once(self, place: int, fate: int | BalancerError, times: int) -> None:
        """Several sessions on a backend end alike."""
        for _ in range(times):
            if self.here.backends[place].usable and not self.here.backends[place].full:
                self.here.ends(place, fate)
            self.here.time.advance(0.01)

    @rule(place=places, up=st.booleans(), draining=st.booleans())
    def change_state(self, place: int, up: bool, draining: bool) -> None:
        """Health or control says something of a backend."""
        self.here.backends[place].become(up=up, draining=draining)
        self.here.pool.refresh()

    @rule(place=places, passed=st.booleans())
    def check(self, place: int, passed: bool) -> None:
        """A health check ends, with no effect of its own."""
        self.here.outliers.checked(self.here.backends[place], passed)

    @rule(seconds=st.sampled_from([1.0, 10.0, 31.0, 100.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.here.time.advance(seconds)

    @invariant()
    def never_more_out_than_the_cap(self) -> None:
        """However bad all are, no more are ejected than the cap allows, and as many are counted as are."""
        if hasattr(self, "here"):
            out = sum(one.ejected for one in self.here.backends)
            assert out <= self.here.rules.cap(len(TIERS))
            assert out == self.here.outliers.count(Stage.OUT)

    @invariant()
    def never_the_last(self) -> None:
        """Where an ejected backend would serve, another one of its tier does, without being on trial."""
        if hasattr(self, "here"):
            serving = {one.tier for one in self.here.backends if one.usable and one.trial is None}
            wanted = {one.tier for one in self.here.backends if one.up and not one.draining and one.weight > 0}
            assert wanted == serving

    @invariant()
    def no_more_try_out_than_may(self) -> None:
        """Of the sessions that began with the trial of a backend, or later, only so many are alive."""
        for one in self.here.backends if hasattr(self, "here") else ():
            if one.trial is not None:
                since = max(at for at, change in self.here.told if change.what == ON_TRIAL and change.backend is one)
                alive = [lease for lease in self.leases if lease.backend is one and lease.began >= since]
                assert len(alive) <= self.here.rules.trials

    @invariant()
    def timers_are_as_many_as_ejections(self) -> None:
        """There is one timer for each backend that is out, and one for the interval."""
        if hasattr(self, "here"):
            assert len(self.here.time.calls) == 1 + self.here.outliers.count(Stage.OUT)

    def teardown(self) -> None:
        """What happened makes sense in its order, lasted as long as it should, and all come back in the end."""
        if not hasattr(self, "here"):
            return
        for lease in self.leases:
            lease.end()
        self.calm_down()
        assert all(one.state == "up" and one.trial is None and one.active == 0 for one in self.here.backends)
        for number in range(len(TIERS)):
            self.follow(number)

    def calm_down(self) -> None:
        """All are well for a while, and who is on trial is tried out."""
        for one in self.here.backends:
            one.become(up=True, draining=False)
        self.here.pool.refresh()
        self.here.time.advance(RULES.longest * (1 + RULES.jitter))
        for number, one in enumerate(self.here.backends):
            if one.trial is not None:
                self.here.ends(number, 200)

    def follow(self, number: int) -> None:
        """Nobody is ejected who is out, or tried out who is not; no ejection is longer than its time."""
        stage, since = BACK, 0.0
        before = {EJECTED: {BACK, ON_TRIAL}, ON_TRIAL: {EJECTED}, BACK: {EJECTED, ON_TRIAL}}
        for at, change in self.here.told:
            if change.backend is not self.here.backends[number] or change.what not in before:
                continue
            assert stage in before[change.what]
            if stage == EJECTED:
                assert at - since <= RULES.longest * (1 + RULES.jitter) + 0.001
                assert at - since >= RULES.time - 0.001 or change.why != "its time is over"
            stage, since = change.what, at


TestOutliers: Any = OutliersMachine.TestCase
TestOutliers.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
