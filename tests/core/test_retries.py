"""What may be tried again, how often and how soon, and that everything else is not."""

from __future__ import annotations

from random import Random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer import errors
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.retries import (
    HEDGE,
    IDEMPOTENT,
    LONGEST_RETRY_AFTER,
    STALE,
    Again,
    Budget,
    Retries,
    RetryPolicy,
    TryEnded,
    backoff,
    clears,
    retry_after,
    unwanted,
)
from balancer.errors import (
    BackendDown,
    BalancerError,
    ConnectFailed,
    DownstreamGone,
    ResponseInvalid,
    Retryable,
    StatusUnwanted,
    TryTimeout,
    UpstreamGone,
    UpstreamTimeout,
)
from tests.core.virtual_time import VirtualTime

UNSAFE = ["POST", "PATCH", "LOCK", "get", "QUERY", ""]
METHODS = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BalancerError)]
kinds = st.sampled_from([kind for kind in KINDS if kind is not errors.ConfigError])
GET, POST = RequestHead("GET", "/"), RequestHead("POST", "/", length=3)
GONE, DOWN, UNWANTED = UpstreamGone("gone"), BackendDown("down"), StatusUnwanted("503")
BUSY = 100


def retries(policy: RetryPolicy | None = None, *, active: int = BUSY) -> Retries:
    """Those of a route to a pool with so many active requests."""
    return Retries(policy or RetryPolicy(3), Budget(lambda: active), Random(1), VirtualTime(0.0).later)


def test_the_race_on_a_kept_connection_is_nobodys_fault() -> None:
    """A backend that closed a kept connection may be asked again; one that broke a new one, or took none, may not."""
    assert clears(UpstreamGone("closed"), reused=True)
    assert not clears(UpstreamGone("closed"), reused=False)
    assert not clears(ConnectFailed("refused"), reused=True)


ELSEWHERE, SAME = Again(0.0, elsewhere=True, paid=False), Again(0.0, elsewhere=False, paid=False)
CASES: list[tuple[str, TryEnded, Again | None]] = [
    ("a kept connection was closed", TryEnded(GET, GONE, 1, reused=True), SAME),
    ("a kept connection was closed on the last try", TryEnded(GET, GONE, 3, reused=True), SAME),
    ("a kept connection was closed on a POST", TryEnded(POST, GONE, 1, reused=True), None),
    ("a kept connection to a backend that went down", TryEnded(GET, DOWN, 1, reused=True), ELSEWHERE),
    ("a new connection broke", TryEnded(GET, GONE, 1), ELSEWHERE),
    ("a new connection broke on the try before the last", TryEnded(GET, GONE, 2), ELSEWHERE),
    ("a new connection broke on the last try", TryEnded(GET, GONE, 3), None),
    ("a POST was sent", TryEnded(POST, GONE, 1), None),
    ("a PATCH was sent", TryEnded(RequestHead("PATCH", "/"), GONE, 1), None),
    ("a LOCK was sent", TryEnded(RequestHead("LOCK", "/"), GONE, 1), None),
    ("a PUT was sent, its body is kept", TryEnded(RequestHead("PUT", "/", length=3), GONE, 1), ELSEWHERE),
    ("a PUT was sent, its body is gone", TryEnded(RequestHead("PUT", "/", length=3), GONE, 1, whole=False), None),
    ("a kept connection was closed, the body is gone", TryEnded(GET, GONE, 1, reused=True, whole=False), None),
    ("the answer has begun", TryEnded(GET, GONE, 1, begun=True), None),
    ("the answer has begun on a kept connection", TryEnded(GET, GONE, 1, reused=True, begun=True), None),
    ("the answer is nonsense", TryEnded(GET, ResponseInvalid("odd"), 1), None),
    ("the answer is late", TryEnded(GET, UpstreamTimeout("late"), 1), None),
    ("a try is late", TryEnded(GET, TryTimeout("late"), 1), ELSEWHERE),
    ("the client has left", TryEnded(GET, DownstreamGone("left"), 1), None),
    ("the status is unwanted", TryEnded(GET, UNWANTED, 1), ELSEWHERE),
    ("the status is unwanted, of a POST", TryEnded(POST, UNWANTED, 1), None),
    ("the status is unwanted, early hints are out", TryEnded(GET, UNWANTED, 1, begun=True), None),
    ("the status is unwanted on the last try", TryEnded(GET, UNWANTED, 3), None),
]


@pytest.mark.parametrize(("end", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_every_proof_case(end: TryEnded, expected: Again | None) -> None:
    """A try is followed by another where that is proved to be safe, and nowhere else."""
    assert retries().after(end) == expected


@given(
    st.sampled_from(METHODS + UNSAFE), kinds, st.integers(1, 6), st.tuples(st.booleans(), st.booleans(), st.booleans())
)
def test_nothing_unsafe_is_tried_again(
    method: str, kind: type[BalancerError], attempt: int, flags: tuple[bool, bool, bool]
) -> None:
    """Whatever happened: no method that may not be sent twice, no part of a request, and nothing after an answer."""
    reused, begun, whole = flags
    end = TryEnded(RequestHead(method, "/"), kind("x"), attempt, reused=reused, begun=begun, whole=whole)
    again = retries().after(end)
    safe = method in IDEMPOTENT and whole and not begun and kind.retryable is not Retryable.NO
    assert (again is not None) == (safe and (attempt < 3 or (reused and kind is UpstreamGone)))


def test_methods_are_the_routes_to_choose() -> None:
    """A route that lists POST has it sent twice, and nothing that it does not list."""
    policy = RetryPolicy(3, methods=frozenset({"POST"}))
    assert retries(policy).after(TryEnded(POST, GONE, 1)) == ELSEWHERE
    assert retries(policy).after(TryEnded(GET, GONE, 1)) is None


UPPER = {1: 0.025, 2: 0.075, 3: 0.175, 4: 0.25, 5: 0.25, 1000: 0.25}


@pytest.mark.parametrize(("number", "most"), UPPER.items())
def test_backoff_has_full_jitter(number: int, most: float) -> None:
    """The pause before a retry is anything from 0 to a bound that grows as 1, 3, 7 and 10 times the unit."""
    pauses = [backoff(number, 0.025, Random(seed)) for seed in range(300)]
    assert all(0 <= pause <= most for pause in pauses)
    assert min(pauses) < most * 0.05
    assert max(pauses) > most * 0.95


AFTER: dict[str | None, float | None] = {
    None: 0,
    "0": 0,
    "1": 1,
    "2": None,
    "9" * 400: None,
    "Fri, 31 Dec 1999 23:59:59 GMT": None,
    "-1": None,
    "0.5": None,
    "\xb2": None,
    "": None,
}


@pytest.mark.parametrize(("value", "seconds"), AFTER.items())
def test_a_backend_may_ask_for_time(value: str | None, seconds: float | None) -> None:
    """One second is waited, and whoever asks for more, for a date or for nothing sensible is not asked again."""
    head = ResponseHead(503, fields=() if value is None else (("retry-after", value),))
    assert retry_after(head) == seconds
    error = unwanted(head)
    assert (error is None) == (seconds is None)
    if error is not None:
        assert (error.status, error.pause) == (503, seconds)


def test_a_retry_waits_as_long_as_it_is_asked_to() -> None:
    """The pause is the longer of the backoff and what the backend asks for."""
    error = StatusUnwanted("503", 503, LONGEST_RETRY_AFTER)
    again = retries(RetryPolicy(3, backoff=0.025)).after(TryEnded(GET, error, 1))
    assert again is not None
    assert again.pause == LONGEST_RETRY_AFTER
    waited = retries(RetryPolicy(3, backoff=10)).after(TryEnded(GET, StatusUnwanted("503"), 1))
    assert waited is not None
    assert 0 < waited.pause < 10


@pytest.mark.parametrize(
    ("share", "floor", "active", "most"), [(0.2, 3, 100, 20), (0.2, 3, 5, 3), (0, 1, 100, 1), (1, 0, 7, 7)]
)
def test_retries_are_a_share_of_the_requests(share: float, floor: int, active: int, most: int) -> None:
    """At most the share of the pool's active requests, or the floor, are on a retry at once; what ends makes room."""
    subject = retries(RetryPolicy(3, share=share, floor=floor), active=active)
    answers = [subject.after(TryEnded(GET, GONE, 1)) for _ in range(most + 2)]
    assert [answer is not None for answer in answers] == [True] * most + [False] * 2
    assert answers[0] == attrs.evolve(ELSEWHERE, paid=True)
    assert (subject.budget.under_way, subject.budget.refused) == (most, 2)
    subject.budget.give_back()
    assert subject.after(TryEnded(GET, GONE, 1)) is not None
    assert subject.budget.under_way == most


def test_a_request_has_one_part_of_the_budget() -> None:
    """A request that is on its retry already takes no more for the next, and a stale connection costs nothing."""
    subject = retries(RetryPolicy(9, share=0, floor=1))
    assert subject.after(TryEnded(GET, GONE, 1, reused=True)) == SAME
    assert subject.budget.under_way == 0
    for attempt, paid in enumerate((False, True, True), 1):
        again = subject.after(TryEnded(GET, GONE, attempt, paid=paid))
        assert again is not None
        assert again.paid
    assert subject.after(TryEnded(GET, GONE, 4, reused=True, paid=True)) == attrs.evolve(SAME, paid=True)
    assert subject.budget.under_way == 1


def test_a_try_beside_another_has_the_same_price() -> None:
    """It counts among the attempts, takes a part of the budget unless the request has one, and is counted."""
    subject = retries(RetryPolicy(3, share=0, floor=1))
    assert not subject.beside(3, paid=False)
    assert [subject.beside(1, paid=paid) for paid in (False, False, True)] == [True, False, True]
    assert (subject.budget.under_way, subject.budget.reasons) == (1, {HEDGE: 2})


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (TryEnded(GET, GONE, 1), "upstream-gone"),
        (TryEnded(GET, GONE, 1, reused=True), STALE),
        (TryEnded(GET, UNWANTED, 1), "status-unwanted"),
        (TryEnded(GET, TryTimeout("late"), 1), "try-timeout"),
        (TryEnded(POST, GONE, 1), None),
    ],
)
def test_retries_are_counted_by_reason(end: TryEnded, reason: str | None) -> None:
    """What made a retry necessary is counted, and nothing for what is not tried again."""
    subject = retries()
    subject.after(end)
    assert subject.budget.reasons == ({} if reason is None else {reason: 1})


@pytest.mark.parametrize(
    ("policy", "head", "keeps", "hedges"),
    [
        (RetryPolicy(3), GET, False, False),
        (RetryPolicy(3, body=9, hedge=0.1), GET, True, True),
        (RetryPolicy(3, body=9, hedge=0.1), POST, False, False),
        (RetryPolicy(3, body=9, hedge=0.1), RequestHead("PUT", "/"), True, False),
        (RetryPolicy(3, body=9, hedge=0.1), RequestHead("GET", "/", length=3), True, False),
        (RetryPolicy(3, methods=frozenset({"POST"}), body=9, hedge=0.1), GET, False, False),
    ],
)
def test_what_a_policy_has_use_for(policy: RetryPolicy, head: RequestHead, keeps: bool, hedges: bool) -> None:
    """A body is kept for methods that may be sent twice, and only safe ones without a body are made twice at a time."""
    assert (policy.keeps(head), policy.hedges(head)) == (keeps, hedges)
