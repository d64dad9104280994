"""Reports of load in a header: both forms say the same, and what is neither is told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.plugins.load_reports import LONGEST, load_report

names = st.from_regex(r"\A[a-z_]{1,9}\Z")
numbers = st.floats(-1e6, 1e6)


@given(st.dictionaries(names, numbers, min_size=1), st.dictionaries(names, numbers))
def test_both_forms_say_the_same(plain: dict[str, float], own: dict[str, float]) -> None:
    """A report says the same in words as in JSON, and the numbers of one's own have a name before theirs."""
    expected = {**plain, **{f"named_metrics.{name}": number for name, number in own.items()}}
    text = " , ".join(f"{name} = {number!r}" for name, number in expected.items())
    plain_json = json.dumps({**plain, "named_metrics": own})
    assert load_report(f"TEXT {text}") == load_report(f"JSON {plain_json}") == expected


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ('JSON {"a": 1, "b": "x", "c": true, "d": NaN, "e": {"f": {"g": 1}, "h": 2}, "i": 1e999}', {"a": 1, "e.h": 2}),
        (f'JSON {{"a": {"9" * 400}, "b": 0}}', {"b": 0}),
        ("JSON [1]", {}),
        (f"JSON {'[' * 8000}", {}),
        ("TEXT a=1e999, b=-.5", {"b": -0.5}),
        (" TEXT  a=1", {"a": 1}),
    ],
)
def test_what_is_no_number_is_left_out(value: str, told: dict[str, float]) -> None:
    """Numbers are finite; whatever else a report holds is passed over."""
    assert load_report(value) == told


@pytest.mark.parametrize(
    "value", ["", "TEXT", "TEXT a", "TEXT a=b", "TEXT a=1 b=2", "BIN abc", "JSON {", "JSON", "a=1"]
)
def test_what_is_no_report_is_told(value: str) -> None:
    """What is in neither form is an error, and so is what is longer than a report is."""
    with pytest.raises(ValueError):  # noqa: PT011  whatever it says, it is one
        load_report(value)
    with pytest.raises(ValueError, match="are no report"):
        load_report(f"TEXT a={'0' * LONGEST}")
