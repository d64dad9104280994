"""One client's connection, datagram flow or request, as far as a decision may see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from zope.interface import implementer

from balancer.core.messages import RequestHead
from balancer.core.proxy_protocol import NOTHING_TOLD, ProxyHeader
from balancer.interfaces import ISession, Kind


@implementer(ISession)
@attrs.define(eq=False)
class Session:
    """What policies look at and the engine keeps up to date; see `ISession` for the members.

    What the client said may be secret, so its `repr` does not tell.
    """

    kind: Kind
    client: tuple[str, int]
    now: float
    request: RequestHead | None = attrs.field(default=None, repr=False)
    tls: bool = False
    server_name: str | None = None
    alpn: str | None = None
    peek: bytes = attrs.field(default=b"", repr=False)
    captures: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    proxy: ProxyHeader = attrs.field(default=NOTHING_TOLD, repr=False)
    attempt: int = 1
    tried: list[Any] = attrs.Factory(list)
