"""What stands before the protocols of a listener of connections."""

from __future__ import annotations

from typing import Any

from balancer.config import Pool, TCPListener
from balancer.net.gates import GateFactory
from balancer.net.limits import LimitedFactory, LimitedSessions
from balancer.net.sessions import Sessions
from balancer.net.streams import RelayFactory
from tests.assembly.parts import assembled

SITE = Pool("site", backends=["127.0.0.1:80"])


def made(**settings: Any) -> Any:
    """The listener of these settings."""
    ((_, listener),) = assembled(TCPListener("tcp:1", pool=SITE, **settings)).listeners
    return listener


def test_what_is_not_asked_for_is_not_there() -> None:
    """Without limits and PROXY headers nothing stands before the relay."""
    plain = made()
    assert (type(plain.factory), type(plain.sessions)) == (RelayFactory, Sessions)


def test_the_gate_is_before_the_limits() -> None:
    """A header is read first, so that limits can judge whom it tells of."""
    both = made(accept_proxy="10.0.0.0/8", max_connections=5, proxy="optional")
    assert (type(both.factory), type(both.factory.inner)) == (GateFactory, LimitedFactory)
    assert (both.factory.gate.required, both.factory.gate.limits) == (False, both.sessions)
    assert type(both.sessions) is LimitedSessions
