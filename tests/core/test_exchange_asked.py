"""The say that a picker has in what its backend is asked: it is carried out, and its faults end what they concern."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from balancer.core.messages import END, RequestHead
from tests.core.stage import ANSWER, GET, Stage

HEAD = GET.with_added("x-secret", "1").with_added("x-other", "2")


def staged(says: Callable[[RequestHead], Any]) -> Stage:
    """A stage whose picker makes that of heads."""
    stage = Stage()
    snapshot = stage.pool.policy.snapshot
    assert snapshot is not None
    snapshot.requested = lambda _session, _backend, head: says(head)
    return stage


def bare(head: RequestHead) -> RequestHead:
    """The head without what is secret."""
    return head.without("x-secret")


def test_the_backend_sees_what_the_picker_leaves() -> None:
    """What a picker takes out of a request does not reach its backend; the exchange itself has it still."""
    stage = staged(bare)
    exchange = stage.asked(END, head=HEAD)
    assert stage.connect().said[0] == bare(HEAD)
    exchange.response(ANSWER)
    assert exchange.session.request is HEAD
    assert stage.at_rest()


def test_a_picker_that_fails_ends_the_exchange() -> None:
    """When the picker fails on a request nothing of it is sent, the client is told, and the backend is not blamed."""
    stage = staged(lambda _head: None)
    stage.asked(END, head=HEAD)
    assert stage.connect().said == []
    assert stage.line.result == "refused 503 policy-failed"
    assert stage.backend.failed == 0
    assert stage.at_rest()


def test_a_picker_without_a_say_is_not_asked() -> None:
    """What such a picker's backend is sent is the very head that came."""
    stage = Stage()
    snapshot = stage.pool.policy.snapshot
    assert snapshot is not None
    snapshot.has_say = False
    exchange = stage.asked(END, head=HEAD)
    assert stage.connect().said[0] is HEAD
    exchange.response(ANSWER)
    assert stage.at_rest()
