"""Algorithms made of algorithms: who is asked, who is bounded, and who is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from math import ceil
from random import Random as Chance
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface import implementer
from zope.interface.verify import verifyObject

from balancer.core.messages import ResponseHead
from balancer.errors import ConfigError
from balancer.interfaces import IAlgorithm, IAlgorithmPlugin, Outcome, Phase
from balancer.plugins.algorithms import First, LeastConnections, PowerOfTwo, Random, RoundRobin
from balancer.plugins.combinators import BoundedLoad, Exact, Fallback, Subset, Zones
from balancer.plugins.hashing import Hash, Ketama, capture, server_name
from balancer.testing.fakes import FakeBackend, FakeSession

SESSION = FakeSession(server_name="a.example")
END = Outcome(9.0, 1.0, session=SESSION)

ALL: list[Any] = [
    Fallback(Hash(server_name, Ketama()), RoundRobin()),
    Subset("red", RoundRobin(), otherwise=Random()),
    Exact(server_name),
    BoundedLoad(Hash(server_name, Ketama())),
    Zones("a"),
]
seeds = st.integers(0, 2**32)
tags = st.frozensets(st.sampled_from(["red", "blue", "a.example"]))
backends = st.builds(
    FakeBackend,
    name=st.uuids().map(str),
    weight=st.sampled_from([0.5, 1.0, 3.0]),
    active=st.integers(0, 9),
    tags=tags,
    zone=st.sampled_from("abc"),
)
fleets = st.lists(backends, min_size=1, max_size=6)


class Told(list[Any]):
    """A picker that always answers with the same, and notes which ends it is told of."""

    def __init__(self, answer: FakeBackend | None) -> None:
        self.answer = answer
        self.ended: list[Any] = []

    def __call__(self, _session: Any) -> FakeBackend | None:
        return self.answer

    def released(self, backend: FakeBackend, outcome: Outcome) -> None:
        self.append((backend.name, outcome.phase))
        if outcome.phase is Phase.DONE:
            self.ended.append(outcome.session)


class Marks(Told):
    """One that says in the answers who gave them."""

    def responded(self, session: Any, backend: FakeBackend, head: ResponseHead) -> ResponseHead:
        return head.with_field("x-from", backend.name)


@implementer(IAlgorithm)
@attrs.frozen
class Given:
    """Has that picker, whoever is offered."""

    made: Any
    name: str = "given"

    def picker(self, backends: Any, random: Any) -> Any:
        return self.made


def named(names: str, **told: Any) -> list[FakeBackend]:
    """Backends of these names."""
    return [FakeBackend(name, **told) for name in names]


def pick_with(algorithm: Any, found: Sequence[FakeBackend], seed: int = 1) -> Any:
    """The picker, made in as many slices as it takes."""
    picker = algorithm.picker(found, Chance(seed))
    while isinstance(picker, Generator):
        try:
            next(picker)
        except StopIteration as finished:
            picker = finished.value
    return picker


def picks(algorithm: Any, found: Sequence[FakeBackend], session: Any = SESSION, seed: int = 1, count: int = 30) -> Any:
    """What a new picker answers, so many times."""
    picker = pick_with(algorithm, found, seed)
    return [picker(session) for _ in range(count)]


@pytest.mark.parametrize("algorithm", ALL, ids=lambda algorithm: algorithm.name)
def test_provides_the_interface(algorithm: Any) -> None:
    """Every combinator provides `IAlgorithm`, and its class is listed as a plugin."""
    assert verifyObject(IAlgorithm, algorithm)
    assert IPlugin.providedBy(type(algorithm))
    assert IAlgorithmPlugin.providedBy(type(algorithm))


@given(st.sampled_from(ALL), fleets, seeds)
def test_answers_with_what_was_offered_and_repeats_itself(algorithm: Any, found: list[FakeBackend], seed: int) -> None:
    """A pick is one of those offered, or none where that is meant; the same seed gives the same picks."""
    chosen = picks(algorithm, found, seed=seed)
    assert all(backend in found or (backend is None and algorithm.name == "exact") for backend in chosen)
    assert picks(algorithm, found, seed=seed) == chosen


def test_fallback_asks_the_second_when_need_be() -> None:
    """The second is asked when the first has none, or only one that was tried."""
    one, other = found = named("ab")
    fallback = Fallback(Given(Told(one)), Given(Told(other)))
    assert set(picks(fallback, found)) == {one}
    assert set(picks(fallback, found, FakeSession(tried=[one]))) == {other}
    assert set(picks(Fallback(Given(Told(None)), First()), found)) == {one}
    assert set(picks(Fallback(Given(Told(None)), Given(Told(None))), found)) == {None}


def test_every_part_is_told_once_of_what_it_chose() -> None:
    """A choice that did not stand ends at once, one that stood when its session ends; nobody else is told."""
    one, other = found = named("ab")
    first, then = Told(one), Told(other)
    picker: Any = pick_with(Fallback(Given(first), Given(then)), found)
    for session in (FakeSession(tried=[one]), SESSION):
        picker.released(picker(session), attrs.evolve(END, session=session))
    assert first == [("a", Phase.PICK), ("a", Phase.DONE)]
    assert then == [("b", Phase.DONE)]


@given(st.permutations(range(4)))
def test_who_chose_for_a_session_is_told_of_its_end(order: list[int]) -> None:
    """In whatever order sessions on one backend end, each part hears of those that it chose for, and of no other."""
    (one,) = found = named("a")
    first, then = Told(one), Told(one)
    picker: Any = pick_with(Fallback(Given(first), Given(then)), found)
    sessions = [FakeSession(tried=[one] if place % 2 else ()) for place in range(4)]
    for session in sessions:
        picker(session)
    for place in order:
        picker.released(one, attrs.evolve(END, session=sessions[place]))
    assert first.ended == [sessions[place] for place in order if not place % 2]
    assert then.ended == [sessions[place] for place in order if place % 2]


def test_an_end_of_an_unknown_session_is_nobodys() -> None:
    """A part hears of no end of a session that it did not choose for, nor twice of the same."""
    (one,) = found = named("a")
    part = Told(one)
    picker: Any = pick_with(Fallback(Given(part), First()), found)
    picker(SESSION)
    for outcome in (END, END, attrs.evolve(END, session=None)):
        picker.released(one, outcome)
    assert part.ended == [SESSION]


def test_the_part_that_chose_sees_the_answer() -> None:
    """An answer passes the part that chose for its session, and no other, until the session ends."""
    one, other = found = named("ab")
    picker: Any = pick_with(Fallback(Given(Marks(one)), Given(Told(other))), found)
    late = FakeSession(tried=[one])
    head = ResponseHead(200, "OK")
    assert (picker(SESSION), picker(late)) == (one, other)
    for _ in range(2):
        assert picker.responded(SESSION, one, head).get("x-from") == "a"
    assert picker.responded(late, other, head) is head
    picker.released(one, END)
    assert picker.responded(SESSION, one, head) is head


def test_a_session_is_the_same_to_parts_within_parts() -> None:
    """A part that was asked for a session that may not have what is full is told of that session's answer and end."""
    one, other = found = named("ab")
    one.become(active=9)
    inner = Marks(other)
    nested = Fallback(Fallback(Given(Told(one)), Given(inner)), First())
    picker: Any = pick_with(BoundedLoad(nested), found)
    assert picker(SESSION) is other
    assert picker.responded(SESSION, other, ResponseHead(200, "OK")).get("x-from") == "b"
    picker.released(other, END)
    assert inner.ended == [SESSION]


@pytest.mark.parametrize("algorithm", [algorithm for algorithm in ALL if algorithm.name != "subset"], ids=repr)
def test_nobody_listens_nothing_is_kept(algorithm: Any) -> None:
    """Where no part wants to be told, the pool is spared the call."""
    picker = pick_with(algorithm, [FakeBackend("a", zone="a"), FakeBackend("b")])
    assert not hasattr(picker, "released")


@given(fleets, st.booleans())
def test_subset_is_those_with_the_tag(found: list[FakeBackend], refuse: bool) -> None:
    """All with the tag and none else are chosen; while there is none, all or none, as is said."""
    tagged: set[Any] = {backend for backend in found if "red" in backend.tags}
    chosen: set[Any] = set(picks(Subset("red", otherwise=None if refuse else RoundRobin()), found, count=100))
    assert chosen == (tagged or ({None} if refuse else set(found)))


@given(fleets, st.sampled_from(["red", "blue", "green", None]))
def test_exact_is_those_with_the_sessions_tag(found: list[FakeBackend], tag: str | None) -> None:
    """Those with the tag that the session gives are chosen; none when there are none, or when it gives none."""
    session = FakeSession(captures={} if tag is None else {"role": tag})
    tagged: set[Any] = {backend for backend in found if tag in backend.tags}
    assert set(picks(Exact(capture("role")), found, session, count=100)) == (tagged or {None})


bounded = st.sampled_from(
    [First(), RoundRobin(), Random(), PowerOfTwo(), LeastConnections(), Hash(server_name, Ketama())]
)


@given(bounded, fleets, st.sampled_from([1, 1.25, 2]), st.lists(st.integers(0, 9)))
def test_bounded_load_is_bounded(algorithm: Any, found: list[FakeBackend], factor: float, ends: list[int]) -> None:
    """Whatever chooses and whatever ends, no pick brings a backend above its share of the load, rounded up."""
    picker: Any = pick_with(BoundedLoad(algorithm, factor), found)
    total = sum(backend.weight for backend in found)
    for end in [*ends, *[9] * 20]:
        found[end % len(found)].become(active=end % 4)
        chosen = picker(SESSION)
        chosen.become(active=chosen.active + 1)
        load = sum(backend.active for backend in found)
        assert chosen.active <= ceil(factor * load * chosen.weight / total)


def test_bounded_load_keeps_to_the_owner() -> None:
    """A key stays with its backend until that is at its bound, then goes to the next one's for it, and comes back."""
    found, algorithm = named("abcd"), Hash(server_name, Ketama())
    picker: Any = pick_with(BoundedLoad(algorithm, 2), found)
    alone: Any = pick_with(algorithm, found)
    owner = alone(SESSION)
    following = alone(FakeSession(server_name="a.example", tried=[owner]))
    assert picker(SESSION) is owner
    owner.become(active=1)
    assert picker(SESSION) is following
    for backend in found[:4]:
        backend.become(active=1)
    assert picker(SESSION) is owner


def test_bounded_load_tells_its_part() -> None:
    """A part that insists on a full backend is told that its choices did not stand, and not of another's end."""
    one, other = found = named("ab")
    one.become(active=9)
    part = Told(one)
    picker: Any = pick_with(BoundedLoad(Given(part)), found)
    assert picker(SESSION) is other
    picker.released(other, END)
    assert set(part) == {("a", Phase.PICK)}
    assert set(picks(BoundedLoad(Given(Told(None))), found)) == {None}


def test_bounded_load_avoids_who_was_tried() -> None:
    """Where the part insists, one with room that the session has not tried is found if there is one."""
    one, other, third = found = named("abc")
    one.become(active=30)
    other.become(active=1)
    assert set(picks(BoundedLoad(Given(Told(one))), found, FakeSession(tried=[third]))) == {other}


@pytest.mark.parametrize(
    ("up", "whole", "share"), [(72, 100, 1.0), (50, 100, 0.7), (25, 100, 0.35), (25, None, 0.35), (25, 25, 1.0)]
)
def test_zones_spill(up: int, whole: float | None, share: float) -> None:
    """With so many of a hundred near, and a hundred far, this share of the sessions stays near: Envoy's arithmetic."""
    found = [FakeBackend(f"n{place}", zone="a") for place in range(up)]
    found += [FakeBackend(f"f{place}", zone="b") for place in range(100)]
    counts = Counter(backend.zone for backend in picks(Zones("a", whole=whole), found, count=3000))
    assert counts["a"] / 3000 == pytest.approx(share, abs=0.03)


def test_zones_serve_while_any_is_left() -> None:
    """With none near the others serve, and with none far those near."""
    near, far = named("ab", zone="a"), named("cd", zone="b")
    assert set(picks(Zones("a"), far)) == set(far)
    assert set(picks(Zones("a"), near)) == set(near)
    assert set(picks(Zones("a"), near + far)) == set(near)


def test_zones_pass_over_who_was_tried() -> None:
    """When those near were tried the others are asked, and when all were, those near again."""
    (near,), (far,) = named("a", zone="a"), named("b", zone="b")
    part = Told(None)
    assert set(picks(Zones("a"), [near, far], FakeSession(tried=[near]))) == {far}
    assert set(picks(Zones("a"), [near, far], FakeSession(tried=[near, far]))) == {near}
    assert set(picks(Zones("a", Given(part)), [near, far])) == {None}
    assert set(picks(Zones("a"), [near, far], FakeSession(tried=[far]))) == {near}


MISTAKES: list[tuple[Any, Any, Any, int]] = [
    (Fallback, (First, None), {}, 2),
    (Subset, (3, RoundRobin), {"otherwise": 3}, 3),
    (Exact, ("tag", 1), {}, 2),
    (BoundedLoad, (None, 0.9), {}, 2),
    (Zones, ("", 1), {"whole": 0, "overprovision": 0.5}, 4),
]


@pytest.mark.parametrize(("make", "given", "told", "lines"), MISTAKES)
def test_mistakes_are_told(make: Any, given: Any, told: Any, lines: int) -> None:
    """What cannot be a setting is refused, all of it at once, each in a line with a remedy."""
    with pytest.raises(ConfigError) as caught:
        make(*given, **told)
    assert len(caught.value.mistakes) == lines
    assert all("; give" in line or "; write" in line for line in caught.value.mistakes)


def test_zones_tell_which_is_near() -> None:
    """The zone that is preferred is told, so that one without backends can be warned of."""
    assert Zones("eu").zones == {"eu"}
