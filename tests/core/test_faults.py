"""Failures counted, and told of now and then."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from balancer.core.faults import MOST, OTHERS, Faults, Tally, named
from balancer.errors import PolicyFailed


@given(st.integers(0, 100))
def test_every_doubling_is_told(failures: int) -> None:
    """Each failure is counted, and those whose number is a power of two are told with their cause."""
    told: list[tuple[str, BaseException]] = []
    faults, error = Faults(lambda what, why: told.append((what, why))), ValueError()
    for _ in range(failures):
        faults.note("filter 'a'", error)
    assert faults.count == failures
    powers = [1 << bit for bit in range(failures.bit_length())]
    assert told == [(f"filter 'a' failed, {number} times so far", error) for number in powers]


def test_each_plugin_is_counted_for_itself() -> None:
    """Failures are counted plugin by plugin, with the type of the last, which may be told in full if it is ours."""
    told: list[str] = []
    faults = Faults(lambda what, _why: told.append(what))
    for plugin, error in (("a", ValueError("secret")), ("b", KeyError()), ("a", PolicyFailed("answered None"))):
        faults.note(plugin, error)
    assert (faults.count, faults.counts) == (3, {"a": 2, "b": 1})
    assert faults.causes == {"a": "answered None", "b": "KeyError"}
    assert told == ["a failed, 1 times so far", "b failed, 1 times so far", "a failed, 2 times so far"]


def test_names_without_end_take_no_memory() -> None:
    """A plugin that calls itself otherwise each time is counted among the others, and told as what it calls itself."""
    told: list[str] = []
    faults = Faults(lambda what, _why: told.append(what))
    for number in range(2 * MOST):
        faults.note(f"plugin {number}", ValueError())
    assert (len(faults.counts), faults.counts[OTHERS]) == (MOST + 1, MOST)
    assert told[-1] == f"plugin {2 * MOST - 1} failed, {MOST} times so far"


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_each_kind_is_told_for_itself(kinds: list[str]) -> None:
    """What befell sessions is counted kind by kind, and a flood of one kind hides no other."""
    told: list[str] = []
    tally = Tally(told.append)
    for kind in kinds:
        tally.note(kind, f"it was {kind}")
    assert tally.counts == Counter(kinds)
    for kind in "abc":
        powers = [1 << bit for bit in range(kinds.count(kind).bit_length())]
        assert [line for line in told if kind in line.split()[2]] == [f"it was {kind}, {one} so far" for one in powers]


def test_where_it_failed_is_told() -> None:
    """The place that a plugin serves stands before its name, in what is told and in what is counted."""
    told: list[str] = []
    faults = Faults(lambda what, _why: told.append(what), "listener 'web': ")
    faults.note("matcher Mine()", ValueError())
    assert told == ["listener 'web': matcher Mine() failed, 1 times so far"]
    assert faults.counts == {"listener 'web': matcher Mine()": 1}


def test_a_name_holds_no_place_in_memory() -> None:
    """A function is called by its name, and what has no `repr` of its own by its class, the same in every process."""

    class Plain:
        pass

    names = named(test_a_name_holds_no_place_in_memory), named(Plain())
    assert names == ("test_a_name_holds_no_place_in_memory", f"<{__name__}.{Plain.__qualname__} object>")


def test_what_cannot_be_shown_is_named_by_its_type() -> None:
    """An object whose `repr` fails is named all the same, so that its failure can be told."""

    class Shy:
        def __repr__(self) -> str:
            raise SystemExit

    assert (named(Shy()), named("plain")) == ("<Shy>", "'plain'")
