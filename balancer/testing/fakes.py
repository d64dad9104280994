"""Backends and sessions that are nothing but their attributes; refuse to know what they stand for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs
from zope.interface import implementer

from balancer.core.messages import RequestHead
from balancer.core.proxy_protocol import NOTHING_TOLD, ProxyHeader
from balancer.core.sealing import Sealed, SealedBackend, SealedSession, put
from balancer.interfaces import IBackend, ISession, Kind


@attrs.frozen(eq=False)
class _Backend:
    name: str = "backend"
    address: str = "127.0.0.1:8080"
    weight: float = 1.0
    zone: str = ""
    tags: frozenset[str] = frozenset()
    tier: int = 0
    active: int = 0
    latency: float | None = None
    signals: Mapping[str, float] = attrs.field(factory=dict)
    state: str = "up"


@attrs.frozen(eq=False, kw_only=True)
class _Session:
    now: float = 0.0
    kind: Kind = Kind.TCP
    client: tuple[str, int] = ("192.0.2.1", 50000)
    server_name: str | None = None
    alpn: str | None = None
    tls: bool = False
    tls_version: str | None = None
    tls_expires: float | None = None
    cipher: str | None = None
    certificate: Any = None
    request: RequestHead | None = None
    peek: bytes = b""
    captures: Mapping[str, str] = attrs.field(factory=dict)
    proxy: ProxyHeader = NOTHING_TOLD
    attempt: int = 1
    tried: Collection[Any] = ()


class _Fake(Sealed):
    """Refuses to be changed by a plugin, as what it stands for does, and not by a test."""

    __slots__ = ()

    def become(self, **facts: Any) -> None:
        """Have these attributes from now on."""
        for name, value in facts.items():
            put(self, name, value)


@implementer(IBackend)
class FakeBackend(_Fake, SealedBackend, _Backend):
    """An `IBackend` to set as the test likes; two are equal only when they are the same."""

    __slots__ = ()


@implementer(ISession)
class FakeSession(_Fake, SealedSession, _Session):
    """An `ISession` to set as the test likes; by default the first attempt of a TCP connection."""

    __slots__ = ()
