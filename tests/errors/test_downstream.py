"""What errors of clients keep."""

from __future__ import annotations

from balancer.errors import RequestRefused


def test_request_refused_says_its_status() -> None:
    """A refused request carries the status of its own fault, 400 unless told."""
    assert RequestRefused("too long", 414).status == 414
    assert RequestRefused("odd").status == 400
    assert str(RequestRefused("odd")) == "odd"
