"""Numbers that backends report: how long they count, which are taken, and what becomes of those that are none."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.backend import Backend
from balancer.core.messages import ResponseHead
from balancer.core.signals import Hearing, Intake, Signals
from balancer.errors import CheckFailed
from tests.core.policies import backend

HEAD = ResponseHead(200, fields=(("x-load", "3"), ("server", "b")))


class Clock:
    """Monotonic seconds, set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def collecting(clock: Clock | None = None) -> Backend:
    """A backend of which signals are collected."""
    found = backend("b")
    found.become(signals=Signals(clock or Clock()))
    return found


def intake(*used: str, faults: list[Any] | None = None, **told: Any) -> Intake:
    """What takes a source's numbers."""
    source = SimpleNamespace(**{"names": ("queue", "usage"), "expire": 10.0, "fields": ("x-load",), **told})
    return Intake(
        "site", source, used, lambda what, error: None if faults is None else faults.append((what, str(error)))
    )


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(-9, 9), st.integers(0, 5), st.integers(1, 9)), max_size=20)
)
def test_a_number_counts_until_it_expires(puts: list[tuple[str, int, int, int]]) -> None:
    """Signals are the latest number of each name, for as long as that counts, and nothing else."""
    clock, model = Clock(), dict[str, tuple[int, float]]()
    signals = Signals(clock)
    for name, value, later, expire in puts:
        clock.now += later
        signals.put(name, value, expire)
        model[name] = value, clock.now + expire
        expected = {key: number for key, (number, end) in model.items() if end > clock.now}
        assert dict(signals) == expected
        assert (len(signals), repr(signals)) == (len(expected), repr(expected))
        assert all(signals.get(key) == expected.get(key) for key in "abcd")


def test_only_what_is_used_is_taken() -> None:
    """Of what a source tells, the numbers that it brings and that somebody uses are kept, until they expire."""
    clock = Clock()
    found = collecting(clock)
    taking = intake("queue", "speed")
    taking.take(found, {"queue": 3, "usage": 0.5, "speed": 9, "other": "text"})
    assert found.signals == {"queue": 3.0}
    clock.now = 10.0
    assert found.signals == {}


def test_of_a_pool_that_collects_nothing_nothing_is_kept() -> None:
    """Numbers for a backend of which none are collected go nowhere."""
    found = backend("b")
    intake("queue").take(found, {"queue": 3})
    assert found.signals == {}


@pytest.mark.parametrize(
    "told", [None, [("queue", 1)], {"queue": "1"}, {"queue": float("nan")}, {"queue": float("inf")}]
)
def test_what_is_no_number_is_an_error(told: Any) -> None:
    """What cannot be used as a number is told, and nothing of it is kept."""
    found = collecting()
    with pytest.raises((TypeError, ValueError)):
        intake("queue", "usage").take(found, {"usage": 1.0, **told} if isinstance(told, Mapping) else told)
    assert found.signals == {}


def test_answers_are_heard_and_clients_are_not_told() -> None:
    """A source reads the heads that have one of its fields, which go no further; the others pass as they are."""
    found = collecting()
    sources = [
        intake("queue", answered=lambda head: {"queue": float(head.get("x-load") or 0)}),
        intake("usage", fields=("x-use",), answered=lambda head: {"usage": float(head.get("x-use") or 0)}),
    ]
    hearing = Hearing(sources, print)
    assert hearing.heard(found, HEAD).fields == (("server", "b"),)
    assert found.signals == {"queue": 3.0}
    assert hearing.heard(found, other := HEAD.without("x-load")) is other


def test_a_source_that_fails_is_contained() -> None:
    """What raises is counted and told with its pool, and the answer goes on."""
    faults: list[Any] = []

    def fails(_head: ResponseHead) -> Any:
        raise SystemExit("no")

    failing = intake("queue", faults=faults, answered=fails)
    hearing = Hearing([failing], print)
    for _ in range(3):
        assert hearing.heard(collecting(), HEAD).get("server") == "b"
    assert failing.faults.count == 3
    assert [error for _, error in faults] == ["no", "no"]
    assert faults[0][0].startswith("pool 'site': signals: namespace(")


def test_what_cannot_be_read_is_the_backends_doing() -> None:
    """A source that says of an answer that it cannot be read has not failed: it is told of the backend."""

    def no_report(_head: ResponseHead) -> Any:
        raise CheckFailed("x-load: no report")

    missed: list[tuple[Backend, str]] = []
    one, taking = collecting(), intake("queue", answered=no_report)
    assert Hearing([taking], lambda *told: missed.append(told)).heard(one, HEAD).get("x-load") is None
    assert missed == [(one, "x-load: no report")]
    assert taking.faults.count == 0


def test_what_is_offered_is_taken_or_counted() -> None:
    """Numbers are taken, and what is none of them is a fault of the source."""
    taking, one = intake("queue"), collecting()
    taking.offer(one, {"queue": 2})
    taking.offer(one, "two")
    assert dict(one.signals) == {"queue": 2.0}
    assert taking.faults.count == 1
