"""The say that a picker has in what the backend of a second try is asked; its faults end that try alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from balancer.core.messages import END, RequestHead
from balancer.core.retries import RetryPolicy
from tests.core.stage import ANSWER, GET, Stage

HEAD = GET.with_added("x-secret", "1")


def staged(says: Callable[[RequestHead], Any]) -> Stage:
    """A stage whose picker makes that of heads, for tries of which two may run at a time."""
    stage = Stage(policy=RetryPolicy(3, share=0.0, floor=5, hedge=1.0))
    snapshot = stage.pool.policy.snapshot
    assert snapshot is not None
    snapshot.requested = lambda _session, _backend, head: says(head)
    return stage


def test_neither_backend_sees_what_the_picker_takes_out() -> None:
    """Of two tries at a time neither lets the backend see what the picker takes out."""
    stage = staged(lambda head: head.without("x-secret"))
    exchange = stage.asked(END, head=HEAD)
    first = stage.connect()
    stage.clock.advance(1)
    assert first.said[0] == stage.connect().said[0] == HEAD.without("x-secret")
    exchange.response(ANSWER)
    assert stage.at_rest()


def test_a_picker_that_fails_a_second_try_ends_that_alone() -> None:
    """When the picker fails on a second try, the first goes on as if there were none."""
    answers = iter([HEAD, None])
    stage = staged(lambda _head: next(answers))
    exchange = stage.asked(END, head=HEAD)
    stage.connect()
    stage.clock.advance(1)
    assert stage.connect().said == []
    exchange.response(ANSWER)
    assert stage.line.result == "answered"
    assert stage.at_rest()
