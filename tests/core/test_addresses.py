"""Several addresses of one backend: each order keeps them all, each race has one end and leaves nothing running."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from balancer.core.addresses import HEAD_START, MOST, Race, in_turns
from balancer.core.backend import Place

HOSTS = st.sampled_from([f"192.0.2.{number}" for number in range(12)] + [f"2001:db8::{number}" for number in range(12)])


@pytest.mark.parametrize(
    ("given_hosts", "expected"),
    [
        ("", ""),
        ("4a", "4a"),
        ("6a 4a 4b", "6a 4a 4b"),
        ("4a 4b 6a 6b", "4a 6a 4b 6b"),
        ("6a 6b 6c 4a", "6a 4a 6b 6c"),
        ("6a 4a 6a 4a", "6a 4a"),
    ],
)
def test_families_take_turns(given_hosts: str, expected: str) -> None:
    """The family that was named first begins, each family keeps its order, and nobody is named twice."""

    def spelt(names: str) -> tuple[str, ...]:
        return tuple(f"::{name[1]}" if name[0] == "6" else f"192.0.2.{ord(name[1])}" for name in names.split())

    assert in_turns(spelt(given_hosts)) == spelt(expected)


@given(st.lists(HOSTS, max_size=40))
def test_no_address_is_lost(hosts: list[str]) -> None:
    """All addresses are kept, up to the most there may be, and the first stays the first."""
    ordered = in_turns(hosts)
    assert len(ordered) == min(MOST, len(set(hosts)))
    assert set(ordered) <= set(hosts)
    assert ordered[:1] == tuple(hosts[:1])


class Track:
    """Notes what a race does; those `out_of_reach` fail as soon as they are started, those `at_hand` stand."""

    def __init__(self) -> None:
        self.race: Race | None = None
        self.out_of_reach: set[Place] = set()
        self.at_hand: set[Place] = set()
        self.started: list[Place] = []
        self.running: list[Place] = []
        self.ends: list[Place | list[BaseException]] = []
        self.waiting = False

    def start(self, place: Place) -> None:
        self.started.append(place)
        self.running.append(place)
        if place in self.out_of_reach:
            self.fail(place)
        elif place in self.at_hand:
            assert self.race is not None
            assert self.race.stands(place)

    def stop(self, place: Place) -> None:
        self.running.remove(place)

    def wait(self, seconds: float) -> None:
        assert seconds == HEAD_START
        self.waiting = True

    def rest(self) -> None:
        self.waiting = False

    def won(self, place: Place) -> None:
        self.running.remove(place)
        assert not self.running
        self.ends.append(place)

    def lost(self, reasons: list[BaseException]) -> None:
        self.ends.append(reasons)

    def fail(self, place: Place) -> None:
        """That attempt comes to nothing."""
        assert self.race is not None
        self.running.remove(place)
        self.race.failed(place, ConnectionError(place))


def begun(*places: Place, out_of_reach: Iterable[Place] = (), at_hand: Iterable[Place] = ()) -> tuple[Race, Track]:
    """A race between these places, under way."""
    track = Track()
    track.race = race = Race(places, track)
    track.out_of_reach.update(out_of_reach)
    track.at_hand.update(at_hand)
    race.begin()
    return race, track


def test_the_next_waits_for_its_turn() -> None:
    """The second is tried when the first is late, in parallel, and a late turn with nobody left changes nothing."""
    race, track = begun("a", "b")
    assert (track.running, track.waiting) == (["a"], True)
    race.late()
    race.late()
    assert track.running == ["a", "b"]
    assert race.stands("b")
    assert (track.ends, track.running, track.waiting) == (["b"], [], False)


def test_a_failure_calls_the_next_at_once() -> None:
    """The second does not wait for a first that has failed, even as it was started."""
    _, track = begun("a", "b", "c", out_of_reach=("a", "b"))
    assert (track.started, track.running) == (["a", "b", "c"], ["c"])


def test_one_that_is_at_hand() -> None:
    """What stands as it is started ends the race there and then, with nothing waited for."""
    race, track = begun("a", "b", "c", out_of_reach=["a"], at_hand=["b"])
    assert (track.ends, track.started, track.running, track.waiting) == (["b"], ["a", "b"], [], False)
    race.cancel()


def test_a_failure_beside_another() -> None:
    """When one of two has failed, the other goes on alone."""
    race, track = begun("a", "b")
    race.late()
    track.fail("a")
    assert (track.running, track.ends) == (["b"], [])


def test_all_have_failed() -> None:
    """When nobody is left the race is lost, with every reason in order; and what comes later is not heard."""
    race, track = begun("a", "b")
    track.fail("a")
    track.fail("b")
    race.failed("b", ConnectionError("again"))
    assert [[str(reason) for reason in end] for end in track.ends if isinstance(end, list)] == [["a", "b"]]
    assert not race.stands("a")


def test_nobody_starts() -> None:
    """A race without places is lost before it has begun."""
    assert begun()[1].ends == [[]]


class Races(RuleBasedStateMachine):
    """Any order of failures, of late turns and of those that stand, until the race is over or given up."""

    def __init__(self) -> None:
        super().__init__()
        self.places = ["x"]
        self.race, self.track = begun("x")
        self.cancelled = False

    @initialize(places=st.lists(HOSTS, unique=True, max_size=6), out_of_reach=st.sets(HOSTS), at_hand=st.sets(HOSTS))
    def begin(self, places: list[str], out_of_reach: set[str], at_hand: set[str]) -> None:
        self.places = places
        self.race, self.track = begun(*places, out_of_reach=out_of_reach, at_hand=at_hand)

    @precondition(lambda self: self.track.waiting)
    @rule()
    def late(self) -> None:
        self.track.waiting = False
        self.race.late()

    @precondition(lambda self: self.track.running)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        self.track.fail(data.draw(st.sampled_from(self.track.running)))

    @precondition(lambda self: self.track.running)
    @rule(data=st.data())
    def stand(self, data: st.DataObject) -> None:
        assert self.race.stands(data.draw(st.sampled_from(self.track.running)))

    @rule(place=HOSTS)
    def stand_too_late(self, place: str) -> None:
        if place not in self.track.running:
            assert not self.race.stands(place)

    @rule()
    def cancel(self) -> None:
        self.race.cancel()
        self.cancelled = True

    @invariant()
    def each_is_tried_once_and_in_order(self) -> None:
        assert self.track.started == self.places[: len(self.track.started)]

    @invariant()
    def there_is_one_end(self) -> None:
        track = self.track
        assert len(track.ends) <= 1
        over = self.cancelled or bool(track.ends)
        assert not (over and (track.running or track.waiting))
        assert over or track.running


TestRaces = Races.TestCase
