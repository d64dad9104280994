"""The life of a pool in steps: each can be taken in any state, and every session ends once."""

from __future__ import annotations

from hypothesis import given

from balancer.plugins.algorithms import First, LeastConnections
from balancer.testing import MemoryPool, churn
from balancer.testing.kit.churning import Happens, Run, Step
from balancer.testing.kit.setups import SetUp, setups
from balancer.testing.kit.stories import Story


@given(churn(), setups())
def test_any_steps_can_be_taken(steps: list[Step], setup: SetUp) -> None:
    """Whatever happens, the counts are those of the sessions alive, and are nothing when all have ended."""
    memory = setup.made(LeastConnections())
    run = Run(memory, Story())
    for step in steps:
        run.take(step)
        assert sum(one.live for one in memory.backends) == len(run.alive)
    while run.alive:
        run.take(Step(Happens.ALL_END))
    memory.wait(10)
    assert memory.faults == []
    assert [one.active for one in memory.backends] == [0] * setup.count


def test_what_the_pool_does_is_told() -> None:
    """What comes of a step by a rule of the pool stands behind it."""
    run = Run(SetUp(ejection=True).made(First()), Story())
    for step in (Step(Happens.COME, 1), Step(Happens.FAIL_EARLY), Step(Happens.FAIL_EARLY), Step(Happens.WAIT, 6)):
        run.take(step)
    assert [step.partition("; ")[2] for step in run.story.steps] == ["", "", "b0 is ejected", "b0 is on trial"]


def test_everything_can_happen() -> None:
    """Every kind of step has an effect that the story tells."""
    for happens in Happens:
        story = Story()
        run = Run(MemoryPool(LeastConnections()), story)
        run.take(Step(Happens.COME, 3))
        run.take(Step(Happens.LEAVE, 0))
        run.take(Step(happens, 1))
        assert len(story.steps) == 3, happens
