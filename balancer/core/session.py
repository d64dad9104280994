"""One client's connection, datagram flow or request, as far as a decision may see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from zope.interface import implementer

from balancer.core.messages import RequestHead
from balancer.interfaces import ISession, Kind


@implementer(ISession)
@attrs.define(eq=False)
class Session:
    """What policies look at and the engine keeps up to date; see `ISession` for the members."""

    kind: Kind
    client: tuple[str, int]
    now: float
    request: RequestHead | None = None
    tls: bool = False
    server_name: str | None = None
    alpn: str | None = None
    peek: bytes = b""
    captures: Mapping[str, str] = attrs.Factory(dict)
    attempt: int = 1
    tried: list[Any] = attrs.Factory(list)
