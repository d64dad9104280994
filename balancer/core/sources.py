"""Who connects: whether an address is among those listed, who is behind it, how much each has; knows not of what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

NETWORK = 8
"""Bytes of an IPv6 address that name a network, the smallest that one party is given (RFC 4291 2.5.4: a /64)."""

Source = str | bytes
"""Who is behind an address: see `source`."""


def source(host: str) -> Source:
    """Who is behind an address: an IPv4 address itself, mapped into IPv6 or not; of an IPv6 address its /64."""
    if ":" not in host:
        return host
    address = IPv6Address(host.partition("%")[0])
    mapped = address.ipv4_mapped
    return address.packed[:NETWORK] if mapped is None else str(mapped)


class Shares:
    """How many each source has, `most` at the most; nothing is kept of one that has none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[Source] = Counter()

    def __len__(self) -> int:
        """How many sources have any."""
        return len(self._taken)

    def full(self, source: Source) -> bool:
        """Whether that source has as many as it may."""
        return self._taken[source] >= self._most

    def take(self, source: Source) -> None:
        """One more."""
        self._taken[source] += 1

    def give_back(self, source: Source) -> None:
        """One less."""
        self._taken[source] -= 1
        if not self._taken[source]:
            del self._taken[source]


class Sources:
    """Addresses and CIDR networks: a look-up takes a step for each length of prefix among them, however many they are.

    An IPv4 address counts as itself when a socket shows it mapped into IPv6 (RFC 4291 2.5.5.2); zones count for
    nothing. Raises `ValueError` for text that is neither address nor network, or a network with host bits set.
    """

    def __init__(self, listed: Iterable[str]) -> None:
        self._prefixes: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        for network in map(ip_network, listed):
            below = network.max_prefixlen - network.prefixlen
            self._prefixes[network.version].setdefault(below, set()).add(int(network.network_address) >> below)

    def __contains__(self, host: str) -> bool:
        """Whether the host, an IP address or empty for a unix socket, is among them."""
        if not host:
            return False
        address = _plain(ip_address(host.partition("%")[0]))
        number = int(address)
        return any(number >> below in prefixes for below, prefixes in self._prefixes[address.version].items())


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
