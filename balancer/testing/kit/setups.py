"""The pools in which algorithms are tried: of how many backends, in which tiers, and what else decides who is offered.

A set-up is a value, which Hypothesis makes and makes simpler. Refuses to know what happens in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from balancer.config import Ejection, SlowStart
from balancer.testing.pools import MemoryPool
from balancer.testing.strategies import hypothesis_strategies

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

HOLD: Final = 1.0
SPILL: Final = 1.4
PANIC: Final = 0.5
SLOW_START: Final = SlowStart(5.0)
EJECTION: Final = Ejection(failures=2, time=5.0, most=0.5)


@attrs.frozen
class SetUp:
    """A pool of `count` equal backends, each with room for `limit`; the last ones are `spares`, which is tier 1.

    The others say whether that setting of a config's `Pool` is made, with a number that suits a short story.
    """

    count: int = 3
    limit: int | None = None
    spares: int = 0
    spill: bool = False
    panic: bool = False
    failure_hold: bool = False
    slow_start: bool = False
    ejection: bool = False

    def made(self, algorithm: Any, *, seed: int = 0) -> MemoryPool:
        """Such a pool."""
        return MemoryPool(
            algorithm,
            [1.0] * self.count,
            seed=seed,
            limit=self.limit,
            tiers=[int(place >= self.count - self.spares) for place in range(self.count)],
            spill=SPILL if self.spill else None,
            panic=PANIC if self.panic else None,
            failure_hold=HOLD if self.failure_hold else None,
            slow_start=SLOW_START if self.slow_start else None,
            ejection=EJECTION if self.ejection else None,
        )

    def __str__(self) -> str:
        """The first step of a story."""
        room = "" if self.limit is None else f", each with room for {self.limit}"
        return "; ".join([f"a pool of {self.count} backends, all up, of weight 1{room}", *self._rules()])

    def _rules(self) -> list[str]:
        """What else decides who is offered."""
        rules = {
            "the last is of tier 1" if self.spares == 1 else f"the last {self.spares} are of tier 1": self.spares,
            f"spill={SPILL}": self.spill,
            f"panic={PANIC}": self.panic,
            f"failure_hold={HOLD:g}": self.failure_hold,
            f"slow_start={SLOW_START.window:g}": self.slow_start,
            f"ejection with failures={EJECTION.failures}, time={EJECTION.time:g}": self.ejection,
        }
        return [rule for rule, made in rules.items() if made]


ALL: Final = SetUp(4, None, 2, spill=True, panic=True, failure_hold=True, slow_start=True, ejection=True)
"""Everything at once."""

TRIED_FIRST: Final = (
    SetUp(),
    SetUp(1),
    SetUp(3, spares=1),
    SetUp(4, spares=2, spill=True),
    SetUp(3, panic=True),
    SetUp(3, failure_hold=True, ejection=True),
    SetUp(3, slow_start=True),
    ALL,
)


SHARED_OUT: Final = ("spill", "panic")
"""What has a say in who is offered only."""
TURNED_AWAY: Final = ("failure_hold", "slow_start", "ejection")
"""What has a say in who gets a session all the same, or in what is seen of him, as a limit has."""


def setups(most: int = 5, *, equal: bool = False) -> SearchStrategy[SetUp]:
    """Set-ups of up to so many backends, or only those in which all that are offered are `equal`; simple ones first.

    Raises `ModuleNotFoundError` without Hypothesis.
    """
    st = hypothesis_strategies()
    rules = SHARED_OUT if equal else (*SHARED_OUT, *TURNED_AWAY)
    drawn: SearchStrategy[SetUp] = st.builds(
        SetUp,
        st.integers(1, most),
        st.none() if equal else st.sampled_from((None, None, 1, 3)),
        st.integers(0, 2),
        **dict.fromkeys(rules, st.booleans()),
    )
    return drawn
