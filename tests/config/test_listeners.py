"""What all listeners say, as values."""

from __future__ import annotations

import pytest

from balancer.config import Pool, TCPListener, UDPListener
from balancer.interfaces import Kind
from tests.config.conftest import Told

SITE = Pool("site", backends=["a:1"])
API = Pool("api", backends=["a:1"])


def test_layer_four() -> None:
    """A TCP or UDP listener has one pool and says where it binds."""
    tcp, udp = TCPListener("tcp:5432:interface=127.0.0.1", pool=SITE), UDPListener("udp:53", pool=API)
    assert (tcp.kind, tcp.place, tcp.pools) == (Kind.TCP, ("127.0.0.1", 5432), (SITE,))
    assert (udp.kind, udp.place, udp.pools) == (Kind.UDP, ("", 53), (API,))


def test_shared_ports() -> None:
    """A port is not shared with other processes unless that is asked for, which a listener of any kind may do."""
    assert not TCPListener("tcp:5432", pool=SITE).reuse_port
    assert TCPListener("tcp6:5432", pool=SITE, reuse_port=True).reuse_port
    assert UDPListener("udp:53", pool=API, reuse_port=True).reuse_port


@pytest.mark.parametrize("endpoint", ["unix:/a", "tcp:0", "systemd:domain=INET:index=0"])
def test_what_cannot_be_shared(told: Told, endpoint: str) -> None:
    """Asking to share what no other process can bind is a mistake."""
    (line,) = told(f"config = Config(TCPListener({endpoint!r}, pool=Pool('a', backends=['a:1']), reuse_port=True))")
    why = "would be ignored, for only a port of tcp: or udp: that is not 0 is shared; leave it out"
    assert line == f"TCPListener {endpoint!r}: reuse_port: {why}"


def test_mistakes_of_sharing(told: Told) -> None:
    """It is asked for by a word, of an endpoint that is one, and not within one config, where it would serve nobody."""
    config = "config = Config([TCPListener({}, pool=Pool('a', backends=['a:1']), reuse_port={})] * {})"
    assert told(config.format("'tcp:1'", 1, 1)) == [
        "TCPListener 'tcp:1': reuse_port: 1 is not a choice; give True or False"
    ]
    assert [line.partition(": ")[2][:8] for line in told(config.format("'80'", True, 1))] == ["endpoint"]
    assert told(config.format("'tcp:1'", True, 2)) == [
        "Config: listeners: 'tcp:1' is taken by 'tcp:1' already; bind each port once"
    ]
