"""What was probably meant by a name that is not there."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from balancer.config.meant import likely, meant

Told = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("site = Pool('site', backends=['a:1']); Config(sit)", "; did you mean 'site'?"),
        ("from balancer.plugins.algorithms import RoundRobbin", "; did you mean 'RoundRobin'?"),
        ("from balancer.plugins.algorithms import Hash", "; `balancer plugins` lists what is in which module"),
        ("import balancer.config.pool", "; did you mean 'pools'?"),
        ("import balancer.nowhere", "; `balancer plugins` lists what is in which module"),
        ("import balancer; balancer.Pol", "; did you mean 'Pool'?"),
        ("from collections import Unlike", ""),
        ("import nowhere", ""),
        ("raise ImportError", ""),
        ("raise NameError", ""),
        ("1 / 0", ""),
    ],
)
def test_a_name_that_is_not_there(told: Told, text: str, hint: str) -> None:
    """A name that was probably meant is told, or where to look for one of ours; nothing where nobody can tell."""
    line = told(text)[-1]
    hinted = line[line.find("; ") :] if "; " in line else ""
    assert hinted == hint


def test_names_of_nowhere() -> None:
    """Names are looked for where the error came up; without such a place there are none."""
    frame = sys._getframe()  # noqa: SLF001  any frame will do
    error = NameError("name 'fram' is not defined", name="fram")
    assert (meant(error, frame), meant(error, None)) == ("; did you mean 'frame'?", "")


def test_how_like() -> None:
    """A name that is not much like the one wanted was not meant."""
    assert likely("algoritm", ["pool", "algorithm"]) == "algorithm"
    assert likely("key", ["keylog"]) == ""
