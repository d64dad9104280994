"""The life of a pool in steps: each can be taken in any state, and every session ends once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from balancer.plugins.algorithms import LeastConnections
from balancer.testing import MemoryPool, churn
from balancer.testing.kit.churning import Happens, Run, Step
from balancer.testing.kit.stories import Story


@given(churn(), st.sampled_from([None, 1, 2]), st.integers(1, 4))
def test_any_steps_can_be_taken(steps: list[Step], limit: int | None, count: int) -> None:
    """Whatever happens, the counts are those of the sessions alive, and are nothing when all have ended."""
    memory = MemoryPool(LeastConnections(), [1.0] * count, limit=limit, queue=2)
    run = Run(memory, Story())
    for step in steps:
        run.take(step)
        assert sum(one.active for one in memory.backends) == len(run.alive)
    while run.alive:
        run.take(Step(Happens.ALL_END))
    assert memory.faults == []
    assert [one.active for one in memory.backends] == [0] * count


def test_everything_can_happen() -> None:
    """Every kind of step has an effect that the story tells."""
    for happens in Happens:
        story = Story()
        run = Run(MemoryPool(LeastConnections()), story)
        run.take(Step(Happens.COME, 3))
        run.take(Step(Happens.LEAVE, 0))
        run.take(Step(happens, 1))
        assert len(story.steps) == 3, happens
