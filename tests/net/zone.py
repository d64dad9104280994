"""DNS servers on loopback for tests: one with a zone that the test changes, and one that answers as it is told."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.protocol import DatagramProtocol
from twisted.names import common, dns
from twisted.names.server import DNSServerFactory

HOST = "127.0.0.1"


class Zone(common.ResolverBase):
    """Knows what `records` hold, by name; of other names, that there are none. `asked` counts the questions."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's
        self.records: dict[str, list[Any]] = {}
        self.asked: Counter[str] = Counter()
        self.port = 0

    def _lookup(self, name: bytes, cls: int, type: int, timeout: Any) -> Deferred[Any]:  # noqa: A002  Twisted's name
        """The records of that type, and the aliases and what they stand for."""
        self.asked[name.decode()] += 1
        if name.decode() not in self.records:
            return fail(dns.DomainError(name))
        return succeed((list(self._answers(name.decode(), type)), [], []))

    def _answers(self, name: str, kind: int) -> Any:
        for record in self.records.get(name, ()):
            if record.TYPE in {kind, dns.CNAME}:
                yield dns.RRHeader(name.encode(), record.TYPE, dns.IN, record.ttl, record)
            if record.TYPE == dns.CNAME:
                yield from self._answers(record.name.name.decode(), kind)


class ZoneFactory(DNSServerFactory):
    """Serves a zone, and cuts what is too long for a datagram, which Twisted does not."""

    noisy = False

    def sendReply(self, protocol: Any, message: Any, address: Any) -> None:  # noqa: N802  Twisted's name
        """Over UDP if there is an address."""
        message.maxSize = 512 if address else 0
        super().sendReply(protocol, message, address)  # type: ignore[no-untyped-call]  # Twisted's


def a(host: str, ttl: int = 60) -> Any:
    """An address."""
    return (dns.Record_AAAA if ":" in host else dns.Record_A)(host, ttl=ttl)


def alias(name: str, ttl: int = 60) -> Any:
    """Another name."""
    return dns.Record_CNAME(name, ttl=ttl)


@asynccontextmanager
async def zone(reactor: Any) -> AsyncIterator[Zone]:
    """A server of a zone, over UDP and TCP."""
    known = Zone()
    make: Any = ZoneFactory
    factory = make(clients=[known])
    known.port = _free_for_both()
    streams = reactor.listenTCP(known.port, factory, interface=HOST)
    protocol = dns.DNSDatagramProtocol(factory, reactor)
    protocol.noisy = False
    datagrams = reactor.listenUDP(known.port, protocol, interface=HOST)
    try:
        yield known
    finally:
        await datagrams.stopListening()
        await streams.stopListening()
        for connection in list(factory.connections):
            connection.transport.abortConnection()


def _free_for_both() -> int:
    """A port that nobody has, neither of UDP nor of TCP; the system chooses the one, and the other may be taken."""
    while True:
        with socket.socket(type=socket.SOCK_DGRAM) as datagrams, socket.socket() as streams, suppress(OSError):
            datagrams.bind((HOST, 0))
            number: int = datagrams.getsockname()[1]
            streams.bind((HOST, number))
            return number


class Odd(DatagramProtocol):
    """Answers with what `answers` makes of each question, none for silence. `asked` counts them."""

    noisy = False
    transport: Any

    def __init__(self, answers: Callable[[dns.Message], list[bytes]]) -> None:
        self._answers = answers
        self.asked = 0

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """A question."""
        self.asked += 1
        question = dns.Message()
        question.fromStr(datagram)
        for answer in self._answers(question):
            self.transport.write(answer, addr)


@asynccontextmanager
async def odd(reactor: Any, answers: Callable[[dns.Message], list[bytes]]) -> AsyncIterator[tuple[Odd, int]]:
    """Such a server, and its port."""
    protocol = Odd(answers)
    port = reactor.listenUDP(0, protocol, interface=HOST)
    try:
        yield protocol, int(port.getHost().port)
    finally:
        await port.stopListening()


def answered(question: dns.Message, *hosts: str, code: int = dns.OK, name: str = "", number: int = 0) -> bytes:
    """The message that answers a question, for `name` if it is to be another, and with its number off by that much."""
    message = dns.Message(question.id ^ number, answer=1, rCode=code)
    (asked,) = question.queries
    message.queries = [dns.Query(name or asked.name.name, asked.type)]
    records = [a(host) for host in hosts]
    message.answers = [
        dns.RRHeader(asked.name.name, record.TYPE, dns.IN, record.ttl, record)
        for record in records
        if asked.type == record.TYPE
    ]
    return message.toStr()
