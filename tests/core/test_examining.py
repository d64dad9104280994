"""What a check answers is proved: a result that was waited for, and nothing in its place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from balancer.core.examining import examined
from balancer.interfaces import Report


def result(check: Any) -> Any:
    """What comes of a check that has nothing to wait for."""
    with pytest.raises(StopIteration) as stop:
        examined(check, "the target").send(None)
    return stop.value.value


@pytest.mark.parametrize("answer", [None, Report(), Report(0.5, {"primary"}, "fine", {"queue": 3})], ids=repr)
def test_results_are_taken_over(answer: Report | None) -> None:
    """None or a report is the result, of a function and of an object with a method alike."""

    async def check(target: Any) -> Report | None:
        assert target == "the target"
        return answer

    assert result(check) == result(SimpleNamespace(check=check)) == answer


@pytest.mark.parametrize("answer", [True, SimpleNamespace(weight=1), "ok"], ids=repr)
def test_what_is_no_result_is_refused(answer: Any) -> None:
    """Whatever is neither None nor a report is an error, also where it was not waited for."""

    async def check(_: Any) -> Any:
        return answer

    with pytest.raises(TypeError, match="neither None nor a Report"):
        result(check)
    with pytest.raises(TypeError, match="cannot be awaited"):
        result(lambda _: answer)


def test_a_report_that_was_changed_is_refused() -> None:
    """A report whose values were changed behind its back is judged by them."""

    async def check(_: Any) -> Report:
        report = Report()
        object.__setattr__(report, "signals", {"queue": "many"})
        return report

    with pytest.raises(ValueError, match="signals"):
        result(check)
