"""How a connection came, as its sessions are told and its requests are judged by."""

from __future__ import annotations

import pytest

from balancer.core.arrival import Arrival, OtherHosts, arrival
from balancer.core.messages import RequestHead
from balancer.core.proxy_protocol import NOTHING_TOLD, ProxyHeader
from balancer.core.proxy_tlvs import ProxyTLS, alpn_tlv, authority_tlv, tls_tlv
from balancer.core.secured import Secured
from balancer.core.session import Session
from balancer.interfaces import Kind

SECURED = Secured("TLSv1.3", "TLS_AES_128_GCM_SHA256", "a.example", "http/1.1")
TOLD = ProxyHeader(2, tlvs=(authority_tlv("b.example"), alpn_tlv("h2"), tls_tlv(ProxyTLS(1, 0))))


def test_nothing_is_known_of_a_plain_connection() -> None:
    """Without a header and without TLS there is nothing to tell."""
    assert arrival(NOTHING_TOLD, None) is None


@pytest.mark.parametrize(
    ("header", "secured", "scheme", "name", "alpn"),
    [
        (NOTHING_TOLD, SECURED, "https", "a.example", "http/1.1"),
        (TOLD, SECURED, "https", "a.example", "http/1.1"),
        (TOLD, Secured("TLSv1.2", "X"), "https", None, None),
        (TOLD, None, "https", "b.example", "h2"),
        (ProxyHeader(2, tlvs=(tls_tlv(ProxyTLS(0, 0)),)), None, "http", None, None),
        (ProxyHeader(1), None, "http", None, None),
    ],
)
def test_what_a_session_is_told(
    header: ProxyHeader, secured: Secured | None, scheme: str, name: str | None, alpn: str | None
) -> None:
    """What was agreed on here counts before what a header says; either tells that the client speaks https."""
    arrived = arrival(header, secured)
    assert arrived is not None
    session = Session(Kind.HTTP, ("192.0.2.1", 1), 0.0)
    arrived.tell(session)
    assert arrived.scheme == scheme
    assert (session.server_name, session.alpn) == (name, alpn)
    assert session.proxy is header
    assert session.tls is (secured is not None)


@pytest.mark.parametrize(
    ("authority", "others", "right"),
    [
        ("a.example", frozenset(), True),
        ("A.Example.:8443", frozenset(), True),
        ("", frozenset(), True),
        ("b.example", frozenset(), False),
        ("xa.example", frozenset(), False),
        ("b.example:443", frozenset({"b.example"}), True),
        ("x.b.example", frozenset({"*.b.example"}), True),
        ("x.y.b.example", frozenset({"*.b.example"}), False),
        ("[::1]", frozenset(), False),
        ("b.example", None, True),
    ],
)
def test_a_request_is_for_the_host_of_its_connection(authority: str, others: OtherHosts, right: bool) -> None:
    """The host is the server name asked for, whatever its case, port and dot, or one of the others allowed."""
    arrived = Arrival(NOTHING_TOLD, SECURED)
    for _ in "again":
        found = arrived.misdirected(RequestHead("GET", "/", authority), others)
        assert (found is None) is right
    assert found is None or (found.status, found.reason) == (421, "misdirected")


def test_one_that_was_right_makes_no_other_right() -> None:
    """What is remembered of one request lets no other pass, nor does one that was refused stay so."""
    arrived = Arrival(NOTHING_TOLD, SECURED)
    wrong = [
        arrived.misdirected(RequestHead("GET", "/", host), frozenset()) is not None
        for host in ("a.example", "b.example", "a.example", "b.example", "b.example", "a.example")
    ]
    assert wrong == [False, True, False, True, True, False]


@pytest.mark.parametrize("secured", [None, Secured("TLSv1.3", "X")])
def test_a_client_that_asked_for_no_name_may_ask_for_any_host(secured: Secured | None) -> None:
    """Without TLS here, or a server name, there is nothing to compare a host with."""
    assert Arrival(TOLD, secured).misdirected(RequestHead("GET", "/", "c.example"), frozenset()) is None
