"""Steps side by side: all begin at once, and together they end as the sum of all."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from balancer.assembly.together import together


class Steps:
    """Three steps that wait, under way; `ends` is what came of them together."""

    def __init__(self) -> None:
        self.waits = [Deferred[str]() for _ in range(3)]
        self.ends: list[Any] = []
        self.all: Deferred[Any] = Deferred.fromCoroutine(together(self._step(wait) for wait in self.waits))
        self.all.addBoth(self.ends.append)

    async def _step(self, wait: Deferred[str]) -> str:
        return await wait


def test_results_in_order() -> None:
    """The results stand in the order of the steps, however these end."""
    steps = Steps()
    for number in (2, 0, 1):
        assert not steps.ends
        steps.waits[number].callback(f"step {number}")
    assert steps.ends == [["step 0", "step 1", "step 2"]]


def test_the_first_that_failed() -> None:
    """What fails is told once all have ended, and of several failures that of the first step."""
    steps = Steps()
    steps.waits[2].errback(ValueError("two"))
    steps.waits[1].errback(KeyError("one"))
    assert not steps.ends
    steps.waits[0].callback("fine")
    assert [failure.type for failure in steps.ends] == [KeyError]


def test_cancelled() -> None:
    """Who gives up ends all that are under way."""
    steps = Steps()
    steps.all.cancel()
    assert all(wait.called for wait in steps.waits)
    assert [failure.type for failure in steps.ends] == [CancelledError]
