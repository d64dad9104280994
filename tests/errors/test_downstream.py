"""What errors of clients keep."""

from __future__ import annotations

from balancer.errors import Misdirected, RequestRefused, TLSToPlainPort


def test_request_refused_says_its_status() -> None:
    """A refused request carries the status of its own fault, 400 unless told."""
    assert RequestRefused("too long", 414).status == 414
    assert RequestRefused("odd").status == 400
    assert str(RequestRefused("odd")) == "odd"


def test_what_a_client_of_tls_can_do_wrong() -> None:
    """A misdirected request leaves its connection as it is; TLS in the wrong place is a request refused for good."""
    assert (Misdirected.status, Misdirected.closes) == (421, False)
    assert (TLSToPlainPort("tls").status, TLSToPlainPort.closes) == (400, True)
