"""By what a client is known: the application's cookie, a header it was given, or anything that its session says."""

from __future__ import annotations

from typing import Any, cast

import pytest

from balancer.core.messages import RequestHead, ResponseHead
from balancer.errors import ConfigError
from balancer.interfaces import Kind
from balancer.plugins.hashing import header, query, server_name
from balancer.plugins.stickiness import AppCookie, Learned, Plain, Remembered, Still
from balancer.testing.fakes import FakeBackend, FakeSession

B1, B2 = FakeBackend("b1"), FakeBackend("b2")
KINDS: list[Any] = [AppCookie("sid"), Learned("x-sid"), Learned("x-sid", key=query("sid"))]


def session(value: str | None = None, now: float = 0) -> FakeSession:
    """A request that brings a value in every way there is, or in none."""
    request = RequestHead("GET", "/") if value is None else RequestHead("GET", f"/?sid={value}")
    for name, text in (("cookie", f"a=b; sid={value}"), ("x-sid", value)):
        request = request if value is None or text is None else request.with_added(name, text)
    return FakeSession(request=request, now=now)


def answer(value: str) -> ResponseHead:
    """An answer that gives a value out in every way there is."""
    told = (("set-cookie", "other=1"), ("set-cookie", f"sid={value}; Path=/"), ("x-sid", value))
    return ResponseHead(200, fields=told)


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_whose_backend_gave_it_out_belongs_there(kind: Any) -> None:
    """What a backend gives a client leads that client back; heads pass as they are."""
    memory, head = kind.memory(), answer("s1")
    memory.know(["b1", "b2"])
    assert memory.responded(session(), B1, head) is head
    assert memory.home(session("s1")) == "b1"
    assert memory.home(session("s2")) is None
    assert memory.home(session()) is memory.home(FakeSession()) is None
    request = RequestHead("GET", "/")
    assert memory.requested(request) is request


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_what_a_client_makes_up_is_not_learned(kind: Any) -> None:
    """A value that no backend gave out is not remembered, wherever its client is sent."""
    memory = kind.memory()
    memory.chosen(session("forged"), B1)
    assert memory.home(session("forged")) is None


@pytest.mark.parametrize("kind", [*KINDS, Remembered(header("x-sid"))], ids=repr)
def test_who_is_answered_elsewhere_belongs_there(kind: Any) -> None:
    """A client that is sent to another backend moves with its answer: of two tries at a time, only one has any."""
    memory = kind.memory()
    memory.chosen(session("s1"), B1)
    memory.responded(session("s1"), B1, answer("s1"))
    memory.chosen(session("s1"), B2)
    assert memory.home(session("s1")) == "b1"
    memory.responded(session("s1"), B2, ResponseHead(200))
    assert memory.home(session("s1")) == "b2"


def test_connections_move_at_once() -> None:
    """What has no answer belongs to the backend that was chosen last."""
    memory, one = Remembered(server_name).memory(), FakeSession(server_name="a.example")
    for backend in (B1, B2):
        memory.chosen(one, backend)
        assert memory.home(one) == backend.name


@pytest.mark.parametrize("kind", [*(type(kind)("sid", expire=10) for kind in KINDS[:1]), Learned("x-sid", expire=10)])
def test_it_is_kept_while_it_is_used(kind: Any) -> None:
    """A value is forgotten so many seconds after its client was here last."""
    memory = kind.memory()
    memory.responded(session(), B1, answer("s1"))
    memory.chosen(session("s1", now=9), B1)
    assert memory.home(session("s1", now=18)) == "b1"
    assert memory.home(session("s1", now=19)) is None


def test_a_cookie_that_is_taken_away_is_not_learned() -> None:
    """An empty value, by which applications delete a cookie, says nothing."""
    memory = AppCookie("sid").memory()
    memory.responded(session(), B1, ResponseHead(200, fields=(("set-cookie", "sid=; Max-Age=0"),)))
    assert memory.home(session("")) is None


def test_a_key_is_remembered_with_the_first_choice() -> None:
    """Whatever a session says of itself leads it back; one that says nothing is new each time."""
    memory = Remembered(server_name).memory()
    known, other = FakeSession(server_name="a.example"), FakeSession()
    for one in (known, other):
        memory.chosen(one, B1)
    assert memory.home(known) == "b1"
    assert memory.home(other) is None
    assert memory.responded(known, B1, head := answer("s1")) is head


@pytest.mark.parametrize("kind", [Remembered(server_name, entries=2), Remembered(header("x-sid"), entries=2)])
def test_memory_is_bounded(kind: Any) -> None:
    """However many clients come, no more than so many are remembered: the latest."""
    memory, ones = kind.memory(), [session(name) for name in "abc"]
    for one in ones:
        one.become(server_name=one.request.get("x-sid") if one.request else None)
        memory.chosen(one, B1)
    assert [memory.home(one) for one in ones] == [None, "b1", "b1"]


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (
            lambda: Remembered(cast(Any, "x-user")),
            "Remembered: key: 'x-user' is no function of the session; give one such as",
        ),
        (lambda: Remembered(server_name, entries=0), "Remembered: entries: 0 is not a number from 1 to 10000000"),
        (lambda: AppCookie("a", expire=0), "AppCookie: expire: 0 is not a number of seconds above 0; give one such as"),
        (lambda: AppCookie(""), "AppCookie: name: '' is not the name of a cookie; use letters, digits, hyphens and"),
        (lambda: Learned("a b"), "Learned: name: 'a b' is not the name of a header field; use letters, digits and"),
        (
            lambda: Learned("a", key=cast(Any, "a")),
            "Learned: key: 'a' is no function of the session; give one such as",
        ),
    ],
)
def test_mistakes_are_told(make: Any, line: str) -> None:
    """A setting that could not work is told as the config is read."""
    with pytest.raises(ConfigError) as raised:
        make()
    assert [mistake[: len(line)] for mistake in raised.value.mistakes] == [line]


def test_a_memory_that_is_still() -> None:
    """One that only knows what another knows makes the same of requests, and learns nothing for either."""
    memory = Remembered(key=server_name).memory()
    here = FakeSession(server_name="a.example", request=RequestHead("GET", "/"))
    still = Still(memory)
    still.chosen(here, B1)
    assert still.home(here) is None
    memory.chosen(here, B2)
    still.chosen(here, B1)
    assert still.home(here) == memory.home(here) == "b2"
    assert here.request is not None
    assert still.requested(here.request) is memory.requested(here.request) is here.request


def test_one_to_inherit_from() -> None:
    """A memory of one's own has only to write what it does: the rest leaves everything as it is."""
    memory, request, head = Plain(), RequestHead("GET", "/"), ResponseHead(200)
    memory.know(["b1"])
    memory.chosen(session(), B1)
    assert memory.requested(request) is request
    assert memory.responded(session(), B1, head) is head


def test_for_what_sessions_they_are() -> None:
    """What is learned from answers is for requests alone; what is remembered, for whatever has the key."""
    assert AppCookie("c").kinds == Learned("x").kinds == Remembered(header("x")).kinds == {Kind.HTTP}
    assert Remembered(server_name).kinds == set(Kind)
