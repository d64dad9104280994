"""Matchers put together: a logic of three answers that loses no capture."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from balancer.interfaces import MORE, Found, IMatcher, Kind, Matcher, ask
from balancer.interfaces.matching import captures_of, taken_apart
from balancer.plugins.matchers import Host, Path


class Fixed(Matcher):
    """Answers always the same."""

    def __init__(
        self, answer: Any, *, peek: int = 0, always: bool = False, kinds: Collection[Kind] = frozenset(Kind)
    ) -> None:
        self.answer, self.peek, self.always, self.kinds = answer, peek, always, kinds

    def matches(self, session: Any) -> Found:
        answer: Found = self.answer
        return answer

    def __repr__(self) -> str:
        return str(self.answer)


captures = st.dictionaries(st.sampled_from("abc"), st.text(max_size=2), max_size=3)
answers = st.sampled_from([True, False, MORE]) | captures
leaves: st.SearchStrategy[Matcher] = st.builds(Fixed, answers, peek=st.integers(0, 9), always=st.booleans())
matchers = st.recursive(
    leaves,
    lambda inner: (
        st.builds(lambda one, two: one & two, inner, inner)
        | st.builds(lambda one, two: one | two, inner, inner)
        | st.builds(lambda one: ~one, inner)
    ),
    max_leaves=8,
)


def truth(matcher: Any) -> float:
    """The answer as a Kleene truth value: 0, 1 or, for MORE, a half."""
    found = ask(matcher, None)
    return 0.5 if found is MORE else 0.0 if found is False else 1.0


@given(matchers, matchers)
def test_matchers_obey_kleene(one: Matcher, two: Matcher) -> None:
    """And is the least, or the most, not the complement of what is known, with MORE in the middle."""
    assert truth(one & two) == min(truth(one), truth(two))
    assert truth(one | two) == max(truth(one), truth(two))
    assert truth(~one) == 1 - truth(one)


@given(matchers, matchers)
def test_matchers_obey_de_morgan(one: Matcher, two: Matcher) -> None:
    """Not of an and is the or of the nots, and the other way round, and two nots are none."""
    assert truth(~(one & two)) == truth(~one | ~two)
    assert truth(~(one | two)) == truth(~one & ~two)
    assert truth(~~one) == truth(one)


@given(matchers, captures | st.booleans(), captures | st.booleans())
def test_more_bytes_only_settle_what_was_open(rest: Matcher, one: Found, two: Found) -> None:
    """What is settled while others are still open stays settled when they are."""
    for late in (one, two):
        early, settled = Fixed(MORE) & rest, Fixed(late) & rest
        assert truth(early) in {0.5, truth(settled)}
        assert truth(Fixed(MORE) | rest) in {0.5, truth(Fixed(late) | rest)}


@given(captures, captures)
def test_and_captures_of_both(one: dict[str, str], two: dict[str, str]) -> None:
    """And captures what both sides did, the right one's winning; or what the first that matches did; not nothing."""
    assert ask(Fixed(one) & Fixed(two), None) == ({**one, **two} or True)
    assert ask(Fixed(one) & Fixed(True), None) == (one or True)
    assert ask(Fixed(one) | Fixed(two), None) == one
    assert ask(Fixed(MORE) | Fixed(two), None) == two
    assert ask(~~Fixed(one), None) is True


@given(leaves, leaves)
def test_peek_and_always_of_a_pair(one: Any, two: Any) -> None:
    """A pair peeks as far as the more curious side, and matches always only when nothing can stop it."""
    for pair in (one & two, one | two):
        assert pair.peek == max(one.peek, two.peek)
    assert (one & two).always == (one.always and two.always)
    assert (one | two).always == (one.always or two.always)
    assert (~one).peek == one.peek
    assert not (~one).always


def test_a_bare_callable_stands_on_either_side() -> None:
    """A function needs no class to be combined with a matcher, on the left or on the right."""
    yes: Callable[[Any], Found] = lambda session: session == "session"  # noqa: E731  a bare callable, as users write
    for pair in (Fixed(True) & yes, yes & Fixed(True), Fixed(False) | yes, yes | Fixed(False)):
        assert pair.matches("session") is True
        assert pair.matches("other") is False
        assert pair.peek == 0
        assert not pair.always


@given(st.sampled_from([None, 0, 1, "", "yes", b"", [], object()]))
def test_an_answer_that_is_none_is_refused(answer: Any) -> None:
    """An answer that is neither truth, captures nor MORE matches nothing by mistake, in whatever combination."""
    odd: Callable[[Any], Any] = lambda _: answer  # noqa: E731  a bare callable, as users write
    for matcher in (odd, Fixed(answer), odd | Fixed(False), odd & Fixed(True), ~Fixed(answer)):
        with pytest.raises(TypeError, match="expected"):
            ask(matcher, None)


def test_an_answer_that_is_none_is_not_quoted() -> None:
    """A function that answers with a field, by mistake for a truth, does not put that field into a log."""
    answering: Callable[[Any], Any] = lambda _: "Bearer SECRET"  # noqa: E731  a bare callable, as users write
    with pytest.raises(TypeError, match="answered a str; expected") as caught:
        ask(answering, None)
    assert "SECRET" not in str(caught.value)


def test_unfinished_matchers_say_so() -> None:
    """A matcher without an answer of its own raises, rather than match."""
    with pytest.raises(NotImplementedError):
        Matcher().matches(None)


def test_combinations_are_matchers_and_read_well() -> None:
    """What the operators give provides the interface, and shows the expression it was made of."""
    matcher = ~(Fixed(1) & Fixed(2)) | Fixed(3)
    assert verifyObject(IMatcher, matcher)
    assert repr(matcher) == "(~(1 & 2) | 3)"


def test_the_kinds_of_session_that_can_match() -> None:
    """Both matchers of an and can match, one of an or; a complement, and what says nothing, can match any."""
    tcp, http = Fixed(False, kinds=[Kind.TCP]), Fixed(False, kinds=[Kind.HTTP])
    assert set((tcp & http).kinds) == set()
    assert set((tcp | http).kinds) == {Kind.TCP, Kind.HTTP}
    assert set((~tcp).kinds) == set((tcp | (lambda _: True)).kinds) == set(Kind)
    assert set(((lambda _: True) & http).kinds) == {Kind.HTTP}


@given(matchers)
def test_matchers_can_be_taken_apart(matcher: Matcher) -> None:
    """What was put together comes apart so that the parts, joined again in the same way, answer the same."""
    joint, parts = taken_apart(matcher)
    if joint == "":
        assert parts == ()
    elif joint == "not":
        assert truth(matcher) == 1 - truth(*parts)
    else:
        assert len(parts) >= 2
        assert truth(matcher) == {"all": min, "any": max}[joint](map(truth, parts))
        assert all(taken_apart(part)[0] != joint for part in parts)


def test_the_names_that_may_be_captured() -> None:
    """A pair may capture what either of its sides may, if both say; what `~` turns round captures nothing."""
    tenant, shop = Host(regex="(?P<tenant>.*)"), Path(template="/{shop}")
    assert captures_of(tenant & shop) == captures_of(tenant | shop) == frozenset({"tenant", "shop"})
    assert captures_of(~tenant) == frozenset()
    assert captures_of(Matcher()) is captures_of(tenant & bool) is captures_of(bool | shop) is None


def test_one_name_in_place_of_several() -> None:
    """A matcher that says a text captures by that name, not by its letters."""
    assert captures_of(type("Plain", (), {"captures": "tenant"})()) == frozenset({"tenant"})
