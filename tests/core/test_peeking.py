"""Routes on first bytes: order, bounds, and what the session and the backend get."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from math import log2
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.faults import Faults
from balancer.core.hello import HELLO_LIMIT
from balancer.core.peeking import AT_ONCE, WAIT, FirstBytes, PeekingRoutes
from balancer.core.routes import Route
from balancer.core.session import Session
from balancer.errors import NoRoute
from balancer.interfaces import MORE, Found, Kind, Matcher
from balancer.testing import splits


class Begins(Matcher):
    """Matches what begins with these bytes; counts how often it was asked."""

    def __init__(self, expected: bytes) -> None:
        self.expected, self.peek, self.asked = expected, len(expected), 0

    def matches(self, session: Any) -> Found:
        """Compare."""
        self.asked += 1
        if session.peek.startswith(self.expected):
            return {"begin": self.expected.decode()}
        return MORE if self.expected.startswith(session.peek) else False


class Answers(Matcher):
    """Always gives one answer; notes the server names it was asked about."""

    def __init__(self, answer: Found, peek: int) -> None:
        self.answer, self.peek = answer, peek
        self.names: list[str | None] = []

    def matches(self, session: Any) -> Found:
        """Give it."""
        self.names.append(session.server_name)
        return self.answer


def session() -> Session:
    """A new connection."""
    return Session(Kind.TCP, ("192.0.2.1", 40000), 0.0)


def first_bytes(*matchers: Any, seen: Session | None = None) -> FirstBytes[int]:
    """A connection for which the targets of the routes are their numbers."""
    routes = PeekingRoutes([Route(matcher, number) for number, matcher in enumerate(matchers)])
    return FirstBytes(routes, seen or session())


def client_hello(name: str, protocols: tuple[str, ...]) -> bytes:
    """The first bytes of OpenSSL as a client."""
    settings = ssl.create_default_context()
    settings.set_alpn_protocols(protocols)
    sent = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        settings.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name).do_handshake()
    return sent.read()


def target(decide: Callable[..., Route[int] | None], *data: bytes) -> int | str | None:
    """Where a decision sends: a target, None while undecided, or that there is no route."""
    try:
        route = decide(*data)
    except NoRoute:
        return "no route"
    return None if route is None else route.target


def outcome(matchers: list[Matcher], pieces: list[bytes]) -> tuple[int | str | None, dict[str, str]]:
    """Feed the pieces until there is a decision; give up behind the last."""
    seen = session()
    first = first_bytes(*matchers, seen=seen)
    found = target(first.feed, b"")
    for piece in pieces:
        if found is None:
            found = target(first.feed, piece)
    return (target(first.give_up) if found is None else found), dict(seen.captures)


beginnings = st.lists(st.text("ab", max_size=4).map(str.encode).map(Begins), max_size=4)


@given(
    st.text("ab", max_size=6).map(str.encode).flatmap(lambda data: st.tuples(st.just(data), splits(data))), beginnings
)
def test_the_cut_does_not_matter(case: tuple[bytes, list[bytes]], matchers: list[Begins]) -> None:
    """However the bytes arrive, the first route in order that matches them wins, with what it captures."""
    data, pieces = case
    wins = next((number for number, one in enumerate(matchers) if data.startswith(one.expected)), None)
    expected = ("no route", {}) if wins is None else (wins, {"begin": matchers[wins].expected.decode()})
    assert outcome([*matchers], pieces) == expected


def test_undecided_routes_hold_up_later_ones() -> None:
    """A later route that matches already waits for an earlier one that may still match."""
    assert outcome([Begins(b"abc"), Begins(b"a")], [b"a", b"b", b"c"])[0] == 0
    first = first_bytes(Begins(b"abc"), Begins(b"a"))
    assert target(first.feed, b"ab") is None
    assert target(first.feed, b"x") == 1


def test_no_bytes_are_awaited_where_none_are_needed() -> None:
    """A route that needs no bytes is taken before any came, so that a backend may speak first."""
    seen = session()
    assert target(first_bytes(lambda _: False, lambda _: True, Begins(b"a"), seen=seen).feed, b"") == 1
    assert seen.captures == {}
    assert target(first_bytes(None, Begins(b"a")).feed, b"") == 0
    assert target(first_bytes(lambda _: MORE, None).feed, b"") == 1
    assert target(first_bytes().feed, b"") == "no route"


def test_giving_up() -> None:
    """When no more bytes come, an undecided route does not match and those behind it are asked."""
    first = first_bytes(Begins(b"abc"), ~Begins(b"abc"), Begins(b"a"), None)
    assert first.feed(b"a") is None
    assert first.give_up().target == 2
    with pytest.raises(NoRoute, match="no route matches"):
        first_bytes(Begins(b"a")).give_up()


def test_each_route_has_its_own_limit() -> None:
    """A route that is undecided about all it asked for does not match, however much a later one asks for."""
    first = first_bytes(Answers(MORE, 2), Answers(MORE, 4), None)
    assert [target(first.feed, byte) for byte in (b"a", b"b", b"c", b"d")] == [None, None, None, 2]


@given(st.lists(st.integers(0, 9), max_size=4), st.binary(min_size=9, max_size=20))
def test_always_decides_at_the_limit(peeks: list[int], data: bytes) -> None:
    """With as many bytes as any route asks for, there is a decision, whatever the matchers say."""
    first = first_bytes(*[Answers(MORE, peek) for peek in peeks])
    assert target(first.feed, data) == "no route"


def test_no_byte_is_lost() -> None:
    """The backend gets every byte fed; the session shows those that routes asked for."""
    seen = session()
    first = first_bytes(Begins(b"abc"), seen=seen)
    assert first.feed(b"") is None
    assert first.feed(b"ab") is None
    assert first.feed(b"cdef") is not None
    assert (first.data, seen.peek) == (b"abcdef", b"abc")


def test_a_refusal_is_final() -> None:
    """A route that refused, or failed, is not asked again with every arrival."""
    told: list[str] = []
    refusing = Begins(b"x")
    routes = PeekingRoutes(
        [Route(lambda _: 1 / 0, 0), Route(refusing, 1), Route(Begins(b"abc"), 2)],
        Faults(lambda text, _: told.append(text)),
    )
    first = FirstBytes(routes, session())
    assert [first.feed(b"a"), first.feed(b"b")] == [None, None]
    assert target(first.feed, b"c") == 2
    assert (refusing.asked, routes.faults.count, len(told)) == (1, 1, 1)


def test_many_arrivals_are_looked_at_together() -> None:
    """After the first few arrivals, those that follow wait for one look, and each look for twice as long."""
    slow = Begins(b"a" * 100)
    first = first_bytes(slow)
    for data in (b"", *[b"a"] * (AT_ONCE - 1)):
        assert target(first.feed, data) is None
        assert first.due is None
    for wait in (WAIT, 2 * WAIT, 4 * WAIT):
        assert [target(first.feed, b"a") for _ in range(2)] == [None, None]
        assert first.due == wait
        assert target(first.look) is None
        assert first.due is None
    assert slow.asked == AT_ONCE + 3


@pytest.mark.parametrize(("how", "expected"), [("look", 1), ("give_up", 1), ("feed", 2)])
def test_nothing_stays_unseen(how: str, expected: int) -> None:
    """What was not looked at as it came decides in the next look, when time is up, and when it fills the limit."""
    first = first_bytes(Begins(b"x" * 30), Begins(b"a" * 20 + b"b"), Begins(b"a" * 20 + b"c"))
    last = b"b" if how != "feed" else b"c" * 10
    for byte in [b"a"] * 20:
        assert target(first.feed, byte) is None
    found = target(first.feed, last)
    assert (target(getattr(first, how)) if found is None else found) == expected


@given(st.lists(st.floats(0, 1), max_size=100))
def test_the_looks_are_bounded(pauses: list[float]) -> None:
    """However a client cuts what it says and however long it pauses, its looks grow with the logarithm of the time."""
    undecided = Answers(MORE, 200)
    first, now = first_bytes(undecided), 0.0
    due: float | None = None
    for pause in pauses:
        now += pause
        if due is not None and now >= due:
            first.look()
            due = None
        first.feed(b"a")
        due = now + first.due if due is None and first.due is not None else due
    assert target(first.give_up) == "no route"
    assert len(undecided.names) <= AT_ONCE + 3 + log2(max(now, WAIT) / WAIT)


def test_the_names_of_a_header_stay() -> None:
    """A hello without names leaves those that a PROXY header told."""
    seen = session()
    seen.become(server_name="told.example", alpn="h2")
    assert first_bytes(Answers(MORE, HELLO_LIMIT), seen=seen).feed(client_hello("192.0.2.1", ())) is None
    assert (seen.server_name, seen.alpn) == ("told.example", "h2")


@pytest.mark.parametrize(("protocols", "preferred"), [((), None), (("h2", "http/1.1"), "h2")])
def test_a_hello_is_noted(protocols: tuple[str, ...], preferred: str | None) -> None:
    """The session of a TLS client has the server name and the preferred protocol when routes are asked."""
    seen = session()
    hello = client_hello("A.example", protocols)
    undecided = Answers(MORE, HELLO_LIMIT)
    first = first_bytes(undecided, seen=seen)
    assert first.feed(hello[:-1]) is None
    assert (seen.server_name, seen.alpn) == (None, None)
    assert first.feed(hello[-1:] + b"more") is None
    assert (seen.server_name, seen.alpn) == ("a.example", preferred)
    assert undecided.names == [None, "a.example"]
