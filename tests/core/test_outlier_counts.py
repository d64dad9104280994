"""What is counted of one backend for the rules of ejection."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from balancer.core.blame import Ending
from balancer.core.outlier_counts import SHOWN, Record, Stage
from balancer.core.outlier_rules import ROWS
from tests.core.policies import backend
from tests.core.virtual_time import VirtualTime

BAD = (Ending.LOCAL, Ending.GATEWAY, Ending.FAILED)


def fed(record: Record, ends: list[Ending], longest: dict[str, int]) -> list[str]:
    """The rules whose rows were long enough, in the order in which that was found."""
    found = []
    for end in ends:
        if end is Ending.WELL:
            record.count_well()
            continue
        record.count_badly(end, end.name.lower())
        found += [verdict.rule for verdict in record.rows(longest)]
    return found


@given(st.lists(st.sampled_from([Ending.WELL, *BAD]), max_size=60), st.integers(1, 4))
def test_a_row_is_found_each_time_it_is_full(ends: list[Ending], most: int) -> None:
    """Each rule finds as many rows as fit into the unbroken runs of what it counts, and all ends are counted."""
    record = Record(backend("a"))
    found = fed(record, ends, dict.fromkeys(ROWS, most))
    for rule, counted in ROWS.items():
        runs = "".join("x" if end in counted else " " for end in ends).split()
        assert found.count(rule) == sum(len(run) // most for run in runs)
    assert (record.well, record.badly) == (ends.count(Ending.WELL), len(ends) - ends.count(Ending.WELL))


def test_the_narrowest_rule_speaks_first() -> None:
    """Five times 503 are five gateway errors before they are five failures, and the evidence is what was said."""
    record = Record(backend("a"))
    for _ in range(5):
        record.count_badly(Ending.GATEWAY, "503")
    narrow, wide = record.rows({"failures": 5, "gateway_errors": 5})
    assert (narrow.rule, narrow.why, narrow.evidence) == (
        "gateway_errors", "5 consecutive gateway errors", "503, 503, 503, 503, 503",
    )  # fmt: skip
    assert wide.rule == "failures"


@given(st.integers(1, 4 * SHOWN))
def test_evidence_is_of_the_row_alone_and_bounded(length: int) -> None:
    """Of a long row the latest ends are shown, of a short one all, and none from before it."""
    record = Record(backend("a"))
    record.count_badly(Ending.FAILED, "before")
    record.count_well()
    for number in range(length):
        record.count_badly(Ending.FAILED, str(number))
    [verdict] = record.rows({"failures": length})
    shown = ", ".join(map(str, range(max(0, length - SHOWN), length)))
    assert verdict.evidence == ("... " if length > SHOWN else "") + shown


def test_only_a_clean_interval_takes_one_time_back() -> None:
    """An interval in which the backend was out for a while is not clean, and no count falls below zero."""
    record = Record(backend("a"))
    record.times = 2
    record.enter(Stage.OUT, 1.0)
    record.enter(Stage.IN, 2.0)
    times = []
    for _ in range(4):
        record.close_interval()
        times.append(record.times)
    assert times == [2, 1, 0, 0]
    assert record.ends == 0
    record.well, record.badly = 3, 1
    assert record.rate == 0.75


def test_whom_the_others_are_compared_to() -> None:
    """A backend serves as any other while it is usable and neither ejected nor on trial."""
    record = Record(backend("a"))
    assert record.serves
    record.enter(Stage.TRIAL, 0.0)
    assert not record.serves
    record.backend.become(ejected=True)
    assert record.would_serve
    for name, value in (("up", False), ("agent", "maint"), ("draining", True), ("own_weight", 0.0)):
        before = getattr(record.backend, name)
        record.backend.become(**{name: value})
        assert not record.would_serve
        record.backend.become(**{name: before})


def test_who_answers_while_it_is_tried_out() -> None:
    """A byte since the trial began, and since the last failure of it, says that the backend is there again."""
    record = Record(backend("a"))
    record.backend.timing.observe(0.1, 5.0)
    record.enter(Stage.TRIAL, 6.0)
    assert not record.answers
    record.backend.timing.observe(0.1, 7.0)
    assert record.answers
    record.failed_at = 7.0
    assert not record.answers
    record.enter(Stage.IN, 6.0)
    record.failed_at = 0.0
    assert not record.answers


def test_a_stage_ends_what_was_to_end_the_one_before() -> None:
    """Of the timers of a backend the one of its present stage alone is set."""
    time, rung = VirtualTime(), list[int]()
    record = Record(backend("a"))
    record.timer = time.later(1.0, lambda: rung.append(1))
    record.enter(Stage.TRIAL, 0.0)
    assert record.timer is None
    time.advance(2.0)
    assert rung == []
