"""What stands behind a listener of TCP."""

from __future__ import annotations

from typing import Any

from balancer.config import Pool, Route, TCPListener
from balancer.net.peeking import JunctionFactory
from balancer.net.streams import RelayFactory
from balancer.plugins.first_bytes import SSH
from tests.assembly.parts import assembled, relay

SITE = Pool("site", backends=["127.0.0.1:80"])


def factory_of(listener: TCPListener) -> Any:
    """What makes the protocols of its connections."""
    ((_, made),) = assembled(listener).listeners
    return made.factory  # type: ignore[attr-defined]  # a stream listener has one


def test_a_choice_is_made_only_where_there_is_one() -> None:
    """A listener with one route that takes everything relays at once, any other decides first."""
    assert type(factory_of(relay())) is RelayFactory
    junction = factory_of(TCPListener("tcp:1", routes=[Route(SSH(), SITE), Route(pool=SITE)], peek_timeout=2)).junction
    assert (len(junction.routes), junction.timeout) == (2, 2)
    assert type(factory_of(TCPListener("tcp:1", routes=Route(SSH(), SITE)))) is JunctionFactory


def test_backends_are_told_of_clients_as_the_listener_says() -> None:
    """Without `send_proxy` nothing is told; with it, in that version."""
    told = factory_of(TCPListener("tcp:1", pool=SITE, send_proxy="v2")).listening.send_proxy
    assert (factory_of(relay()).listening.send_proxy, told.version) == (None, "v2")
