"""Whose word is taken: addresses and networks, and whether an address is among them; refuses to know what for."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network


class Sources:
    """Addresses and CIDR networks.

    An IPv4 address counts as itself when a socket shows it mapped into IPv6 (RFC 4291 2.5.5.2); zones count for
    nothing. Raises `ValueError` for text that is neither address nor network, or a network with host bits set.
    """

    def __init__(self, listed: Iterable[str]) -> None:
        self._networks = [ip_network(text) for text in listed]

    def __contains__(self, host: str) -> bool:
        """Whether the host, an IP address or empty for a unix socket, is among them."""
        if not host:
            return False
        address = _plain(ip_address(host.partition("%")[0]))
        return any(address in network for network in self._networks)


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
