"""Health checks: a connection can be made; all the others, which stand in modules beside, can be had here, too.

Each is one probe, read within bounds and closed at the end. When to probe, how long to wait and how many failures make
a backend unwell is the pool's business, and so are addresses and TLS.
"""

from __future__ import annotations

from typing import ClassVar, Final

import attrs
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Factory, Protocol
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.interfaces import ICheckTarget, IHealthCheck, IHealthCheckPlugin, Kind
from balancer.plugins.composite_checks import All, Any, Composite
from balancer.plugins.dns_check import DNSCheck
from balancer.plugins.http_checks import HTTPCheck
from balancer.plugins.postgres_check import PostgresCheck
from balancer.plugins.script_check import Script
from balancer.plugins.send_expect import Expect, Send, SendExpect
from balancer.plugins.service_checks import MQTTCheck, SMTPCheck
from balancer.plugins.store_checks import MySQLCheck, RedisCheck
from balancer.plugins.tls_check import TLSCheck

__all__ = [
    "All",
    "Any",
    "Composite",
    "DNSCheck",
    "Expect",
    "HTTPCheck",
    "MQTTCheck",
    "MySQLCheck",
    "PostgresCheck",
    "RedisCheck",
    "SMTPCheck",
    "Script",
    "Send",
    "SendExpect",
    "TCPCheck",
    "TLSCheck",
]

_STREAMS: Final = frozenset({Kind.TCP, Kind.HTTP})


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen
class TCPCheck:
    """Healthy when a connection can be made; nothing is said on it."""

    protocols: ClassVar[frozenset[Kind]] = _STREAMS

    async def check(self, target: ICheckTarget) -> None:
        silent = _Silent()
        await target.connect(Factory.forProtocol(lambda: silent))
        silent.transport.loseConnection()


class _Silent(Protocol):
    transport: ITransport
