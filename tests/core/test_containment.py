"""Pickers asked and told, and what they do wrong: it costs the decision at hand, is counted, and hurts nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.pickers import Policy, Snapshot
from balancer.core.session import Session
from balancer.errors import PolicyFailed
from balancer.interfaces import Kind, Outcome
from tests.core.policies import FAULTS, Steered, Turns, backend

SESSION = Session(Kind.TCP, ("192.0.2.1", 1), 0.0)
BACKENDS = [backend("a"), backend("b")]
OTHER = backend("c")
ASKED = RequestHead("GET", "/", "example.com")
HEAD = ResponseHead(200, "OK", fields=(("server", "x"),), length=5)


def made(algorithm: Any, turns: Turns | None = None) -> Policy:
    """A policy around the algorithm, in a pool of three."""
    return Policy(algorithm, "site", (turns or Turns()).ports(), [*BACKENDS, OTHER])


def snapshot(policy: Policy) -> Snapshot:
    """Its picker over two backends."""
    found = policy.compile(BACKENDS)
    assert found is not None
    return found


@given(st.sampled_from(["first", "last", "none", "raise", "stranger", "unhashable"]))
def test_only_what_was_offered_is_a_choice(answer: str) -> None:
    """A choice is one of the snapshot or None; everything else is the policy's failure, whose cause is kept."""
    policy = made(Steered(answer))
    found = snapshot(policy)
    if answer in FAULTS:
        with pytest.raises(PolicyFailed) as caught:
            policy.ask(found, SESSION)
        assert caught.value.__cause__ is not None
    else:
        assert policy.ask(found, SESSION) is {"first": BACKENDS[0], "last": BACKENDS[1], "none": None}[answer]
    assert policy.faults.count == (answer in FAULTS)


@pytest.mark.parametrize("part", ["method", "target", "authority", "fields", "length"])
@pytest.mark.parametrize("raises", [False, True])
def test_a_request_changed_in_place_is_as_it_was(part: str, raises: bool) -> None:
    """A picker that writes into the request has failed, whatever it answers, and the request is what it was."""
    asked = RequestHead("POST", "/a", "a.example", fields=(("x", "y"),), length=5)
    policy, session = made(Steered()), Session(Kind.HTTP, ("192.0.2.1", 1), 0.0, asked)

    def writes(session: Any) -> Any:
        setattr(session.request, part, None)
        return 1 / 0 if raises else BACKENDS[0]

    with pytest.raises(PolicyFailed):
        policy.ask(Snapshot(BACKENDS, writes), session)
    assert asked == RequestHead("POST", "/a", "a.example", fields=(("x", "y"),), length=5)
    cause = (
        "ZeroDivisionError"
        if raises
        else "changed the request in place; what a backend is asked is for requested() to say"
    )
    assert list(policy.faults.causes.values()) == [cause]


def test_a_choice_that_was_not_offered_is_not_quoted() -> None:
    """A picker that answers with what it read in the session does not put that into a log."""
    policy = made(Steered())
    with pytest.raises(PolicyFailed) as caught:
        policy.ask(Snapshot(BACKENDS, lambda _session: "Bearer SECRET"), SESSION)
    assert str(caught.value.__cause__) == "answered a str that was not offered"


def test_a_broken_policy_does_not_flood_the_log() -> None:
    """Failures are all counted, but told only when their number has doubled."""
    turns = Turns()
    policy = made(Steered("raise"), turns)
    found = snapshot(policy)
    for _ in range(100):
        with pytest.raises(PolicyFailed):
            policy.ask(found, SESSION)
    assert policy.faults.count == 100
    counts = [report.rpartition("failed, ")[2].partition(" ")[0] for report in turns.reports]
    assert counts == ["1", "2", "4", "8", "16", "32", "64"]


def test_the_end_is_told_and_its_failure_contained() -> None:
    """A picker that wants to know hears of each end; if that makes it raise, nobody but the counter notices."""
    algorithm, outcome = Steered(), Outcome(1.0, 1.0)
    policy = made(algorithm)
    policy.tell(snapshot(policy), BACKENDS[0], outcome)
    assert algorithm.book.outcomes == [outcome]
    algorithm.sulks = True
    policy.tell(snapshot(policy), BACKENDS[0], outcome)
    assert policy.faults.count == 1
    policy.tell(Snapshot(BACKENDS, lambda _session: None), BACKENDS[0], outcome)
    assert policy.faults.count == 1


class Responding:
    """A picker with something to say about answers."""

    def __init__(self, respond: Callable[[ResponseHead], Any]) -> None:
        self.respond = respond

    def __call__(self, session: Any) -> Any:
        """Never asked."""

    def responded(self, session: Any, one: Any, head: ResponseHead) -> Any:
        """The head as it wants it."""
        return self.respond(head)


def test_a_picker_may_change_the_answer() -> None:
    """What a picker makes of the head goes out, and heads pass unseen by one that has no say."""
    policy = made(Steered())
    cookie = Snapshot(BACKENDS, Responding(lambda head: head.with_added("set-cookie", "backend=a")))
    assert policy.respond(cookie, SESSION, BACKENDS[0], HEAD).get("set-cookie") == "backend=a"
    assert policy.respond(Snapshot(BACKENDS, lambda _: None), SESSION, BACKENDS[0], HEAD) is HEAD


@given(st.sampled_from([None, "200 OK", (("set-cookie", "a\r\nb"),), (("connection", "x"),), ((1, 2),), 5]))
def test_a_picker_cannot_break_the_answer(answer: Any) -> None:
    """A picker that answers with no head, or one unfit for the wire, fails the policy and is counted."""
    policy = made(Steered())
    head = ResponseHead(200, fields=answer) if isinstance(answer, tuple) else answer
    with pytest.raises(PolicyFailed):
        policy.respond(Snapshot(BACKENDS, Responding(lambda _: head)), SESSION, BACKENDS[0], HEAD)
    assert policy.faults.count == 1


class Knowing:
    """A picker that says what it is told to of who belongs where, and of requests."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        self.answer = answer

    def __call__(self, session: Any) -> Any:
        """Choose one that was not offered."""
        return OTHER

    def belongs(self, session: Any, one: Any) -> Any:
        """Whether it does."""
        return self.answer()

    def requested(self, session: Any, one: Any, head: RequestHead) -> Any:
        """The head as it wants it."""
        return self.answer(head)


def test_who_knows_where_sessions_belong_may_choose_beyond_what_is_offered() -> None:
    """Such a picker may choose any member of the pool, and no other backend."""
    policy = made(Steered())
    assert policy.ask(Snapshot(BACKENDS, Knowing(bool)), SESSION) is OTHER
    with pytest.raises(PolicyFailed):
        Policy(Steered(), "site", Turns().ports()).ask(Snapshot(BACKENDS, Knowing(bool)), SESSION)


@pytest.mark.parametrize(
    ("answer", "belongs", "faults"), [(lambda: 1, True, 0), (lambda: 0, False, 0), (len, False, 1)]
)
def test_a_session_belongs_where_the_picker_says(answer: Callable[..., Any], belongs: bool, faults: int) -> None:
    """One that fails to say, or has nothing to say, leaves it at home nowhere."""
    policy = made(Steered())
    assert policy.belongs(Snapshot(BACKENDS, Knowing(answer)), SESSION, OTHER) is belongs
    assert policy.faults.count == faults
    assert not policy.belongs(snapshot(policy), SESSION, OTHER)


def test_a_picker_may_change_the_request() -> None:
    """What a picker makes of the head is sent; a copy that says the same is no change, and no say none."""
    policy = made(Steered())

    def sent(answer: Callable[[RequestHead], Any]) -> RequestHead:
        return policy.request(Snapshot(BACKENDS, Knowing(answer)), SESSION, OTHER, ASKED)

    assert sent(lambda head: head.with_field("x-a", "1")).get("x-a") == "1"
    assert sent(lambda head: head) is ASKED
    assert policy.request(snapshot(policy), SESSION, OTHER, ASKED) is ASKED
    with pytest.raises(PolicyFailed):
        sent(lambda _head: None)
    assert policy.faults.count == 1


class Promise:
    """Something to await that is no coroutine."""

    def __await__(self) -> Iterator[None]:
        return iter(())


def test_a_picker_answers_at_once() -> None:
    """One that is a coroutine, or answers with a Deferred, fails the decision, and says so in words of its own."""

    async def later(_session: Any) -> Any:
        return BACKENDS[0]

    policy = made(Steered())
    for picker in (later, lambda _session: Promise()):
        with pytest.raises(PolicyFailed) as caught:
            policy.ask(Snapshot(BACKENDS, picker), SESSION)
        assert str(caught.value.__cause__) == "answered with something to await; a picker answers at once"


class Putting:
    """A picker all of whose parts are coroutines."""

    async def __call__(self, _session: Any) -> Any:
        """Never asked."""

    async def released(self, _backend: Any, _outcome: Any) -> None:
        """Put off."""

    async def belongs(self, _session: Any, _backend: Any) -> bool:
        """Put off."""
        return False

    async def requested(self, _session: Any, _backend: Any, head: Any) -> Any:
        """Put off."""
        return head

    responded = requested


def test_a_picker_is_told_and_asked_at_once() -> None:
    """A part that is a coroutine would never run, and counts as a fault; it is not taken for a yes."""
    policy = made(Steered())
    found = Snapshot(BACKENDS, Putting())
    policy.tell(found, BACKENDS[0], Outcome(1.0, 1.0))
    assert not policy.belongs(found, SESSION, OTHER)
    with pytest.raises(PolicyFailed):
        policy.request(found, SESSION, OTHER, ASKED)
    with pytest.raises(PolicyFailed) as caught:
        policy.respond(found, SESSION, OTHER, HEAD)
    assert "something to await" in str(caught.value.__cause__)
    assert policy.faults.count == 4


def test_doubts_are_over_when_the_same_part_works_again() -> None:
    """A part without which sessions fail is in doubt from its fault until it next does what it should."""
    algorithm = Steered("raise")
    policy = made(algorithm)
    found = snapshot(policy)
    algorithm.sulks = True
    with pytest.raises(PolicyFailed):
        policy.ask(found, SESSION)
    policy.tell(found, BACKENDS[0], Outcome(1.0, 1.0))
    policy.belongs(Snapshot(BACKENDS, Knowing(len)), SESSION, OTHER)
    with pytest.raises(PolicyFailed):
        policy.respond(Snapshot(BACKENDS, Responding(lambda _head: None)), SESSION, OTHER, HEAD)
    assert set(policy.doubts) == {"picker", "responded()"}
    assert policy.faults.count == 4
    algorithm.answer, algorithm.sulks = "none", False
    policy.ask(found, SESSION)
    policy.tell(found, BACKENDS[0], Outcome(1.0, 1.0))
    policy.belongs(Snapshot(BACKENDS, Knowing(bool)), SESSION, OTHER)
    policy.respond(Snapshot(BACKENDS, Responding(lambda head: head)), SESSION, OTHER, HEAD)
    assert policy.doubts == {}
