"""What pickers say beside their choices: it is done, and cannot break a head or end anything but the decision."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.pickers import Policy, Snapshot
from balancer.core.sayings import Sayings
from balancer.core.session import Session
from balancer.errors import PolicyFailed
from balancer.interfaces import Kind
from tests.core.policies import Steered, Turns, backend

ANSWER = ResponseHead(200, "OK", fields=(("server", "x"),))
ASKED = RequestHead("GET", "/", "a.example", fields=(("x-secret", "1"),))
UNFIT = [None, "200 OK", (("set-cookie", "a\r\nb"),), (("connection", "x"),), ((1, 2),), 5]


class Picker(SimpleNamespace):
    """One with these sayings."""

    def __call__(self, _session: Any) -> Any:
        """Never asked."""


def saying(**said: Any) -> Sayings:
    """What a picker with these says of one choice."""
    policy = Policy(Steered(), "site", Turns().ports())
    one = backend("a")
    return Sayings(policy, Snapshot([one], Picker(**said)), Session(Kind.HTTP, ("192.0.2.1", 1), 0.0), one)


def test_a_picker_may_change_heads() -> None:
    """What a picker makes of a head goes out, as the very same where it changes nothing."""
    says = saying(
        requested=lambda _session, _one, head: head.without("x-secret"),
        responded=lambda _session, one, head: head.with_added("set-cookie", f"backend={one.name}"),
    )
    assert says.responded(ANSWER).get("set-cookie") == "backend=a"
    assert says.requested(ASKED).fields == ()
    assert saying(requested=lambda _session, _one, head: head).requested(ASKED) is ASKED


def test_one_without_a_say() -> None:
    """Heads pass unseen by a picker that has no say, and to it no session belongs anywhere."""
    says = saying()
    assert says.responded(ANSWER) is ANSWER
    assert says.requested(ASKED) is ASKED
    assert not says.belongs()
    assert not says.snapshot.has_say


@pytest.mark.parametrize("answer", [True, False, 1, None])
def test_who_belongs_where(answer: Any) -> None:
    """A session belongs to the backend if the picker says so, in whatever way."""
    assert saying(belongs=lambda _session, _one: answer).belongs() is bool(answer)


@given(st.sampled_from(UNFIT))
def test_a_picker_cannot_break_a_head(answer: Any) -> None:
    """What is no head, or is unfit for the wire, fails the policy and is counted."""
    response = ResponseHead(200, fields=answer) if isinstance(answer, tuple) else answer
    request = RequestHead("GET", "/", fields=answer) if isinstance(answer, tuple) else answer
    says = saying(requested=lambda *_: request, responded=lambda *_: response)
    for step in (lambda: says.responded(ANSWER), lambda: says.requested(ASKED)):
        with pytest.raises(PolicyFailed):
            step()
    assert says.policy.faults.count == 2


def test_a_head_changed_in_place_is_judged_too() -> None:
    """A picker that changes what it was given, instead of a copy, spoils nobody else's head and breaks none."""

    def spoiled(_session: Any, _one: Any, head: RequestHead) -> RequestHead:
        head.fields = (("host", "b.example"),)
        return head

    with pytest.raises(PolicyFailed):
        saying(requested=spoiled).requested(ASKED)
    assert ASKED.get("x-secret") == "1"


def test_nothing_that_it_raises_gets_out() -> None:
    """What would end a process elsewhere is a failure of the policy, and the session belongs nowhere."""

    def fatal(*_given: Any) -> Any:
        raise SystemExit

    says = saying(belongs=fatal, requested=fatal, responded=fatal)
    assert not says.belongs()
    for step in (lambda: says.responded(ANSWER), lambda: says.requested(ASKED)):
        with pytest.raises(PolicyFailed):
            step()
    assert says.policy.faults.count == 3
