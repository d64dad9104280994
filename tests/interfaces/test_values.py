"""The values that cross the contract hold only what can be used."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.interfaces import Outcome, Phase, Reply, Report


@given(st.integers(-10, 1000))
def test_replies_have_a_final_status(status: int) -> None:
    """A reply has a status that ends the matter, or is refused with a line that says what was given."""
    if 200 <= status <= 599:
        assert Reply(status).status == status
    else:
        with pytest.raises(ValueError, match=str(status)):
            Reply(status)


@pytest.mark.parametrize("weight", ["x", "1", float("nan"), float("inf"), -0.1, -1, 10**400, [1]])
def test_reports_have_a_usable_weight(weight: Any) -> None:
    """A weight that is not a finite number from 0 up is refused with a line that says what to give."""
    with pytest.raises(ValueError, match=r"Report: weight: .* is not a finite number from 0 up; give 0\.5"):
        Report(weight=weight)


@pytest.mark.parametrize("tags", [5, "abc", b"abc", ["a"], {1}, {"a", None}])
def test_reports_have_a_set_of_tags(tags: Any) -> None:
    """Tags that are not a set of texts, such as a text, are refused with a line that says what to give."""
    with pytest.raises(ValueError, match=r"Report: tags: .* is not a set of texts; give \{'primary'\}"):
        Report(tags=tags)


WRONG = [5, [("a", 1)], {"a": "1"}, {1: 1}, {"a": float("nan")}, {"a": -float("inf")}, {"a": 10**400}]


@pytest.mark.parametrize("signals", WRONG)
def test_reports_have_signals_by_name(signals: Any) -> None:
    """Signals that are not finite numbers by name are refused with a line that says what to give."""
    with pytest.raises(ValueError, match=r"Report: signals: .* are not finite numbers by name; give \{'queue': 3\}"):
        Report(signals=signals)
    assert Report(signals={"queue": 3, "usage": -0.5}).signals == {"queue": 3, "usage": -0.5}


@given(
    st.none() | st.floats(0, allow_infinity=False) | st.integers(0, 10), st.none() | st.sets(st.text()), st.integers()
)
def test_reports_keep_what_can_be_used(weight: float | None, tags: set[str] | None, detail: Any) -> None:
    """A report holds weight and tags as given, and its detail as text."""
    report = Report(weight, tags, detail)
    assert (report.weight, report.tags, report.detail) == (weight, tags, str(detail))


def test_values_speak_of_a_good_end_unless_told() -> None:
    """An outcome without more is a session that ended well; a report without more changes nothing."""
    outcome = Outcome(now=1.0, duration=0.5)
    assert (outcome.phase, outcome.side, outcome.error) == (Phase.DONE, None, None)
    assert (Report().weight, Report().tags, Report().detail) == (None, None, "")
