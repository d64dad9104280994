"""What policies see of a session."""

from __future__ import annotations

from copy import copy
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from balancer.core.messages import RequestHead
from balancer.core.proxy_protocol import ProxyHeader
from balancer.core.secured import ClientCertificate, Secured
from balancer.core.session import Session
from balancer.interfaces import ICertificate, ISession, Kind


def test_a_session_is_what_policies_were_promised() -> None:
    """A session has every member of the interface, and begins at its first attempt with nothing tried."""
    session = Session(Kind.TCP, ("192.0.2.1", 1), 5.0)
    assert verifyObject(ISession, session)
    assert (session.attempt, session.tried, session.request, session.captures) == (1, (), None, {})
    assert (session.proxy.tlvs, session.proxy.tls) == ((), None)


def test_tls_is_told_by_the_session() -> None:
    """A session over TLS tells its version, its cipher and of both certificates; any other that there is none."""
    session = Session(Kind.TCP, ("192.0.2.1", 1), 5.0)
    assert (session.tls, session.tls_version, session.cipher, session.certificate) == (False, None, None, None)
    assert Session(Kind.TCP, ("192.0.2.1", 1), 5.0).tls_expires is None
    certificate = ClientCertificate("CN=a", "CN=b", "1", (), "00", 0.0, 1.0, verified=True)
    session.become(secured=Secured("TLSv1.3", "TLS_AES_128_GCM_SHA256", certificate=certificate, expires=5.0))
    assert (session.tls, session.tls_version, session.cipher) == (True, "TLSv1.3", "TLS_AES_128_GCM_SHA256")
    assert (session.certificate, session.tls_expires) == (certificate, 5.0)
    assert verifyObject(ISession, session)
    assert verifyObject(ICertificate, certificate)


@pytest.mark.parametrize("secured", [None, Secured("TLSv1.3", "X", server_name="b.example", alpn="h2")])
def test_how_a_connection_came(secured: Secured | None) -> None:
    """A session knows its PROXY header and its TLS; what was agreed with the client here counts before the header."""
    session, header = Session(Kind.TCP, ("192.0.2.1", 1), 5.0), ProxyHeader(2, tlvs=((2, b"a.example"),))
    session.arrive(header, secured)
    assert (session.proxy, session.secured) == (header, secured)
    assert (session.server_name, session.alpn) == (("b.example", "h2") if secured else ("a.example", header.alpn))


def test_the_time_and_the_captures() -> None:
    """A session is told the time of a decision, and what a matcher captured, of which it has a copy."""
    session, found = Session(Kind.TCP, ("192.0.2.1", 1), 5.0), {"a": "b"}
    session.at(6.0)
    session.capture(found)
    found.clear()
    assert (session.now, session.captures) == (6.0, {"a": "b"})


def test_another_attempt() -> None:
    """Attempts are counted, and why each but the first was made is kept, in order; but for one that was not made."""
    session = Session(Kind.HTTP, ("192.0.2.1", 1), 5.0)
    session.again("connect-failed")
    session.again("upstream-gone")
    assert (session.attempt, session.retries) == (3, ("connect-failed", "upstream-gone"))
    session.not_again()
    assert (session.attempt, session.retries) == (2, ("connect-failed",))


def test_sessions_share_nothing() -> None:
    """What one session tried is not another's, nor can what it captured be, and equal looks do not make two one."""
    one, two = (Session(Kind.UDP, ("192.0.2.1", 1), 5.0) for _ in range(2))
    one.become(tried=("backend",))
    twin: Any = copy(one)
    twin.tried_on("another")
    assert (twin.tried, one.tried, two.tried) == (("backend", "another"), ("backend",), ())
    with pytest.raises(TypeError):
        one.captures["name"] = "value"  # type: ignore[index]  # that it cannot be done is the point
    assert one != two
    assert len({one, two}) == 2


def test_what_a_client_said_is_not_shown() -> None:
    """The `repr` of a session, which may be logged, holds nothing of the request, the first bytes or the captures."""
    request = RequestHead("GET", "/SECRET", fields=(("cookie", "SECRET"),))
    told = ProxyHeader(2, tlvs=((0xE0, b"SECRET"),))
    secrets: dict[str, Any] = {"peek": b"SECRET", "captures": {"token": "SECRET"}, "proxy": told}
    session = Session(Kind.HTTP, ("192.0.2.1", 1), 5.0, request=request, **secrets)
    assert "192.0.2.1" in repr(session)
    assert "SECRET" not in repr(session)
    assert "request" not in repr(session)
