"""What a backend is told first."""

from __future__ import annotations

import pytest

from balancer.core.proxy_greeting import ProxyVersion, greeting, own_greeting
from balancer.core.proxy_protocol import ProxyHeader, ProxyReader

CLIENT, CALLED = ("192.0.2.7", 4711), ("10.0.0.1", 443)
NUMBERS: list[tuple[ProxyVersion, int]] = [("v1", 1), ("v2", 2)]


@pytest.mark.parametrize(("version", "number"), NUMBERS)
def test_a_client(version: ProxyVersion, number: int) -> None:
    """A header of the version asked for tells where the client is and where it connected to."""
    header = ProxyHeader(number, source=CLIENT, destination=CALLED, transport="tcp")
    assert ProxyReader().receive(greeting(version, CLIENT, CALLED)) == (header, b"")


@pytest.mark.parametrize(("version", "number"), NUMBERS)
def test_a_client_without_an_address(version: ProxyVersion, number: int) -> None:
    """Of a client over a unix socket, and of one that called nobody knows whom, the header tells nothing."""
    assert ProxyReader().receive(greeting(version, ("", 0), CALLED)) == (ProxyHeader(number), b"")
    assert ProxyReader().receive(greeting(version, CLIENT, None)) == (ProxyHeader(number), b"")


def test_ourselves() -> None:
    """A health check is of no client: LOCAL in version 2, UNKNOWN in version 1."""
    assert own_greeting("v1") == b"PROXY UNKNOWN\r\n"
    assert ProxyReader().receive(own_greeting("v2")) == (ProxyHeader(2, local=True), b"")
