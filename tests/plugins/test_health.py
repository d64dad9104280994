"""What all health checks have in common, and the one that is content with a connection."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.errors import CheckFailed
from balancer.interfaces import IHealthCheck, IHealthCheckPlugin, Kind
from balancer.plugins.health import HTTPCheck, TCPCheck
from tests.plugins.examined import Examination, FakeTarget

ALL = [TCPCheck(), HTTPCheck("/healthz")]


@pytest.mark.parametrize("check", ALL, ids=repr)
def test_provides_the_interface(check: Any) -> None:
    """Every check provides `IHealthCheck` for streams of either kind, and its class is listed as a plugin."""
    assert verifyObject(IHealthCheck, check)
    assert IPlugin.providedBy(type(check))
    assert IHealthCheckPlugin.providedBy(type(check))
    assert set(check.protocols) == {Kind.TCP, Kind.HTTP}


@pytest.mark.parametrize("check", ALL, ids=repr)
def test_passes_on_why_no_connection_was_made(check: Any) -> None:
    """A refused connection is the evidence."""
    assert (
        Examination(check, FakeTarget(answer=fail(CheckFailed("connection refused")))).evidence == "connection refused"
    )


@pytest.mark.parametrize("check", ALL, ids=repr)
def test_stops_connecting_when_cancelled(check: Any) -> None:
    """Cancelling a check that is connecting cancels the connection attempt and ends the check."""
    cancelled: list[Any] = []
    probe = Examination(check, FakeTarget(answer=Deferred(cancelled.append)))
    assert probe.outcome == []
    probe.running.cancel()
    assert len(cancelled) == 1
    assert probe.outcome[0].check(CancelledError)


def test_tcp_is_content_with_a_connection() -> None:
    """A TCP check passes once connected, says nothing and closes."""
    probe = Examination(TCPCheck())
    assert probe.outcome == [None]
    assert probe.target.transport.disconnecting
    assert probe.target.transport.value() == b""
    probe.says(b"220 welcome\r\n").ends()
    assert probe.outcome == [None]
