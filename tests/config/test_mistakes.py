"""The checks that all nouns share, and where their lines go."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface import alsoProvides

from balancer.config import mistakes
from balancer.errors import ConfigError
from balancer.interfaces import IFilter, IMatcher


@attrs.frozen
class Thing(mistakes.Noun):
    """A noun with as many mistakes as it is told."""

    lines: tuple[str, ...]

    def _mistakes(self) -> Iterator[str]:
        yield from self.lines


class Duck:
    """Has a method of a filter, without the promise."""

    def request(self, head: Any, session: Any) -> Any:
        """As a filter would."""

    def __repr__(self) -> str:
        return "Duck()"


HALF = Duck()
alsoProvides(HALF, IFilter)


def test_raised() -> None:
    """A noun made on its own raises all its mistakes together."""
    with pytest.raises(ConfigError) as caught:
        Thing(("a", "b"))
    assert caught.value.mistakes == ("Thing: a", "Thing: b")


def test_collected() -> None:
    """While mistakes are collected nothing is raised, and each is kept once, in order."""
    with mistakes.collecting() as outer:
        Thing(("b", "a"))
        with mistakes.collecting() as inner:
            Thing(("c",))
        Thing(("a", "d"))
    assert list(outer) == ["Thing: b", "Thing: a", "Thing: d"]
    assert list(inner) == ["Thing: c"]


def test_collecting_ends() -> None:
    """After the collection, also one that failed, mistakes are raised again."""
    with pytest.raises(ZeroDivisionError), mistakes.collecting():
        raise ZeroDivisionError
    with pytest.raises(ConfigError):
        Thing(("a",))


def test_sound() -> None:
    """A noun without a mistake is simply made, and says what it is."""
    assert str(Thing(())) == "Thing"


@given(st.text(max_size=200))
def test_shown_is_short(text: str) -> None:
    """Whatever was given is shown on one line of at most 60 characters."""
    assert len(mistakes.shown(text)) <= 60
    assert "\n" not in mistakes.shown([text])


def test_what_does_not_show_itself() -> None:
    """An object that does not say what it is is shown by its class, and not by where it is in memory."""

    class Mine:
        """Says nothing."""

    assert mistakes.shown(Mine()) == "an object of Mine"


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf"), 10**400, 0, -1])
def test_no_durations(value: object) -> None:
    """Only a positive finite number is a duration; a bool is no number."""
    assert len(list(mistakes.seconds("every", value, like=2))) == 1
    assert len(list(mistakes.positive("weight", value, like=1))) == 1


@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False) | st.integers(min_value=1))
def test_durations(value: float) -> None:
    """Any positive finite number is fine, but as a duration only one that clocks can count to."""
    assert len(list(mistakes.seconds("every", value, like=2))) == (value > 1e9)
    assert list(mistakes.positive("weight", value, like=1)) == []


def test_shortest_durations() -> None:
    """A duration may have a least; what is no duration at all is still told once."""
    assert list(mistakes.seconds("every", 0.05, like=2, least=0.05)) == []
    for value in (0.04, 0, None):
        assert len(list(mistakes.seconds("every", value, like=2, least=0.05))) == 1


@pytest.mark.parametrize(
    ("value", "fits"), [(0, True), (1, True), (0.5, True), (1.1, False), (-0.1, False), ("0", False)]
)
def test_shares(value: object, fits: bool) -> None:
    """A share lies between 0 and 1, both included."""
    assert (list(mistakes.share("jitter", value)) == []) is fits


@pytest.mark.parametrize(("value", "fits"), [(1, True), (0, False), (1.0, False), (True, False), ("1", False)])
def test_counts(value: object, fits: bool) -> None:
    """A count is a whole number and no bool."""
    assert (list(mistakes.count("rise", value)) == []) is fits


@pytest.mark.parametrize(("value", "fits"), [("a b", True), ("", False), (" ", False), ("a\nb", False), (5, False)])
def test_words(value: object, fits: bool) -> None:
    """A name is printable text that is not empty."""
    assert (list(mistakes.word("name", value)) == []) is fits


def test_choices() -> None:
    """True does not stand for 1, nor a word for another."""
    assert list(mistakes.choice("tier", True, (0, 1))) == ["tier: True is not a choice; give 0 or 1"]
    assert list(mistakes.choice("tier", 1, (0, 1))) == []


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (HALF, "filters: Duck() promises IFilter but has no response(head, session); write it"),
        (Duck(), "filters: Duck() does not provide IFilter; put @implementer(IFilter) on its class"),
        (Duck, "filters: Duck is a class; give an object of it: Duck(...)"),
        (5, "filters: 5 does not provide IFilter; give a filter"),
    ],
)
def test_plugins(value: object, line: str) -> None:
    """What is no plugin is told apart: a class, an object without the promise, a promise without the method."""
    assert list(mistakes.provides("filters", value, IFilter, "give a filter")) == [line]


def test_functions_for_plugins() -> None:
    """Where a function may stand for a plugin any callable object does, but no class."""
    assert list(mistakes.provides_or_callable("matcher", len, IMatcher, "give a matcher")) == []
    assert list(mistakes.provides_or_callable("matcher", int, IMatcher, "give a matcher")) == [
        "matcher: int is a class; give an object of it: int(...)"
    ]


def test_methods_take_what_is_promised() -> None:
    """A method that cannot take the arguments of its interface is told with them; others may be defaults."""
    duck: Any = Duck()
    alsoProvides(duck, IFilter)
    duck.response = lambda head: head
    assert list(mistakes.provides("filters", duck, IFilter, "give a filter")) == [
        "filters: Duck(): response cannot be called with (head, session); let it take just that"
    ]
    duck.response = lambda head, _session, _extra=None: head
    assert list(mistakes.provides("filters", duck, IFilter, "give a filter")) == []


@pytest.mark.parametrize(
    ("call", "fits"),
    [
        (lambda _: True, True),
        (lambda *_: True, True),
        (lambda: True, False),
        (lambda _, __: True, False),
        (lambda _, *, __: True, False),
        (partial(lambda _, __: True, 1), True),
        (dict.fromkeys, True),
        (vars, True),
    ],
)
def test_functions_take_one_argument(call: Any, fits: bool) -> None:
    """A function that cannot be called with the one argument is told; one whose signature is unknown is trusted."""
    lines = list(mistakes.provides_or_callable("matcher", call, IMatcher, "give a matcher"))
    assert [line.partition(" cannot")[2] for line in lines] == (
        [] if fits else [" be called with (session); let it take just that"]
    )


def test_functions_are_shown_by_name() -> None:
    """Nobody knows a function by its address in memory."""
    assert mistakes.shown(test_repeated) == "test_repeated"


def test_frozen() -> None:
    """A noun does not change once it is made, whichever attribute is given."""
    thing: Any = Thing(())
    for name in ("lines", "colour"):
        with pytest.raises(AttributeError) as caught:
            setattr(thing, name, 1)
        assert str(caught.value) == f"Thing: {name}: cannot be changed; give it as the Thing is made"
    assert thing == Thing(())


@pytest.mark.parametrize(
    ("given_", "items"), [("ab", ("ab",)), ([1, 2], (1, 2)), (iter("ab"), ("a", "b")), (5, (5,)), ((), ())]
)
def test_tuples(given_: object, items: tuple[object, ...]) -> None:
    """A single item may stand without its list, and text is never cut into letters."""
    assert mistakes.as_tuple(given_) == items


def test_repeated() -> None:
    """What occurs twice or more is told once, in order."""
    assert mistakes.repeated("abcbacb") == ["a", "b", "c"]
    assert mistakes.repeated("abc") == []
