"""Time that grows with a text: told where it grows too fast, and never held against who is merely slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from balancer.testing.kit import pacing
from balancer.testing.kit.pacing import LONG, SHORT, Text, climb, texts
from balancer.testing.kit.stories import Broken


def timed(monkeypatch: pytest.MonkeyPatch, cost: Callable[[int], float]) -> Callable[[str], Callable[[], object]]:
    """What takes that many seconds by the number of characters, on a clock of its own."""
    passed = [0.0]
    monkeypatch.setattr(pacing, "thread_time", lambda: passed[0])

    def read(text: str) -> None:
        passed[0] += cost(len(text))

    return lambda text: partial(read, text)


@pytest.mark.parametrize(
    ("lengths", "cost", "came"),
    [
        (SHORT, lambda n: 2e-8 * 2**n, "20 characters take 21 ms"),
        (LONG, lambda n: 1e-9 * n**2, "4096 characters take 17 ms"),
        (LONG, lambda n: 2e-5 * n, "8192 characters take 164 ms"),
        (SHORT, lambda _n: 0.2, "8 characters take 200 ms"),
        (LONG, lambda n: 1e-5 * n, ""),
        (LONG, lambda n: 1e-7 * n * n.bit_length(), ""),
        (SHORT, lambda _n: 0.05, ""),
    ],
)
def test_growth(
    monkeypatch: pytest.MonkeyPatch, lengths: tuple[int, ...], cost: Callable[[int], float], came: str
) -> None:
    """What grows as its text does is not too slow, nor what always takes some time; all else is, and soon."""
    told = ""
    try:
        climb("it", Text("", "a", ""), lengths, timed(monkeypatch, cost))
    except Broken as broken:
        told = str(broken).rpartition("came: ")[2]
    assert told == came


def test_the_best_try_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A try that something else has slowed down is made again."""
    hiccups: Iterator[float] = iter((0.0, 0.0, 0.3))
    climb("it", Text("", "a", ""), SHORT, timed(monkeypatch, lambda _n: next(hiccups, 0.0)))
    assert next(hiccups, None) is None


def test_a_story_tells_the_text() -> None:
    """A text is told by what it consists of, and is as long as is said."""
    assert str(Text("/v1", "a-", "!")) == "'a-' over and over after '/v1' before '!'"
    assert Text("/v1", "a-", "!").of(7) == "/v1a-a-a-a-!"


class Mentions:
    """Knows a pattern."""

    def matches(self, session: object) -> bool:
        """See `IMatcher`."""
        return str(session).startswith(r"^/api/(\w+)*$")


def test_texts_of_what_is_mentioned() -> None:
    """What a pattern takes literally stands before the others, and is repeated."""
    several = texts(Mentions(), ("220 ",))
    assert Text("220 ", "a", "!") in several
    assert Text("/api/", "a", "") in several
    assert Text("220 ", "/api/", "!") in several
