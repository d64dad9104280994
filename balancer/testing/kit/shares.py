"""The promises about who gets how much: loads that stay level, and shares by weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import sqrt
from typing import Final

from balancer.core.backend import Backend
from balancer.core.pool import Lease
from balancer.core.session import Session
from balancer.errors import BalancerError
from balancer.testing.kit.algorithms import ALL_END, ALL_RETURN, COME, SCRIPTS
from balancer.testing.kit.churning import Run, Step, churn
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.keys import keyed_session
from balancer.testing.kit.searching import for_each_seed, search
from balancer.testing.kit.setups import SetUp, setups
from balancer.testing.kit.stories import Story, in_words, listed
from balancer.testing.kit.watching import Watched, tell_wrong
from balancer.testing.pools import MemoryPool
from balancer.testing.strategies import hypothesis_strategies

SESSIONS: Final = 1500
"""How many sessions shares are counted of."""

WEIGHTS: Final = ((1, 1, 1, 1), (5, 1, 1), (0.5, 2.5, 1, 4))


class _Levelled(Run):
    """Judges each choice by the loads at that moment."""

    weights = (1, 2, 3)
    bound = 0.0

    def picked(self, session: Session) -> Lease | None:
        """See `Run.picked`; a first choice must not lie further above the least loaded than claimed."""
        first = not session.tried
        loads = {one: one.active / one.weight for one in self.memory.pool.eligible()}
        lease = super().picked(session)
        if lease is not None and first and not session.tried and lease.backend in loads:
            self._judge(lease.backend, loads)
        return lease

    def _judge(self, chosen: Backend, loads: dict[Backend, float]) -> None:
        equals = {one: load for one, load in loads.items() if (one.weight, one.tier) == (chosen.weight, chosen.tier)}
        least = min(equals, key=lambda one: equals[one])
        load = chosen.active / chosen.weight
        if load - equals[least] > self.bound + 1e-9:
            told = listed([f"{one.name}: {one.active}" for one in equals])
            self.story.tell(f"one more comes and goes to {chosen.name} (active now: {told})")
            self.story.broken(
                f"among equals nobody is chosen who is more than {self.bound:g} above the least loaded then",
                f"{chosen.name} with {load:g} was chosen, while {least.name} had {equals[least]:g} for its weight",
            )


def load_bound(subject: Subject) -> None:
    """Among backends of one weight, nobody is given a session who is then more than `load_bound` above the least."""
    st = hypothesis_strategies()
    whole = st.tuples(setups(equal=True), churn())
    first = [
        (setup, script)
        for setup in (SetUp(3), SetUp(2), SetUp(4, spares=2, spill=True, panic=True))
        for script in SCRIPTS
    ]
    search(whole, lambda case: _keeps_level(subject, *case), subject.effort, first=first)


def _keeps_level(subject: Subject, setup: SetUp, steps: Sequence[Step]) -> None:
    story, watched = Story(), Watched(subject.make())
    story.tell(str(setup))
    run = _Levelled(setup.made(watched), story)
    run.bound = subject.claims.load_bound or 0.0
    for step in (*steps, ALL_RETURN, ALL_END, COME, COME, COME):
        run.take(step)
        tell_wrong(watched, story, run.memory.faults)


def weights(subject: Subject) -> None:
    """Sessions that come and stay are shared out by weight, also after a weight was changed."""
    for_each_seed(lambda seed: _all_shared_out(subject, seed), subject.effort)


def _all_shared_out(subject: Subject, seed: int) -> None:
    for given in WEIGHTS:
        story = Story()
        memory = MemoryPool(subject.make(), given, seed=seed)
        story.tell(f"a pool of weights {listed(given)}; its chance is seeded with {seed}")
        leases = _share_out(subject, memory, story)
        for lease in leases:
            lease.end()
        changed = memory.backends[-1]
        memory.set_weight(changed, 2 * changed.weight + 2)
        story.tell(f"all of them end, and the weight of {changed.name} is {changed.weight:g} from now on")
        _share_out(subject, memory, story)


def _share_out(subject: Subject, memory: MemoryPool, story: Story) -> list[Lease]:
    story.tell(f"{SESSIONS} sessions come and stay")
    leases = []
    for number in range(SESSIONS):
        session = keyed_session(subject, memory, number)
        try:
            leases.append(memory.pick(session))
        except BalancerError as error:
            story.broken("there is a backend for every session", in_words(error.__cause__ or error))
    _judge_shares(subject, memory, story, Counter(lease.backend for lease in leases))
    return leases


def _judge_shares(subject: Subject, memory: MemoryPool, story: Story, counts: Counter[Backend]) -> None:
    total = sum(one.weight for one in memory.backends)
    slack = 0.12 if subject.claims.affinity in (None, False) else 0.35  # keys are spread by hashing, which is rough
    for one in memory.backends:
        share = one.weight / total
        expected, spread = share * SESSIONS, sqrt(SESSIONS * share * (1 - share))
        if abs(counts[one] - expected) > 5 * spread + slack * expected:
            story.broken(
                "the shares are those of the weights",
                listed([f"{each.name} of weight {each.weight:g} got {counts[each]}" for each in memory.backends])
                + f"; {one.name} should have about {expected:.0f}",
            )
