"""DNS servers asked on real sockets: what they know comes with its time, and what they send else does no harm."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater
from twisted.names import dns

from balancer.net.name_servers import AT_ONCE, NameServers
from balancer.net.resolving import PATIENCE, Found
from tests.net.house import listening
from tests.net.zone import HOST, a, alias, answered, odd, zone


async def look_up(reactor: Any, name: str, *ports: int) -> Found:
    """Ask the servers at these ports."""
    return await NameServers(reactor, [(HOST, port) for port in ports]).look_up(name)


@pytest.mark.parametrize("name", ["db.test", "db.test.", "DB.test"])
async def test_both_families(reactor: Any, name: str) -> None:
    """A name has its addresses of both families, IPv6 first, for the shortest of their times."""
    async with zone(reactor) as known:
        known.records["db.test"] = known.records["DB.test"] = [a("192.0.2.1", 60), a("2001:db8::1", 40), a("192.0.2.2")]
        found = await look_up(reactor, name, known.port)
    assert (set(found.hosts[1:]), found.hosts[0], found.ttl) == ({"192.0.2.1", "192.0.2.2"}, "2001:db8::1", 40)


async def test_aliases_in_one_answer(reactor: Any) -> None:
    """Aliases are followed within an answer, and the shortest time on the way is that of the whole."""
    async with zone(reactor) as known:
        known.records |= {"db.test": [alias("b.test", 5)], "b.test": [alias("c.test")], "c.test": [a("192.0.2.1", 30)]}
        assert await look_up(reactor, "db.test", known.port) == Found(("192.0.2.1",), 5)
        assert known.asked == {"db.test": 2}


async def test_a_ring_in_one_answer(reactor: Any) -> None:
    """Aliases that lead back to where they came from are not followed for ever."""

    def ring(question: dns.Message) -> list[bytes]:
        message = dns.Message(question.id, answer=1)
        message.queries = question.queries
        pairs = (("a.test", alias("b.test")), ("b.test", alias("a.test")))
        message.answers = [dns.RRHeader(name.encode(), dns.CNAME, dns.IN, 60, record) for name, record in pairs]
        return [message.toStr()]

    async with odd(reactor, ring) as (server, port):
        with pytest.raises(LookupError, match="unknown host"):
            await look_up(reactor, "a.test", port)
        assert server.asked == 2


async def test_an_answer_that_was_cut(reactor: Any) -> None:
    """More addresses than fit into a datagram are asked for over TCP."""
    hosts = [f"192.0.2.{number}" for number in range(100)]
    async with zone(reactor) as known:
        known.records["db.test"] = [a(host) for host in hosts]
        assert await look_up(reactor, "db.test", known.port) == Found(tuple(hosts), 60)


@pytest.mark.parametrize("records", [None, [], [alias("b.test")]])
async def test_unknown_hosts(reactor: Any, records: list[Any] | None) -> None:
    """A name that is not there, one without an address, and an alias of such a one, are unknown."""
    async with zone(reactor) as known:
        if records is not None:
            known.records["db.test"] = records
        with pytest.raises(LookupError, match=r"^unknown host 'db.test'$"):
            await look_up(reactor, "db.test", known.port)


@pytest.mark.parametrize("code", [dns.ESERVER, dns.EREFUSED, dns.EFORMAT])
async def test_a_server_that_does_not_serve(reactor: Any, code: int) -> None:
    """A server that fails, or where nobody is, is followed by the next."""
    async with odd(reactor, lambda question: [answered(question, code=code)]) as (bad, port), zone(reactor) as known:
        known.records["db.test"] = [a("192.0.2.1")]
        assert await look_up(reactor, "db.test", 9, port, known.port) == Found(("192.0.2.1",), 60)
        assert bad.asked == 2


async def test_nobody_serves(reactor: Any) -> None:
    """When no server has an answer that is told, and who they were."""
    async with odd(reactor, lambda question: [answered(question, code=dns.ESERVER)]) as (bad, port):
        with pytest.raises(LookupError, match=r"^unknown host 'db.test': no answer from 127.0.0.1$"):
            await look_up(reactor, "db.test", port)
        assert bad.asked == 4


async def test_one_family_will_do(reactor: Any) -> None:
    """What is known of one family is enough when the other cannot be had."""

    def half(question: dns.Message) -> list[bytes]:
        fine = question.queries[0].type == dns.A
        return [answered(question, "192.0.2.1", code=dns.OK if fine else dns.ESERVER)]

    async with odd(reactor, half) as (_, port):
        assert await look_up(reactor, "db.test", port) == Found(("192.0.2.1",), 60)


async def test_forged_answers(reactor: Any) -> None:
    """Bytes that are no message, and answers to another question or with another number, are dropped."""

    def forged(question: dns.Message) -> list[bytes]:
        return [
            b"",
            b"\xc0" * 40,
            question.toStr(),
            answered(question, "192.0.2.6", number=1),
            answered(question, "192.0.2.6", name="other.test"),
            answered(question, "192.0.2.1", "2001:db8::1"),
        ]

    async with odd(reactor, forged) as (_, port):
        assert await look_up(reactor, "db.test", port) == Found(("2001:db8::1", "192.0.2.1"), 60)


async def test_a_server_that_cuts_and_hangs_up(reactor: Any) -> None:
    """A cut answer that cannot be had over TCP is no answer."""

    def cut(question: dns.Message) -> list[bytes]:
        message = dns.Message(question.id, answer=1, trunc=1)
        message.queries = question.queries
        return [message.toStr()]

    async with odd(reactor, cut) as (_, port):
        with pytest.raises(LookupError, match="no answer from"):
            await look_up(reactor, "db.test", port)


class Quiet(Clock):
    """A reactor that never reads; `open` are the sockets that wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Any] = []
        self.addReader, self.removeReader = self.open.append, self.open.remove


def test_silence_has_an_end() -> None:
    """Each server is asked twice, all in bounded time, and nothing stays open."""
    quiet, errors = Quiet(), list[Any]()
    looking = Deferred.fromCoroutine(NameServers(quiet, [(HOST, 53)]).look_up("db.test"))
    looking.addErrback(lambda failure: errors.append(failure.value))
    quiet.pump([0.1] * 45)
    assert [str(error) for error in errors] == ["unknown host 'db.test': no answer from 127.0.0.1"]
    assert (quiet.open, quiet.calls) == ([], [])


def test_many_silent_servers() -> None:
    """However many servers there are, the whole has its time."""
    quiet, errors = Quiet(), list[Any]()
    looking = Deferred.fromCoroutine(NameServers(quiet, [(HOST, 53)] * 20).look_up("db.test"))
    looking.addErrback(lambda failure: errors.append(failure.value))
    quiet.pump([0.1] * int(10 * PATIENCE + 2))
    assert [str(error) for error in errors] == ["unknown host 'db.test': no answer within 10 s"]
    assert (quiet.open, quiet.calls) == ([], [])


def test_a_network_that_is_out_of_reach() -> None:
    """What the system refuses to send is no answer."""
    errors = list[Any]()
    looking = Deferred.fromCoroutine(NameServers(Quiet(), [("255.255.255.255", 53)]).look_up("db.test"))
    looking.addErrback(lambda failure: errors.append(failure.value))
    assert [str(error) for error in errors] == ["unknown host 'db.test': no answer from 255.255.255.255"]


def test_cancelled() -> None:
    """A lookup that is given up leaves no socket and no timer."""
    quiet, errors = Quiet(), list[Any]()
    looking = Deferred.fromCoroutine(NameServers(quiet, [(HOST, 53)]).look_up("db.test"))
    looking.addErrback(lambda failure: errors.append(failure.type))
    assert len(quiet.open) == 2
    looking.cancel()
    assert errors == [CancelledError]
    assert (quiet.open, quiet.calls) == ([], [])


async def test_nothing_to_tell(reactor: Any) -> None:
    """A lookup, of which there are many in the life of a balancer, leaves nothing in the log, on any reactor."""
    async with odd(reactor, lambda question: [answered(question, "192.0.2.1")]) as (_, port):
        with listening() as events:
            await look_up(reactor, "db.test", port)
    assert not events


async def test_so_many_names_at_once(reactor: Any) -> None:
    """Of many names only some are asked for at once, so that descriptors suffice, and the others in their turn."""
    held: list[dns.Message] = []

    def hold(question: dns.Message) -> list[bytes]:
        held.append(question)
        return []

    async with odd(reactor, hold) as (server, port):
        names = NameServers(reactor, [(HOST, port)])
        looks = [Deferred.fromCoroutine(names.look_up(f"n{number}.test")) for number in range(AT_ONCE + 2)]
        while server.asked < 2 * AT_ONCE:
            await deferLater(reactor, 0.01)
        for look in looks[:2]:
            look.addErrback(lambda failure: failure.trap(CancelledError)).cancel()
        while server.asked < 2 * AT_ONCE + 4:
            await deferLater(reactor, 0.01)
        for look in looks[2:]:
            look.addErrback(lambda failure: failure.trap(CancelledError)).cancel()
    asked = [question.queries[0].name.name.decode() for question in held]
    assert set(asked[: 2 * AT_ONCE]) == {f"n{number}.test" for number in range(AT_ONCE)}
    assert set(asked[2 * AT_ONCE :]) == {f"n{AT_ONCE}.test", f"n{AT_ONCE + 1}.test"}
