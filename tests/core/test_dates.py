"""The date of answers: as everybody else writes it, where it is wanted, and no work for most of them."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.dates import Dates, imf_date, undated
from balancer.core.messages import ResponseHead


@given(st.integers(0, 253402300799))
def test_the_form_is_that_of_rfc_9110(second: int) -> None:
    """Any second up to the year 9999 reads as the standard library writes it."""
    assert imf_date(second) == formatdate(second, usegmt=True)


def test_the_example_of_the_rfc() -> None:
    """The date that RFC 9110 5.6.7 shows."""
    assert imf_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_a_line_serves_a_second() -> None:
    """Within a second the same object is told; with the next it changes, forwards and back."""
    times = iter([0.0, 0.9, 1.0, 0.5])
    dates = Dates(lambda: next(times))
    first, second, third, fourth = (dates.now() for _ in range(4))
    assert first == b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    assert first is second
    assert third == first.replace(b":00 GMT", b":01 GMT")
    assert fourth == first


@pytest.mark.parametrize(
    ("status", "fields", "undated_yet"),
    [
        (200, (), True), (502, (("age", "1"),), True), (200, (("date", "x"),), False), (100, (), False),
        (103, (("link", "x"),), False), (101, (), False),
    ],
)  # fmt: skip
def test_final_answers_are_dated(status: int, fields: tuple[tuple[str, str], ...], undated_yet: bool) -> None:
    """All but those that are dated already, however often that is asked, and interim ones."""
    head = ResponseHead(status, fields=fields)
    assert [undated(head), undated(head)] == [undated_yet, undated_yet]
