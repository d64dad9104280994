"""The matchers on datagrams: what each takes and captures, and that nothing makes them raise."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.core.session import Session
from balancer.errors import ConfigError
from balancer.interfaces import Found, IMatcher, IMatcherPlugin, Kind
from balancer.plugins.datagrams import QUIC, DNSName, Token

MATCHERS: list[Any] = [DNSName("*.example"), Token(0, b"x"), Token(3, length=2), QUIC(), QUIC(1)]


def question(*labels: bytes, flags: int = 0x0100, count: int = 1, rest: bytes = b"\0\1\0\1") -> bytes:
    """A DNS query for a name, for its IPv4 address."""
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return b"id" + flags.to_bytes(2) + count.to_bytes(2) + bytes(6) + name + rest


def quic(version: int = 1, size: int = 1200) -> bytes:
    """The first datagram of a QUIC client."""
    return (b"\xc3" + version.to_bytes(4) + b"\x08fromhere\0").ljust(size, b"\0")


ASKED = question(b"WWW", b"Example")

CASES: list[tuple[Any, bytes, Found]] = [
    (DNSName("www.example"), ASKED, {"name": "www.example"}),
    (DNSName("WWW.EXAMPLE."), ASKED, {"name": "www.example"}),
    (DNSName("other", "*.example"), ASKED, {"name": "www.example"}),
    (DNSName("*.example"), question(b"a", b"b", b"example"), {"name": "a.b.example"}),
    (DNSName("*.example"), question(b"example"), False),
    (DNSName("*.example"), question(b"a.example"), False),
    (DNSName("*.example"), question(b"a.b \xff", b"example"), {"name": "a\\046b\\032\\255.example"}),
    (DNSName("."), question(), {"name": ""}),
    (DNSName("www.example"), ASKED + b"more, as EDNS has it", {"name": "www.example"}),
    (DNSName("www.example"), ASKED[:-1], False),
    (DNSName("www.example"), question(b"www", b"example", flags=0x8180), False),
    (DNSName("www.example"), question(b"www", b"example", count=2), False),
    (DNSName("www.example"), question(b"www", b"example", count=0), False),
    (DNSName("*.example"), ASKED[:12] + b"\x03www\xc0\x0c\0\1\0\1", False),
    (DNSName("*.example"), question(*[b"x" * 61] * 4, b"example"), False),
    (Token(1, b"bc", b"xy"), b"abcd", {"token": "6263"}),
    (Token(1, b"bc"), b"abd", False),
    (Token(1, b"bc"), b"ab", False),
    (Token(2, length=2), b"abcd", {"token": "6364"}),
    (Token(2, length=2), b"abc", False),
    (QUIC(), quic(), {"version": "0x1"}),
    (QUIC(1, 0x6B3343CF), quic(0x6B3343CF), {"version": "0x6b3343cf"}),
    (QUIC(1), quic(0x6B3343CF), False),
    (QUIC(), quic(size=1199), False),
    (QUIC(), b"\x43" + bytes(1300), False),
]


def session(data: bytes, kind: Kind = Kind.UDP) -> Session:
    """A flow that begins with that datagram."""
    return Session(kind, ("192.0.2.1", 1), 0.0, peek=data)


@pytest.mark.parametrize(("matcher", "data", "found"), CASES)
def test_what_matches(matcher: Any, data: bytes, found: Found) -> None:
    """Each takes what it names, captures what it says, and refuses what only looks like it."""
    assert matcher.matches(session(data)) == found


@pytest.mark.parametrize("matcher", MATCHERS, ids=repr)
def test_it_is_a_plugin(matcher: Any) -> None:
    """Each does what the interface says, waits for no bytes, and its class can be listed."""
    assert verifyObject(IMatcher, matcher)
    assert IMatcherPlugin.providedBy(type(matcher))
    assert IPlugin.providedBy(type(matcher))
    assert (matcher.peek, matcher.always, matcher.kinds) == (0, False, {Kind.UDP})


@given(st.sampled_from(MATCHERS), st.binary(max_size=300) | st.binary(max_size=300).map(lambda data: ASKED[:12] + data))
def test_nothing_makes_it_raise(matcher: Any, data: bytes) -> None:
    """Whatever a client sends, the answer is no or captures."""
    found = matcher.matches(session(data))
    assert found is False or isinstance(found, dict)


@given(st.lists(st.binary(min_size=1, max_size=63), max_size=3))
def test_a_name_is_told_so_that_it_cannot_be_mistaken(labels: list[bytes]) -> None:
    """Names that differ, but for case, are captured as texts that differ, in plain characters on one line."""
    name = DNSName("*.example").matches(session(question(*labels, b"example")))
    assert (name is False) is (not labels)
    if isinstance(name, dict):
        assert len(name["name"].split(".")) == len(labels) + 1
        assert name["name"].isascii()
        assert name["name"].isprintable()
        assert " " not in name["name"]


@pytest.mark.parametrize("matcher", MATCHERS, ids=repr)
def test_other_sessions_do_not_match(matcher: Any) -> None:
    """What is no flow does not match, whatever its first bytes."""
    assert [matcher.matches(session(data, Kind.TCP)) for data in (ASKED, quic(), b"xxxxx")] == [False] * 3


@pytest.mark.parametrize(
    ("make", "mistakes"),
    [
        (DNSName, ["DNSName: names: () is not"]),
        (lambda: DNSName("a..b", ""), ["DNSName: names: 'a..b' is not", "DNSName: names: '' is not"]),
        (lambda: QUIC(0, True), ["QUIC: versions: 0 is not", "QUIC: versions: True is not"]),
        (lambda: Token(-1, b"x"), ["Token: offset: -1 is not"]),
        (lambda: Token(0), ["Token: values: give the bytes to look for, or length="]),
        (lambda: Token(0, b"x", length=1), ["Token: values: give the bytes to look for, or length="]),
        (lambda: Token(0, b"", "x"), ["Token: values: b'' is not bytes", "Token: values: 'x' is not bytes"]),  # type: ignore[arg-type]  # as a user may write it
        (lambda: Token(0, length=0), ["Token: length: 0 is not"]),
        (lambda: Token(0, b"x", b"yy"), ["Token: values: they are not of one length"]),
    ],
)
def test_what_cannot_match_is_told(make: Any, mistakes: list[str]) -> None:
    """A setting that cannot work is a mistake that names it, its value and the remedy."""
    with pytest.raises(ConfigError) as caught:
        make()
    told = caught.value.mistakes
    assert len(told) == len(mistakes)
    assert all(line.startswith(begins) for line, begins in zip(told, mistakes, strict=True))


def test_settings_are_frozen() -> None:
    """A matcher may be shared, for nobody can change it."""
    for matcher in MATCHERS:
        name = attrs.fields(type(matcher))[0].name
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(matcher, name, None)
