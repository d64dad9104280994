"""Clients whose certificate is required: let in, or turned away with what is wrong told plainly."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.logger import LogEvent

from balancer.config import TLS, Pool, TCPListener
from tests.net.authority import EXPIRED, NOT_YET, Authority, Leaf
from tests.net.house import FRONT, House, lines
from tests.net.tls.calling import Caller, visitor

STAFF = Authority("Staff")
MEMBER, LEFT = STAFF.leaf("jo"), STAFF.leaf("jo")


@pytest.fixture
def required(house: House, tmp_path: Path) -> House:
    """A balancer that relays for members of the staff alone."""
    (tmp_path / "crl").write_bytes(STAFF.crl(LEFT))
    tls = TLS(
        Authority("Root").leaf("a.example").store(tmp_path),
        clients="required",
        client_ca=STAFF.store(tmp_path),
        client_crl=str(tmp_path / "crl"),
        alpn="http/1.1",
    )
    house.far()
    house.open(TCPListener(f"tcp:{FRONT}", pool=Pool("site", backends=["127.0.0.1:9001"]), tls=tls))
    return house


def test_who_is_accepted(required: House) -> None:
    """A client with a certificate that is accepted is served."""
    client = visitor(required, MEMBER)
    assert client.talker.ending == ""


@pytest.mark.parametrize(
    ("identity", "reason", "line"),
    [
        (None, "tls-handshake", "its TLS handshake failed: peer did not return a certificate"),
        (LEFT, "tls-certificate", "its certificate is not accepted: it is revoked"),
        (STAFF.leaf("jo", valid=EXPIRED), "tls-certificate", "its certificate is not accepted: it has expired"),
        (STAFF.leaf("jo", valid=NOT_YET), "tls-certificate", "its certificate is not accepted: it is not valid yet"),
        (Authority("X").leaf("jo"), "tls-certificate", "its certificate is not accepted: its issuer is not known"),
        (
            STAFF.leaf("jo", signed_by_itself=True),
            "tls-certificate",
            "its certificate is not accepted: it is signed by itself, and not trusted",
        ),
    ],
)
def test_who_is_not(required: House, told: list[LogEvent], identity: Leaf | None, reason: str, line: str) -> None:
    """What is wrong with a certificate ends the handshake, is told in words, and is counted."""
    client = visitor(required, identity)
    assert client.talker.ending != ""
    assert required.counted["refused"] == {reason: 1}
    assert any(line in one for one in lines(told))


def test_no_protocol_in_common(required: House, told: list[LogEvent]) -> None:
    """A client that speaks none of our protocols is refused, and what would have done is in the log."""
    client = Caller(required, "a.example", alpn=(b"h2",), identity=MEMBER)
    assert "no application protocol" in client.talker.ending
    assert any("its TLS handshake failed: the client offers none of http/1.1" in line for line in lines(told))
