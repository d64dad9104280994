"""What stands behind each kind of listener."""

from __future__ import annotations

from balancer.config import HTTPListener, Pool, UDPListener
from balancer.net.listeners import FlowListener, StreamListener
from tests.assembly.parts import assembled, relay


def test_each_kind_has_its_listener() -> None:
    """TCP and HTTP are streams, UDP has flows."""
    site, names = Pool("site", backends=["127.0.0.1:80"]), Pool("dns", backends=["127.0.0.1:53"])
    listeners = [relay(), HTTPListener("tcp:80", pool=site), UDPListener("udp:53", pool=names)]
    kinds = [type(listener) for _, listener in assembled(*listeners).listeners]
    assert kinds == [StreamListener, StreamListener, FlowListener]
