"""A mail server and an MQTT broker as their clients see them first, in memory."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.errors import ConfigError
from balancer.interfaces import IHealthCheck, IHealthCheckPlugin
from balancer.plugins.health import MQTTCheck, SMTPCheck
from tests.plugins.examined import Examination, in_pieces

GREETING = b"220-mail.example ESMTP\r\n220 ready\r\n"
FEATURES = b"250-mail.example\r\n250-SIZE 1000\r\n250 HELP\r\n"
BYE = b"221 bye\r\n"
CUTS = st.lists(st.integers(1, 100), max_size=6)


@pytest.mark.parametrize("check", [SMTPCheck(), MQTTCheck()], ids=repr)
def test_provides_the_interface(check: Any) -> None:
    """Each is a health check, and its class is listed as a plugin."""
    assert verifyObject(IHealthCheck, check)
    assert IPlugin.providedBy(type(check))
    assert IHealthCheckPlugin.providedBy(type(check))


@given(CUTS)
def test_smtp_is_greeted(cuts: list[int]) -> None:
    """Greeting, EHLO and QUIT are answered, each in any number of lines and pieces."""
    examined = in_pieces(Examination(SMTPCheck(helo="lb.example.com")), GREETING + FEATURES + BYE, cuts)
    assert examined.outcome == [None]
    assert examined.target.transport.value() == b"EHLO lb.example.com\r\nQUIT\r\n"
    assert examined.target.transport.disconnecting


def test_smtp_waits_for_its_turn() -> None:
    """Nothing is said before the greeting, and each thing only when the one before is answered (RFC 5321 4.3.1)."""
    examined = Examination(SMTPCheck())
    transport: Any = examined.target.transport
    said = transport.value
    assert said() == b""
    examined.says(b"220-one\r\n")
    assert said() == b""
    examined.says(b"220 two\r\n")
    assert said() == b"EHLO localhost\r\n"
    examined.says(FEATURES)
    assert said() == b"EHLO localhost\r\nQUIT\r\n"
    assert examined.says(b"221\r\n").outcome == [None]


@pytest.mark.parametrize(
    ("said", "evidence", "left"),
    [
        (b"554 no\r\n", "expected 220 as a greeting, got '554 no'", b""),
        (b"220-a\r\n554 no\r\n", "expected 220 as a greeting, got '554 no'", b""),
        (b"2200\r\n", "expected 220 as a greeting, got '2200'", b""),
        (b"SSH-2.0-OpenSSH\r\n", "expected 220 as a greeting, got 'SSH-2.0-OpenSSH'", b""),
        (b"", "expected a greeting, got nothing, then the end", b""),
        (b"220 ", "expected a greeting, got '220 ', then the end", b""),
        (b"x" * 2**20, "expected a greeting, got 'xxx", b""),
        (b"220-x\r\n" * 2**18, "expected a greeting, got '22', then more than a check hears", b""),
        (
            GREETING + b"421 busy\r\n",
            "expected 250 as an answer to EHLO, got '421 busy'",
            b"EHLO localhost\r\nQUIT\r\n",
        ),
        (GREETING, "expected an answer to EHLO, got nothing, then the end", b"EHLO localhost\r\n"),
        (
            GREETING + FEATURES + b"500 ?\r\n",
            "expected 221 as an answer to QUIT, got '500 ?'",
            b"EHLO localhost\r\nQUIT\r\n",
        ),
    ],
)
def test_smtp_that_is_none(said: bytes, evidence: str, left: bytes) -> None:
    """Whatever else comes fails the check, is told, and is taken leave of if it had greeted."""
    examined = Examination(SMTPCheck()).says(said).ends()
    assert examined.evidence.startswith(evidence)
    assert examined.target.transport.value() == left


@pytest.mark.parametrize(
    ("check", "said", "answer"),
    [
        (MQTTCheck(), b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0", b"\x20\x02\0\0"),
        (MQTTCheck(version=5), b"\x10\x0d\0\x04MQTT\x05\x02\0\x3c\0\0\0", b"\x20\x03\0\0\0"),
        (MQTTCheck(version=5), b"\x10\x0d\0\x04MQTT\x05\x02\0\x3c\0\0\0", b"\x20\x83\x01\0\0\x80\x01" + bytes(127)),
        (
            MQTTCheck(user="me", password="s3cret"),
            b"\x10\x18\0\x04MQTT\x04\xc2\0\x3c\0\0\0\x02me\0\x06s3cret",
            b"\x20\x02\0\0",
        ),
        (MQTTCheck(user="me"), b"\x10\x10\0\x04MQTT\x04\x82\0\x3c\0\0\0\x02me", b"\x20\x02\0\0"),
        (
            MQTTCheck(user="u" * 200),
            b"\x10\xd6\x01\0\x04MQTT\x04\x82\0\x3c\0\0\0\xc8" + b"u" * 200,
            b"\x20\x02\0\0",
        ),
    ],
    ids=range(6),
)
@given(cuts=CUTS)
def test_mqtt_is_let_in(check: MQTTCheck, said: bytes, answer: bytes, cuts: list[int]) -> None:
    """The client connects as the version has it, with user and password if there are, and takes leave."""
    examined = Examination(check)
    assert examined.target.transport.value() == said
    in_pieces(examined, answer, cuts)
    assert examined.outcome == [None]
    assert examined.target.transport.value() == said + b"\xe0\0"
    assert examined.target.transport.disconnecting
    assert "s3cret" not in repr(check)


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        (b"\x20\x02\0\x05", "it refuses: it does not let us in (code 0x5)"),
        (b"\x20\x03\0\x86\0", "it refuses: it does not know user and password (code 0x86)"),
        (b"\x20\x02\0\x50", "it refuses: for another reason (code 0x50)"),
        (b"\x20\x01\0", r"expected a CONNACK, got ' \x01'"),
        (b"\x20\xff\xff\xff\xff\xff", r"expected a CONNACK, got ' \xff\xff\xff\xff'"),
        (b"\x20\x80\x40", r"expected a CONNACK, got ' \x80@'"),
        (b"HTTP/1.1 400 Bad Request\r\n", "expected a CONNACK, got 'HT'"),
        (b"\x20", "expected a CONNACK, got ' ', then the end"),
        (b"\x20\x02\0", r"expected a CONNACK, got '\x00', then the end"),
        (b"", "expected a CONNACK, got nothing, then the end"),
        (b"x" * 2**20, "expected a CONNACK, got 'xx'"),
    ],
)
def test_mqtt_that_is_none(said: bytes, evidence: str) -> None:
    """A broker that refuses us, and whatever else comes, fails the check, and is told."""
    examined = Examination(MQTTCheck()).says(said).ends()
    assert examined.evidence == evidence
    assert not examined.target.transport.value().endswith(b"\xe0\0")


@given(st.sampled_from([SMTPCheck(), MQTTCheck()]), st.lists(st.binary(min_size=1) | st.just(GREETING), max_size=5))
def test_any_bytes_come_to_a_verdict(check: Any, pieces: list[bytes]) -> None:
    """Whatever a backend sends before it closes, there is one verdict."""
    examined = Examination(check).says(*pieces).ends()
    assert examined.outcome == [None] or examined.evidence
    assert examined.target.transport.disconnecting


@pytest.mark.parametrize("helo", ["a", "lb.example.com", "[192.0.2.1]", "[IPv6:2001:db8::1]"])
def test_smtp_has_names_of_every_kind(helo: str) -> None:
    """We may call ourselves by a name or an address."""
    examined = Examination(SMTPCheck(helo=helo)).says(GREETING).ends()
    assert examined.target.transport.value() == f"EHLO {helo}\r\n".encode()


@pytest.mark.parametrize(
    ("make", "mistake"),
    [
        (lambda: SMTPCheck(helo="a b"), "SMTPCheck: helo: 'a b' is neither a host name nor "),
        (lambda: SMTPCheck(helo="a\r\nDATA"), "SMTPCheck: helo: 'a\\r\\nDATA' is neither "),
        (lambda: SMTPCheck(helo=5), "SMTPCheck: helo: 5 is neither "),  # type: ignore[arg-type]  # wrong
        (lambda: MQTTCheck(version=3), "MQTTCheck: version: 3 is no version; "),  # type: ignore[arg-type]  # wrong
        (lambda: MQTTCheck(user=""), "MQTTCheck: user: '' is no name "),
        (lambda: MQTTCheck(password="s3cret"), "MQTTCheck: user: None is no name "),
        (lambda: MQTTCheck(user="a", password="s3cret\0"), "MQTTCheck: password: it is not a text, "),
    ],
)
def test_refuses_settings_that_could_not_work(make: Any, mistake: str) -> None:
    """A setting that could not work is refused in one line with a remedy, which shows no secret."""
    with pytest.raises(ConfigError) as caught:
        make()
    (line,) = caught.value.mistakes
    assert line.startswith(mistake)
    assert "s3cret" not in line
