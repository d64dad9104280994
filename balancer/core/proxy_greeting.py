"""The PROXY header to open an upstream connection with; refuses to know who asked for it.

Sections are those of the specification (haproxy.org, proxy-protocol.txt).
"""

from __future__ import annotations

from typing import Literal

from balancer.core.proxy_protocol import Address, encode_v1, encode_v2

ProxyVersion = Literal["v1", "v2"]


def greeting(version: ProxyVersion, client: Address, called: Address | None) -> bytes:
    """The header for a client that connected to `called`; without one of the addresses, it says that they are unknown.

    A client over a unix socket has an empty host. Raises `ValueError` for what `encode_v1` does.
    """
    encode = encode_v1 if version == "v1" else encode_v2
    return encode(client if client[0] else None, called)


def own_greeting(version: ProxyVersion) -> bytes:
    """The header for what we say for ourselves: LOCAL (2.2), or in version 1 UNKNOWN (2.1)."""
    return encode_v1(None, None) if version == "v1" else encode_v2(None, None, local=True)
