"""Which addresses are among those listed."""

from __future__ import annotations

import pytest

from balancer.core.sources import Sources

LISTED = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "fe80::1"]


@pytest.mark.parametrize(
    "host", ["10.255.0.1", "192.0.2.7", "2001:db8::9", "fe80::1%eth0", "::ffff:10.0.0.1", "::ffff:192.0.2.7"]
)
def test_listed(host: str) -> None:
    """An address counts by itself, by its network, without its zone, and as the IPv4 address that is mapped into it."""
    assert host in Sources(LISTED)


@pytest.mark.parametrize("host", ["11.0.0.1", "192.0.2.8", "2001:db9::", "::a00:1", "::ffff:11.0.0.1", ""])
def test_not_listed(host: str) -> None:
    """Any other address is not among them, and no unix socket is."""
    assert host not in Sources(LISTED)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "localhost", "", "10.0.0.0/33"])
def test_no_network(text: str) -> None:
    """What is neither an address nor a network is refused."""
    with pytest.raises(ValueError, match=r"host bits|does not appear"):
        Sources([text])
