"""Which entry is for a name: the exact one, else the wildcard over one whole label, and nothing else ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from balancer.core.server_names import ServerNames, canonical

LABELS = st.text("abAB", min_size=1, max_size=2)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PATTERNS = st.one_of(NAMES, NAMES.map("*.{}".format), NAMES.map("{}.".format))


def answers(name: str, patterns: list[str]) -> list[str]:
    """The entries that are for a name, the best first, by the words of RFC 9525."""
    exact = [one for one in patterns if canonical(one) == name]
    first, _, rest = name.partition(".")
    return exact + [one for one in patterns if first and canonical(one) == f"*.{rest}"]


@given(NAMES, st.lists(PATTERNS, unique_by=canonical))
def test_the_exact_name_goes_before_the_wildcard(name: str, patterns: list[str]) -> None:
    """A name has the entry that is for it alone, else the one for all its neighbours, else none."""
    entries = {one: one for one in patterns}
    assert ServerNames(entries).find(canonical(name)) == next(iter(answers(canonical(name), patterns)), None)


def test_a_wildcard_stands_for_one_whole_label() -> None:
    """A wildcard is neither for its own parent nor for what is deeper, and within a label it is for nobody."""
    names = ServerNames({"*.a.example": 1, "x*.b.example": 2, "c.*.example": 3, "*": 4})
    for name in ("a.example", "deep.x.a.example", "xy.b.example", "c.d.example", "localhost", ""):
        assert names.find(name) is None
    assert names.find("x.a.example") == 1


def test_nobody_asks_for_a_wildcard() -> None:
    """A client that asks for a star by name finds nothing."""
    assert ServerNames({"*.a.example": 1}).find("*.a.example") is None


def test_case_and_a_trailing_dot_make_no_difference() -> None:
    """Names are compared in lower case and without the dot at their end."""
    assert canonical("WWW.Example.") == "www.example"
    assert ServerNames({"WWW.Example.": 1}).find("www.example") == 1
