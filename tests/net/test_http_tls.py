"""HTTP and TLS where they meet: the wrong one at a port."""

from __future__ import annotations

from balancer.config import HTTPListener, Route
from balancer.plugins.filters import Redirect
from tests.net.hellos import NAMED
from tests.net.house import FRONT, House, lines, listening, request


def test_tls_on_a_port_of_http(house: House) -> None:
    """A client that speaks TLS to a port of HTTP is cut, and the operator is told of that and of a remedy."""
    house.site(9001)
    with listening() as told:
        for _ in range(3):
            client = house.client(NAMED)
            assert (client.hear(), client.ending) == (b"", "ConnectionLost")
    ((_, listener),) = house.assembly.listeners
    assert listener.counters()["refused"] == {"400 tls-to-plain-port": 3}
    first, second = lines(told)
    assert "400 tls-to-plain-port: it speaks TLS, and this port does not; use http://" in first
    assert second.endswith("2 so far")


def test_a_redirect_needs_no_pool(house: House) -> None:
    """One line sends all clients to https; to those who are believed to have come so there is nothing to say."""
    house.open(
        HTTPListener(f"tcp:{FRONT}", routes=Route(filters=Redirect(scheme="https")), trusted_proxies="127.0.0.1")
    )
    client = house.client(request("GET /a?b=c") + request("GET /a", "x-forwarded-proto: https"))
    heard = client.hear()
    assert heard.startswith(b"HTTP/1.1 308 ")
    assert b"\r\nlocation: https://site/a?b=c\r\n" in heard
    assert heard.count(b"HTTP/1.1 404 ") == 1
    assert b"404 Not Found: no-route" in heard
    client.close()
