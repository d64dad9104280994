"""Rows of text in columns."""

from __future__ import annotations

from balancer.tables import table


def test_columns() -> None:
    """Each column is as wide as its widest cell, its head included, and no line ends in blanks."""
    assert list(table(("A", "LONG", "C"), [("one", "b", ""), ("2", "", "c")])) == [
        "A    LONG  C",
        "one  b",
        "2          c",
    ]


def test_no_head() -> None:
    """Rows may stand alone, and there may be none."""
    assert list(table((), [("a", "b")])) == ["a  b"]
    assert list(table((), [])) == []
