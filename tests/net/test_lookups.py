"""Names looked up again and again: at their pace, what was known last in use meanwhile, and only changes told."""

from __future__ import annotations

from random import Random

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from balancer.core.backend import Backend
from balancer.net.lookups import LEAST, RETRY, Lookup, Pace
from balancer.net.resolving import Found
from tests.net.house import now


class Slowest(Random):
    """Chance that never makes anything come sooner."""

    def random(self) -> float:
        """The least."""
        return 0.0


class Looking:
    """The lookups of one name, whose answer the test sets: `None` is none yet; and what came of them."""

    def __init__(self, every: float = 30, source: str = "") -> None:
        self.clock = Clock()
        self.answer: Found | BaseException | None = Found(("192.0.2.1",))
        self.asked: list[float] = []
        self.cancelled = 0
        self.moves: list[Backend] = []
        self.lines: list[str] = []
        self.backend = Backend("b", "db:80", None, seconds=self.clock.seconds, source=source)
        self.lookup = Lookup(
            self.backend,
            ("db", 80),
            self,
            reactor=self.clock,
            pace=Pace(every, Slowest()),
            moved=self.moves.append,
            told=self.lines.append,
        )

    async def look_up(self, host: str) -> Found:
        """Give the answer, or none."""
        assert host == "db"
        self.asked.append(self.clock.seconds())
        if self.answer is None:
            await Deferred[None](self._cancel)
        if isinstance(self.answer, BaseException):
            raise self.answer
        assert self.answer is not None
        return self.answer

    def _cancel(self, _: Deferred[None]) -> None:
        self.cancelled += 1

    def begin(self) -> None:
        """Look once, as at the start, and then again and again."""
        now(self.lookup.look())
        self.lookup.start()

    @property
    def hosts(self) -> list[str]:
        """Where the backend is."""
        return [place[0] for place in self.backend.places]


def test_all_addresses_in_turns() -> None:
    """A backend is at all addresses of its name, the families in turn, and the first lookup is told to nobody."""
    looking = Looking()
    looking.answer = Found(("2001:db8::1", "2001:db8::2", "192.0.2.1"))
    looking.begin()
    assert looking.backend.places == (("2001:db8::1", 80), ("192.0.2.1", 80), ("2001:db8::2", 80))
    assert (looking.lines, looking.moves) == ([], [])


def test_a_name_that_moves() -> None:
    """A new address is found within the time between lookups, and told; the same again is not."""
    looking = Looking()
    looking.begin()
    looking.clock.advance(29)
    looking.answer = Found(("192.0.2.2", "192.0.2.3"))
    assert looking.hosts == ["192.0.2.1"]
    looking.clock.advance(1)
    looking.answer = Found(("192.0.2.3", "192.0.2.2"))
    looking.clock.advance(30)
    assert looking.asked == [0, 30, 60]
    assert looking.hosts == ["192.0.2.2", "192.0.2.3"]
    assert looking.lines == ["db is at 192.0.2.2, 192.0.2.3"]
    assert looking.moves == [looking.backend]


@pytest.mark.parametrize(("ttl", "pause"), [(None, 30), (12, 12), (1e9, 30), (0, LEAST), (float("inf"), 30)])
def test_the_pace_of_answers(ttl: float | None, pause: float) -> None:
    """An answer counts as long as it says, for a second at least and never longer than names are looked up anyway."""
    assert Pace(30, Slowest()).pause(Found(("::1",), ttl)) == pause


@pytest.mark.parametrize(("every", "pause"), [(30, RETRY), (2, 2)])
def test_the_pace_of_failures(every: float, pause: float) -> None:
    """After a failure the next lookup comes soon, and not less often than ever."""
    assert Pace(every, Slowest()).pause(None) == pause


def test_pauses_are_spread() -> None:
    """No two pauses are the same, and none is longer than it may be, or much shorter."""
    pace = Pace(30, Random(4))
    pauses = {pace.pause(Found(("::1",))) for _ in range(100)}
    assert len(pauses) == 100
    assert 27 <= min(pauses) <= max(pauses) <= 30


def test_the_last_good_answer_is_kept() -> None:
    """While a lookup fails the addresses stay, which is told once, as is its end."""
    looking = Looking()
    looking.begin()
    looking.answer = LookupError("unknown host 'db'")
    looking.clock.pump([30, 5, 5])
    assert looking.hosts == ["192.0.2.1"]
    looking.answer = Found(("192.0.2.1",))
    looking.clock.advance(5)
    assert looking.asked == [0, 30, 35, 40, 45]
    assert looking.lines == [
        "unknown host 'db'; what was known before stays in use",
        "db can be looked up again",
    ]
    assert not looking.moves


def test_a_name_that_was_never_known() -> None:
    """A name that was unknown at the start is looked up again soon, and then the backend is there."""
    looking = Looking()
    looking.answer = LookupError("unknown host 'db'")
    with pytest.raises(LookupError):
        looking.begin()
    looking.lookup.start()
    looking.clock.advance(5)
    looking.answer = Found(("192.0.2.1",))
    looking.clock.advance(5)
    assert looking.hosts == ["192.0.2.1"]
    assert looking.lines == [
        "unknown host 'db'; it is looked up again and again",
        "db is at 192.0.2.1",
        "db can be looked up again",
    ]


def test_a_lookup_that_breaks(logged_failures: list[LogEvent]) -> None:
    """A fault of ours in a lookup is logged, and does not end the lookups."""
    looking = Looking()
    looking.begin()
    looking.answer = ZeroDivisionError("oops")
    looking.clock.advance(30)
    assert "unexpectedly" in logged_failures.pop()["log_format"]
    looking.answer = Found(("192.0.2.2",))
    looking.clock.advance(5)
    assert looking.hosts == ["192.0.2.2"]


@pytest.mark.parametrize(("source", "left"), [("192.0.2.9", ["192.0.2.1"]), ("2001:db8::9", ["2001:db8::1"])])
def test_the_source_has_one_family(source: str, left: list[str]) -> None:
    """Of a name only those addresses are used that the source can reach; to have none of those is to be unknown."""
    looking = Looking(source=source)
    looking.answer = Found(("2001:db8::1", "192.0.2.1"))
    looking.begin()
    assert looking.hosts == left
    looking.answer = Found(("192.0.2.1" if ":" in source else "2001:db8::1",))
    looking.clock.advance(30)
    assert looking.hosts == left
    assert looking.lines == [
        f"host 'db' has no address that the source {source} can reach; what was known before stays in use"
    ]


def test_a_stop_between_lookups() -> None:
    """Stopped, it asks no more and leaves no timer; also a second time."""
    looking = Looking()
    looking.lookup.stop()
    looking.begin()
    looking.lookup.stop()
    looking.lookup.stop()
    assert looking.clock.calls == []


def test_a_stop_while_it_looks() -> None:
    """A lookup under way is given up, and nothing is told of that."""
    looking = Looking()
    looking.begin()
    looking.answer = None
    looking.clock.advance(30)
    looking.lookup.stop()
    assert (looking.cancelled, looking.clock.calls, looking.lines) == (1, [], [])
