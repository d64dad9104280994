"""Names of backends to addresses, by asking DNS servers (RFC 1035), for as long as their answers say.

Knows neither the system's files nor its search domains: a name is asked for as it is, of servers that follow its
aliases for us (RFC 1034 5.3.1). They are asked in order, over UDP, and over TCP for an answer that was cut (RFC 7766).
An answer counts only if it comes from where the question went, with its number and its words; all else is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from math import inf
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.protocol import Factory, connectionDone
from twisted.names import dns
from twisted.protocols.basic import Int16StringReceiver
from twisted.python.failure import Failure

from balancer.net.datagram_socket import FlowSocket
from balancer.net.resolving import PATIENCE, Found

ROUNDS: Final = (1.0, 3.0)
"""Seconds that each server has for an answer, in the first round and in the second."""

AT_ONCE: Final = 16
"""Names that are looked up at once; each takes two descriptors, which have to fit into those reserved."""

CHAIN: Final = 8
"""Aliases of an answer that are followed, one to the next (RFC 1034 3.6.2)."""

SILENT: Final = (ConnectError, ConnectionClosed, OSError, TimedOut)
"""What happens when a server does not answer."""


class _Question:
    """One question on its way to one server; `answer` fires with the message that answers it."""

    def __init__(self, name: bytes, kind: int) -> None:
        self._query = dns.Query(name, kind)
        self._number = dns.randomSource()
        self.answer: Deferred[dns.Message] = Deferred()

    def encoded(self) -> bytes:
        """The message that asks it, and asks to follow aliases for us."""
        message = dns.Message(self._number, recDes=1)
        message.queries = [self._query]
        return message.toStr()

    def replied(self, data: bytes) -> None:
        """Bytes from the server."""
        message = dns.Message()
        try:
            message.fromStr(data)
        except Exception:  # noqa: BLE001  what a stranger sent, in a decoder that is not ours
            return
        if message.answer and message.id == self._number and message.queries == [self._query]:
            self._end(message)

    def refused(self) -> None:
        """The system says that nobody is there."""
        self.fail(ConnectError())

    def fail(self, error: Exception) -> None:
        """There will be no answer."""
        self._end(Failure(error))

    def _end(self, result: dns.Message | Failure) -> None:
        if not self.answer.called:
            self.answer.callback(result)


class _Stream(Int16StringReceiver):
    """Asks over TCP."""

    transport: Any

    def __init__(self, question: _Question) -> None:
        self._question = question

    def connectionMade(self) -> None:
        """The socket is connected."""
        encoded = self._question.encoded()
        self.transport.write(len(encoded).to_bytes(2, "big") + encoded)

    def stringReceived(self, string: bytes) -> None:
        """An answer, or something else."""
        self._question.replied(string)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The server will not answer any more."""
        self._question.fail(ConnectionClosed())


class NameServers:
    """`net.resolving.Names` as these servers know them, each given by address and port."""

    def __init__(self, reactor: Any, servers: Iterable[tuple[str, int]]) -> None:
        self._reactor, self._servers = reactor, tuple(servers)
        self._turns = DeferredSemaphore(AT_ONCE)

    async def look_up(self, host: str) -> Found:
        """See `Names`; IPv6 comes first, and what one family has is enough if the other cannot be had."""
        async with self._turns:
            return await self._look_up(host)

    async def _look_up(self, host: str) -> Found:
        name = host.removesuffix(".").encode()
        asking = [
            Deferred.fromCoroutine(self._ask(name, kind)).addTimeout(PATIENCE, self._reactor)
            for kind in (dns.AAAA, dns.A)
        ]
        answers: list[Any] = await DeferredList(asking, consumeErrors=True)
        found = [part for fine, part in answers if fine and part.hosts]
        if found:
            return Found(sum((part.hosts for part in found), ()), min(part.ttl for part in found))
        for failure in (result for fine, result in answers if not fine):
            if failure.check(TimedOut):
                raise LookupError(f"unknown host {host!r}: no answer within {PATIENCE:g} s")
            failure.raiseException()
        raise LookupError(f"unknown host {host!r}")

    async def _ask(self, name: bytes, kind: int) -> Found:
        """What the first server says that knows whether there is such a name. Raises `LookupError` if none does."""
        for patience in ROUNDS:
            for server in self._servers:
                message = await self._ask_server(server, name, kind, patience)
                if message is not None and message.rCode in {dns.OK, dns.ENAME}:
                    return _read(message.answers, name, kind)
        servers = ", ".join(host for host, _ in self._servers)
        raise LookupError(f"unknown host {name.decode('latin-1')!r}: no answer from {servers}")

    async def _ask_server(self, server: tuple[str, int], name: bytes, kind: int, patience: float) -> dns.Message | None:
        try:
            message = await self._over_udp(server, _Question(name, kind), patience)
            return await self._over_tcp(server, _Question(name, kind), patience) if message.trunc else message
        except SILENT:
            return None

    async def _over_udp(self, server: tuple[str, int], question: _Question, patience: float) -> dns.Message:
        """From a port of its own that the system chooses at random, where the server alone is heard (RFC 5452 9.2)."""
        asking = FlowSocket(self._reactor, question, server)
        try:
            asking.send(question.encoded())
            return await question.answer.addTimeout(patience, self._reactor)
        finally:
            asking.close()

    async def _over_tcp(self, server: tuple[str, int], question: _Question, patience: float) -> dns.Message:
        factory = Factory.forProtocol(lambda: _Stream(question))
        factory.noisy = False
        stream: Any = await TCP4ClientEndpoint(self._reactor, *server, timeout=patience).connect(factory)
        try:
            return await question.answer.addTimeout(patience, self._reactor)
        finally:
            stream.transport.abortConnection()


def _read(records: Sequence[Any], name: bytes, kind: int) -> Found:
    """The addresses of a name among the records of an answer, by way of the aliases among them; it may have none."""
    ttl = inf
    for _ in range(CHAIN):
        wanted = dns.Name(name)
        there = [one for one in records if one.name == wanted and one.cls == dns.IN]
        addresses = [one for one in there if one.type == kind]
        aliases = [one for one in there if one.type == dns.CNAME]
        ttl = min([ttl, *(one.ttl for one in addresses or aliases)])
        if addresses or not aliases:
            return Found(tuple(str(ip_address(one.payload.address)) for one in addresses), ttl)
        name = aliases[0].payload.name.name
    return Found((), ttl)
