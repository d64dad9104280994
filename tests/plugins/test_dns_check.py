"""A DNS server as a resolver sees it, in memory, over datagrams and over a connection."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import fail
from twisted.names import dns
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.errors import CheckFailed, ConfigError
from balancer.interfaces import IHealthCheck, IHealthCheckPlugin, Kind, Report
from balancer.plugins.health import DNSCheck
from tests.plugins.examined import Examination, FakeTarget

RECORDS: dict[str, list[Any]] = {
    "A": [dns.Record_A("192.0.2.1"), dns.Record_A("192.0.2.2")],
    "AAAA": [dns.Record_AAAA("2001:db8::1")],
    "CNAME": [dns.Record_CNAME("other.example")],
    "MX": [dns.Record_MX(10, "mail.example")],
    "NS": [dns.Record_NS("ns.example")],
    "PTR": [dns.Record_PTR("host.example")],
    "SOA": [dns.Record_SOA("ns.example", "me.example", serial=2026112101)],
    "TXT": [dns.Record_TXT(b"v=spf1 ", b"-all")],
}
TEXTS = {
    "A": "192.0.2.2",
    "AAAA": "2001:db8::1",
    "CNAME": "Other.example",
    "MX": "mail.example",
    "NS": "ns.example",
    "PTR": "host.example",
    "SOA": "2026112101",
    "TXT": "v=spf1 -all",
}
UDP = (Kind.TCP, Kind.UDP)


def by_udp(check: DNSCheck) -> Examination:
    """The check of a pool that a UDP listener uses."""
    return Examination(check, FakeTarget(kinds=UDP))


def question(examined: Examination) -> dns.Message:
    """What was asked."""
    message = dns.Message()
    message.fromStr(examined.target.asked[0][0])
    return message


def replied(examined: Examination, *records: Any, **changed: Any) -> bytes:
    """An answer to that with these records."""
    message = question(examined)
    message.answer = 1
    (query,) = message.queries
    for record in records:
        message.answers.append(dns.RRHeader(query.name.name, record.TYPE, ttl=60, payload=record))
    for name, value in changed.items():
        setattr(message, name, value)
    return message.toStr()


def answered(check: DNSCheck, *records: Any, **changed: Any) -> Examination:
    """A check over UDP that has been answered."""
    examined = by_udp(check)
    examined.target.asked[0][1].callback(replied(examined, *records, **changed))
    return examined


def test_provides_the_interface() -> None:
    """It is a health check, for pools of streams and of datagrams, and its class is listed as a plugin."""
    assert verifyObject(IHealthCheck, DNSCheck("a.example"))
    assert IPlugin.providedBy(DNSCheck)
    assert IHealthCheckPlugin.providedBy(DNSCheck)
    assert set(DNSCheck.protocols) == {Kind.UDP, Kind.TCP}


@pytest.mark.parametrize(("type_", "text"), TEXTS.items())
def test_every_type(type_: str, text: str) -> None:
    """Records of every type are asked for and read, whatever the case of letters."""
    examined = answered(DNSCheck("a.example", type_, expect=text), *RECORDS[type_])
    assert examined.outcome == [Report(detail=repr(text))]
    (query,) = question(examined).queries
    assert (query.name.name, query.type) == (b"a.example", dns.REV_TYPES[type_])
    assert question(examined).recDes


def test_any_record_will_do() -> None:
    """Without an expectation a record of the type is enough, and the first few are told."""
    assert answered(DNSCheck("a.example"), *RECORDS["A"] * 2).outcome == [
        Report(detail="'192.0.2.1', '192.0.2.2', '192.0.2.1', ...")
    ]


@pytest.mark.parametrize(
    ("check", "records", "changed", "evidence"),
    [
        (DNSCheck("a.example"), [], {}, "a.example A: expected a record, got none"),
        (DNSCheck("a.example"), RECORDS["TXT"], {}, "a.example A: expected a record, got none"),
        (DNSCheck("a.example"), [], {"trunc": 1}, "a.example A: expected a record, got none, and the answer was cut"),
        (DNSCheck("a.example", expect="::1"), RECORDS["A"][:1], {}, "a.example A: expected '::1', got '192.0.2.1'"),
        (DNSCheck("a.example"), [], {"rCode": 2}, "a.example A: SERVFAIL"),
        (DNSCheck("a.example"), [], {"rCode": 3}, "a.example A: NXDOMAIN"),
        (DNSCheck("a.example"), [], {"rCode": 9}, "a.example A: error 9"),
        (DNSCheck("a.example"), [], {"id": 1 << 16 - 1}, "expected an answer to the question, got another message"),
        (DNSCheck("a.example"), [], {"answer": 0}, "expected an answer to the question, got another message"),
        (DNSCheck("a.example"), [], {"queries": []}, "expected an answer to the question, got another message"),
        (
            DNSCheck("a.example", "TXT", expect="b"),
            [dns.Record_TXT(b"a\n\xff")],
            {},
            r"a.example TXT: expected 'b', got 'a\n\\xff'",
        ),
    ],
)
def test_an_answer_that_will_not_do(
    check: DNSCheck, records: list[Any], changed: dict[str, Any], evidence: str
) -> None:
    """What the server said instead is told, in one line."""
    assert answered(check, *records, **changed).evidence == evidence


def test_a_server_that_is_not_there() -> None:
    """What the system says of it is the evidence."""
    examined = by_udp(DNSCheck("a.example"))
    fail(CheckFailed("refused")).chainDeferred(examined.target.asked[0][1])
    assert examined.evidence == "refused"


@given(cut=st.integers(1, 20))
def test_over_a_connection(cut: int) -> None:
    """Where no UDP listener uses the pool, the same goes over TCP, after its length, in whatever pieces."""
    examined = Examination(DNSCheck("."))
    said = examined.target.transport.value()
    assert int.from_bytes(said[:2], "big") == len(said) - 2
    examined.target.asked.append((said[2:], examined.running))
    reply = replied(examined, dns.Record_A("192.0.2.1"))
    framed = len(reply).to_bytes(2, "big") + reply
    assert examined.says(framed[:cut]).outcome == []
    assert examined.says(framed[cut:]).outcome == [Report(detail="'192.0.2.1'")]
    assert examined.target.transport.disconnecting


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        (b"", "expected the length of an answer, got nothing, then the end"),
        (b"\0\x09abc", "expected an answer, got 'abc', then the end"),
        (b"\0\x03abc", "expected a DNS message, got 'abc'"),
        (b"\x10\x01" + b"x" * 4097, "expected an answer of 4096 bytes at most, got 4097"),
        (b"x" * 2**20, "expected an answer of 4096 bytes at most, got 30840"),
    ],
)
def test_what_is_no_answer(said: bytes, evidence: str) -> None:
    """Whatever else comes fails the check, and is told."""
    assert Examination(DNSCheck("a.example")).says(said).ends().evidence.startswith(evidence)


def test_a_datagram_that_is_too_large() -> None:
    """A datagram of any size may come; one that would take long to read is not read."""
    examined = by_udp(DNSCheck("a.example"))
    examined.target.asked[0][1].callback(bytes(5000))
    assert examined.evidence == "expected an answer of 4096 bytes at most, got 5000"


@given(st.binary(max_size=100))
def test_any_datagram_comes_to_a_verdict(data: bytes) -> None:
    """Whatever bytes come back, the check fails."""
    examined = by_udp(DNSCheck("a.example"))
    examined.target.asked[0][1].callback(examined.target.asked[0][0][:2] + data)
    assert examined.evidence


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"name": ""}, "name: '' is no name that can be asked for; "),
        ({"name": "a..b"}, "name: 'a..b' is no name "),
        ({"name": "x" * 64}, f"name: '{'x' * 64}' is no name "),
        ({"name": "gr\u00fcn.example"}, "name: 'gr\u00fcn.example' is no name "),
        ({"name": ".".join("x" * 200)}, "name: 'x.x."),
        ({"name": 5}, "name: 5 is no name "),
        ({"name": "a", "type": "a"}, "type: 'a' is no type that is known here; give one of A, AAAA, "),
        ({"name": "a", "expect": 5}, "expect: 5 is not a text"),
    ],
)
def test_refuses_settings_that_could_not_work(settings: dict[str, Any], mistake: str) -> None:
    """A setting that could not work is refused in one line with a remedy."""
    with pytest.raises(ConfigError) as caught:
        DNSCheck(**settings)
    (line,) = caught.value.mistakes
    assert line.startswith(f"DNSCheck: {mistake}")
