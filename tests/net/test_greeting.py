"""What opens the connections of a health check."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.protocol import Factory
from twisted.internet.testing import StringTransport

from balancer.config import Health, Pool, TCPListener
from balancer.core.proxy_protocol import encode_v2
from balancer.net.greeting import Greeter, Greeting
from balancer.plugins.health import HTTPCheck
from tests.net.house import FRONT, House
from tests.net.wires import Wire

OPENINGS = {"v1": b"PROXY UNKNOWN\r\n", "v2": encode_v2(None, None, local=True), None: b""}


@pytest.mark.parametrize("version", OPENINGS)
def test_checks_speak_for_themselves(house: House, version: Any) -> None:
    """Where backends expect a PROXY header, a check opens with one that tells of no client, then says its own."""
    far = house.far()
    pool = Pool("pool", backends=["127.0.0.1:9001"], health=Health(HTTPCheck(), every=1, jitter=0))
    house.open(TCPListener(f"tcp:{FRONT}", pool=pool, send_proxy=version))
    assert far.last.hear().startswith(OPENINGS[version] + b"GET / HTTP/1.1\r\n")
    far.last.say(b"HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n")
    assert [backend.state for backend in house.backends] == ["down"]
    assert far.last.finished


def test_the_check_has_the_connection_to_itself() -> None:
    """Once it is greeted, all that happens to a connection is told to the check's own protocol."""
    wire, transport = Wire(), StringTransport()
    made = Greeter(Factory.forProtocol(lambda: wire), b"hi").buildProtocol(None)
    assert isinstance(made, Greeting)
    made.makeConnection(transport)
    assert transport.value() == b"hi"
    assert transport.protocol is wire  # type: ignore[attr-defined]  # every transport of a reactor has it


def test_a_factory_that_wants_no_connection() -> None:
    """A check's factory may decline, as ever."""
    declining: Any = Factory()
    declining.buildProtocol = lambda _address: None
    assert Greeter(declining, b"hi").buildProtocol(None) is None
