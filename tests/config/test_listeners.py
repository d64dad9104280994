"""What all listeners say, as values."""

from __future__ import annotations

from balancer.config import Pool, TCPListener, UDPListener
from balancer.interfaces import Kind

SITE = Pool("site", backends=["a:1"])
API = Pool("api", backends=["a:1"])


def test_layer_four() -> None:
    """A TCP or UDP listener has one pool and says where it binds."""
    tcp, udp = TCPListener("tcp:5432:interface=127.0.0.1", pool=SITE), UDPListener("udp:53", pool=API)
    assert (tcp.kind, tcp.place, tcp.pools) == (Kind.TCP, ("127.0.0.1", 5432), (SITE,))
    assert (udp.kind, udp.place, udp.pools) == (Kind.UDP, ("", 53), (API,))
