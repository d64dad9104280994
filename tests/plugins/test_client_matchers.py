"""The matchers on who is there: addresses, and shares that stay the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.core.messages import RequestHead
from balancer.core.session import Session
from balancer.errors import ConfigError
from balancer.interfaces import IMatcher, IMatcherPlugin, Kind
from balancer.plugins.matchers import ClientIP, Percent

ALL: list[Any] = [
    ClientIP("10.0.0.0/8", "2001:db8::/32"),
    Percent(50),
    Percent(50, "cookie:id"),
    Percent(5, "header:x"),
]


def of(host: str, kind: Kind = Kind.TCP) -> Session:
    """A session of the client at that address."""
    return Session(kind, (host, 40000), 0.0)


def asking(*fields: tuple[str, str]) -> Session:
    """A session with a request."""
    return Session(Kind.HTTP, ("192.0.2.1", 1), 0.0, RequestHead("GET", "/", "a.test", fields=fields))


@pytest.mark.parametrize("matcher", ALL, ids=repr)
def test_provides_the_interface(matcher: Any) -> None:
    """Every matcher provides `IMatcher`, and its class is listed as a plugin."""
    assert verifyObject(IMatcher, matcher)
    assert IPlugin.providedBy(type(matcher))
    assert IMatcherPlugin.providedBy(type(matcher))


@pytest.mark.parametrize(
    ("host", "matches"),
    [
        ("10.255.0.1", True),
        ("11.0.0.1", False),
        ("::ffff:10.0.0.1", True),
        ("2001:db8::7", True),
        ("2001:db9::7", False),
        ("fe80::1%eth0", False),
        ("", False),
    ],
)
def test_client_ip(host: str, matches: bool) -> None:
    """A client matches by its network, mapped into IPv6 or not, in a session of any kind; over a unix socket never."""
    matcher = ClientIP("10.0.0.0/8", "2001:db8::/32")
    assert [matcher.matches(of(host, kind)) for kind in Kind] == [matches] * len(Kind)
    assert set(matcher.kinds) == set(Kind)


addresses = st.ip_addresses().map(str)
texts = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), min_size=1, max_size=9).map(str.strip)


@given(addresses, st.floats(0, 100), st.floats(0, 100), st.text(max_size=3))
def test_a_larger_share_holds_the_smaller(host: str, one: float, other: float, salt: str) -> None:
    """Who is in a share is in every larger one with the same salt; in all of 100, in none of 0."""
    session = of(host)
    small, large = (Percent(share, salt=salt).matches(session) for share in sorted([one, other]))
    assert small <= large
    assert Percent(100, salt=salt).matches(session) is True
    assert Percent(0, salt=salt).matches(session) is False


@given(texts)
def test_one_key_is_one_draw(text: str) -> None:
    """However a session gives its key, the same key has the same fate, and without it there is none."""
    ways: list[tuple[Any, Session]] = [
        ("header:X-User", asking(("x-user", text))),
        (lambda _session: text, asking()),
        ("cookie:id", asking(("cookie", f"x=1; id={text}"))),
    ]
    if ";" in text:
        ways.pop()
    for share in (10, 50, 100):
        assert len({Percent(share, key).matches(session) for key, session in ways}) == 1
    assert all(Percent(100, key).matches(session) is bool(text) for key, session in ways)


@pytest.mark.parametrize("key", ["client", "header:x", "cookie:x", lambda _session: None])
def test_without_the_key(key: Any) -> None:
    """A session that does not say who it is does not match, whatever the share."""
    for session in (of(""), Session(Kind.HTTP, ("", 0), 0.0, RequestHead("GET", "/")), asking(("x", ""))):
        assert Percent(100, key).matches(session) is (key == "client" and session.client[0] != "")


def test_clients_are_told_apart_as_sources_are() -> None:
    """Within the /64 of an IPv6 address all have the same fate, and so have an IPv4 address and its mapped form."""
    drawn = [Percent(50).matches(of(f"2001:db8::{n:x}")) for n in range(64)]
    assert len(set(drawn)) == 1
    for n in range(64):
        assert Percent(50).matches(of(f"::ffff:192.0.2.{n}")) is Percent(50).matches(of(f"192.0.2.{n}"))


@pytest.mark.parametrize("share", [1, 5, 50, 99])
def test_shares_are_as_large_as_they_say(share: int) -> None:
    """Of many clients about so many per cent match, and another salt draws others."""
    clients = [of(f"10.{n >> 8 & 255}.{n & 255}.1") for n in range(6000)]
    one, other = (
        {n for n, client in enumerate(clients) if Percent(share, salt=salt).matches(client)} for salt in ("", "b")
    )
    for drawn in (one, other):
        assert abs(len(drawn) / len(clients) - share / 100) < 0.015
    assert abs(len(one & other) / len(one) - share / 100) < 0.07


def test_the_same_in_every_process() -> None:
    """Who is in does not depend on the process that asks."""
    program = (
        "from balancer.plugins.matchers import Percent; from balancer.testing import FakeSession; "
        "print([n for n in range(256) if Percent(30, salt='s').matches(FakeSession(client=(f'192.0.2.{n}', 1)))])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert [n for n in range(256) if Percent(30, salt="s").matches(of(f"192.0.2.{n}"))] == eval(outputs.pop())  # noqa: S307  a list of our own


def test_kinds() -> None:
    """Cookies and fields are those of requests; clients, and what a function looks at, are in sessions of any kind."""
    assert set(Percent(5, "cookie:a").kinds) == set(Percent(5, "header:a").kinds) == {Kind.HTTP}
    assert set(Percent(5).kinds) == set(Percent(5, lambda _session: None).kinds) == set(Kind)


def test_a_key_that_is_no_text_is_not_taken() -> None:
    """A function that answers anything else is told so, for its text might differ from process to process."""
    with pytest.raises(TypeError, match="the key is a int; expected a text or None"):
        Percent(5, lambda _session: 7).matches(of("192.0.2.1"))  # type: ignore[arg-type,return-value]  # the mistake under test


def test_are_values_shown_as_written() -> None:
    """Matchers made alike are equal, hash alike and are shown as they are written in a config."""
    assert len({ClientIP("::1"), ClientIP("::1"), Percent(5), Percent(5.0), Percent(5, salt="a")}) == 3
    assert repr(ClientIP("::1", "10.0.0.0/8")) == "ClientIP('::1', '10.0.0.0/8')"
    assert repr(Percent(5)) == "Percent(5)"
    assert repr(Percent(0.5, "cookie:id", salt="a")) == "Percent(0.5, 'cookie:id', salt='a')"


NO_NETWORK = "is neither an address nor a network without bits behind its prefix; give one such as '10.0.0.0/8'"
NO_KEY = "is not a choice; give 'client', 'cookie:NAME', 'header:NAME' or a function of the session"
NO_SHARE = "is no percentage; give a number from 0 to 100"


@pytest.mark.parametrize(
    ("make", "lines"),
    [
        (ClientIP, [f"ClientIP: networks: () {NO_NETWORK}"]),
        (
            lambda: ClientIP("10.0.0.1/8", "::1", "localhost", 5),  # type: ignore[arg-type]  # the mistake under test
            [f"ClientIP: networks: {wrong} {NO_NETWORK}" for wrong in ("'10.0.0.1/8'", "'localhost'", "5")],
        ),
        (lambda: Percent(101), [f"Percent: share: 101 {NO_SHARE}"]),
        (lambda: Percent(float("nan")), [f"Percent: share: nan {NO_SHARE}"]),
        (lambda: Percent(True), [f"Percent: share: True {NO_SHARE}"]),
        (lambda: Percent(5, "user"), [f"Percent: key: 'user' {NO_KEY}"]),
        (lambda: Percent(5, "cookie:"), [f"Percent: key: 'cookie:' {NO_KEY}"]),
        (lambda: Percent(5, "path:x"), [f"Percent: key: 'path:x' {NO_KEY}"]),
        (
            lambda: Percent("5", 5, salt=b""),  # type: ignore[arg-type]  # the mistakes under test
            [
                f"Percent: share: '5' {NO_SHARE}",
                "Percent: salt: b'' is not a text; write it in quotes",
                f"Percent: key: 5 {NO_KEY}",
            ],
        ),
    ],
)
def test_mistakes(make: Callable[[], object], lines: list[str]) -> None:
    """What could not work is told in a line for each mistake, which says what to write."""
    with pytest.raises(ConfigError) as caught:
        make()
    assert list(caught.value.mistakes) == lines
