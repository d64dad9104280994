"""How a client's connection came, where there is more to say than its address: by a PROXY header, by TLS.

Told to each of its sessions, and to its requests where they are for another host than the TLS is (RFC 9110 15.5.20).
Refuses to know how either was read.
"""

from __future__ import annotations

from typing import Literal

from balancer.core.messages import RequestHead
from balancer.core.proxy_protocol import NOTHING_TOLD, ProxyHeader
from balancer.core.secured import Secured
from balancer.core.session import Session
from balancer.errors import Misdirected
from balancer.interfaces.hints import among

OtherHosts = frozenset[str] | None
"""Hosts that requests may be for whatever server name was asked for, `*.` in front for any one label; None is all."""


class Arrival:
    """What is known of one connection."""

    __slots__ = ("_agreed", "_header", "_secured", "scheme")

    scheme: Literal["http", "https"]
    """How the client speaks, here or with who sent the header."""

    def __init__(self, header: ProxyHeader, secured: Secured | None) -> None:
        self._header, self._secured = header, secured
        told = header.tls
        self.scheme = "https" if secured is not None or (told is not None and told.used) else "http"
        self._agreed = ""

    def tell(self, session: Session) -> None:
        """Tell a session of it."""
        session.arrive(self._header, self._secured)

    def misdirected(self, head: RequestHead, others: OtherHosts) -> Misdirected | None:
        """What is wrong with a request that is for a host neither that of the TLS nor one of the `others`.

        A client that asked for no server name has agreed on none, and one that says no host differs from none. Which
        host was right last is remembered, for it hardly ever changes.
        """
        secured = self._secured
        if head.authority == self._agreed or secured is None or secured.server_name is None or others is None:
            return None
        host = head.host
        if host in {"", secured.server_name} or among(host, others):
            self._agreed = head.authority
            return None
        return Misdirected("the host is not the one that its TLS connection was made for; see TLS(other_hosts=...)")


def arrival(header: ProxyHeader, secured: Secured | None) -> Arrival | None:
    """What is known of a connection; None where that is nothing."""
    return None if header is NOTHING_TOLD and secured is None else Arrival(header, secured)
