"""What operators call backends: as short as can be, and never the wrong one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer import config as nouns
from balancer.control.naming import LISTED, Names
from balancer.core.pool import Pool
from balancer.errors import ControlRefused
from tests.core.policies import Steered, Turns, backend

WORDS = st.text(alphabet="ab/", min_size=1, max_size=3)
POOLS = st.dictionaries(WORDS, st.lists(WORDS, min_size=1, max_size=3, unique=True), min_size=1, max_size=3)


def names(pools: dict[str, list[str]]) -> tuple[Names, list[tuple[Pool, Any]]]:
    """The names of these backends, by pool."""
    running = [
        Pool(name, [backend(one) for one in inner], Steered(), ports=Turns().ports()) for name, inner in pools.items()
    ]
    written = [nouns.Pool("x", backends=["a:1"]) for _ in running]
    members = [(pool, one) for pool in running for one in pool.backends]
    return Names(dict(zip(written, running, strict=True))), members


@given(POOLS)
def test_what_is_shown_is_found(pools: dict[str, list[str]]) -> None:
    """A backend is found by what it is shown as, and by pool and name, unless another is called just that as well."""
    known, members = names(pools)
    paths = [f"{pool.name}/{one.name}" for pool, one in members]
    said = [(one, said) for pool, one in members for said in (known.shown(one), f"{pool.name}/{one.name}")]
    for one, name in said:
        if paths.count(name) == 1:
            assert known.find(name).backend is one
    for name in {name for name in paths if paths.count(name) > 1}:
        with pytest.raises(ControlRefused):
            known.find(name)
    for _, one in members:
        if [other.name for _, other in members].count(one.name) == 1 and one.name not in paths:
            assert known.shown(one) == one.name


def test_a_name_in_several_pools() -> None:
    """A name that several pools have is refused, with what to say instead."""
    known, _ = names({"site": ["b1", "b2"], "api": ["b1"]})
    with pytest.raises(ControlRefused, match=r"^'b1' is in several pools; give site/b1, api/b1$"):
        known.find("b1")
    assert known.find("site/b1").pool.name == "site"
    assert known.find("b2").path == "site/b2"


def test_an_unknown_name() -> None:
    """A name that nobody has is refused, with those there are, of many only some."""
    known, _ = names({"site": ["b1", "b2"], "api": ["b1"]})
    with pytest.raises(ControlRefused, match=r"^no backend is named 'b9'; there is site/b1, b2, api/b1$"):
        known.find("b9")
    known, _ = names({"site": [f"b{number}" for number in range(LISTED + 5)]})
    with pytest.raises(ControlRefused, match=r"b9 and 5 more$"):
        known.find("x" * 10000)
