"""Which addresses are among those listed, who is behind one, and how many each may have."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.sources import Shares, Sources, source

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


def network(address: IPv4Address | IPv6Address, length: int) -> str:
    """The network of that length, or of the longest there is, in which an address lies."""
    return str(ip_network((address, min(length, address.max_prefixlen)), strict=False))


nearby = st.ip_addresses(v=4, network="192.0.2.0/24") | st.ip_addresses(v=6, network="2001:db8::/112")
networks = st.builds(network, nearby | st.ip_addresses(), st.integers(0, 128))


@given(st.lists(networks, max_size=6), nearby | st.ip_addresses())
def test_as_networks_have_it(listed: list[str], address: IPv4Address | IPv6Address) -> None:
    """An address is among those listed just when one of the networks has it, whatever their lengths."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    assert (str(address) in Sources(listed)) is any((mapped or address) in ip_network(text) for text in listed)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "localhost", "", "10.0.0.0/33"])
def test_no_network(text: str) -> None:
    """What is neither an address nor a network is refused."""
    with pytest.raises(ValueError, match=r"host bits|does not appear"):
        Sources([text])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8::1", "2001:db8:0:0:ffff::1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
    ],
)
def test_who_is_behind_an_address(one: str, other: str, same: bool) -> None:
    """IPv4 addresses are sources of their own, mapped or not, and IPv6 addresses are one within a /64."""
    assert (source(one) == source(other)) is same


@given(st.ip_addresses(v=6), st.integers(0, 127))
def test_the_network_alone_tells_who_it_is(address: IPv6Address, bit: int) -> None:
    """Another address is the same source just when it differs in the last 64 bits, but for mapped ones."""
    other = IPv6Address(int(address) ^ (1 << bit))
    if address.ipv4_mapped is None and other.ipv4_mapped is None:
        assert (source(str(address)) == source(str(other))) is (bit < 64)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))
def test_shares(steps: list[tuple[str, bool]]) -> None:
    """A source is full just while it has as many as it may, and one that has none is forgotten."""
    shares, alive = Shares(2), {"a": 0, "b": 0, "c": 0}
    for who, comes in steps:
        if comes and not shares.full(who):
            shares.take(who)
            alive[who] += 1
        elif not comes and alive[who]:
            shares.give_back(who)
            alive[who] -= 1
        assert {one: shares.full(one) for one in alive} == {one: alive[one] == 2 for one in alive}
        assert len(shares) == sum(map(bool, alive.values()))
