"""The arithmetic and the look of the table of measurements."""

from __future__ import annotations

from benchmarks.processes import Usage
from benchmarks.results import HEADINGS, WORKLOADS, Figures, Sample, figures, rows, table

H1 = WORKLOADS["h1"]


def sample(number: int, peer: str, microseconds: int) -> Sample:
    """A turn of one second in which 1000 units cost so much each, a quarter of it in user mode."""
    return Sample(number, peer, Usage(microseconds * 1_000_000, 25, 75), 1000, 1.0)


def test_ratios_are_taken_within_a_round() -> None:
    """A machine that becomes three times slower between rounds does not change a ratio."""
    samples = [sample(n, peer, cost * (1 + 2 * n)) for n in range(3) for peer, cost in (("ours", 20), ("haproxy", 10))]
    ours, haproxy = figures(samples, H1)
    assert (ours.ratio, haproxy.ratio) == (2.0, 1.0)
    assert (ours.cost, haproxy.cost) == (60.0, 30.0)


def test_one_odd_round_counts_for_nothing() -> None:
    """The median of the rounds is what the table says."""
    samples = [sample(n, "ours", cost) for n, cost in enumerate((20, 900, 22))]
    assert [(found.cost, found.ratio) for found in figures(samples, H1)] == [(22.0, None)]


def test_shares_are_of_all_rounds() -> None:
    """How the time divides, and how much of the core was used, is told over all rounds together."""
    found = figures([sample(0, "ours", 100), sample(1, "ours", 300)], H1)[0]
    assert (found.system, found.busy) == (0.75, 0.2)


def test_ratio_is_of_the_rounds_that_the_reference_took_part_in() -> None:
    """A reference that fails after the first round leaves the ratio of that round."""
    samples = [sample(0, "ours", 30), sample(0, "haproxy", 10), sample(1, "ours", 90)]
    assert [found.ratio for found in figures(samples, H1)] == [3.0, 1.0]


def test_rows_show_cost_shares_and_ratio() -> None:
    """A row names its unit and its reference, and an absent ratio is blank."""
    found = [Figures("ours", 19.96, 0.7, 0.5, 1.234), Figures("nginx", 9.0, 0.9, 0.4, None)]
    assert rows(found, H1) == [
        ("h1", "ours", "20.0 us", "30%", "70%", "50%", "1.23 x haproxy"),
        ("h1", "nginx", "9.0 us", "10%", "90%", "40%", ""),
    ]


def test_bulk_is_shown_in_nanoseconds_for_a_kib() -> None:
    """A cost of a quarter of a nanosecond for a byte is 256 ns for a KiB."""
    bulk = Sample(0, "ours", Usage(1_000_000_000, 1, 1), 4_000_000_000, 1.0)
    assert figures([bulk], WORKLOADS["l4-bulk"])[0].cost == 256.0


def test_table_is_aligned() -> None:
    """All lines are equally long, and figures stand to the right beneath their heading."""
    lines = table(HEADINGS, [("h1", "ours", "20.0 us", "30%", "70%", "50%", "")]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2].startswith("| h1       | ours | 20.0 us |  30% |")
