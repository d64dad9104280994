"""What plugins are given to look at is not changed by them, and whoever tries to is named and costs one decision."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from types import SimpleNamespace
from typing import Any

import pytest

from balancer.core.backend import Backend
from balancer.core.filters import chain_of
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.peeking import FirstBytes, PeekingRoutes
from balancer.core.pool import Pool
from balancer.core.routes import Route, Routes
from balancer.core.session import Session
from balancer.core.signals import Hearing, Intake
from balancer.errors import FilterFailed, PolicyFailed, ReadOnly
from balancer.interfaces import IBackend, ISession, Kind, Phase
from balancer.testing import FakeBackend, FakeSession
from tests.core.policies import Turns

GIVEN = [
    *((backend, name) for backend in ("backend", "fake backend") for name in [*IBackend, "mine"]),
    *((session, name) for session in ("session", "fake session") for name in [*ISession, "mine"]),
]
WRITES: dict[str, Callable[[Any, Any], object]] = {
    "counts": lambda backend, _session: setattr(backend, "active", backend.active + 1),
    "weighs": lambda backend, _session: setattr(backend, "weight", 0),
    "takes notes": lambda backend, _session: setattr(backend, "mine", 3),
    "takes away": lambda backend, _session: delattr(backend, "active"),
    "attempts": lambda _backend, session: setattr(session, "attempt", 7),
    "captures": lambda _backend, session: session.captures.update(x="y"),
}


def made() -> dict[str, Any]:
    """One of each."""
    return {
        "backend": Backend("a", "a:80", ("a", 80), seconds=lambda: 0.0),
        "fake backend": FakeBackend("a"),
        "session": session(),
        "fake session": FakeSession(),
    }


def session() -> Session:
    """A session of a request."""
    return Session(Kind.HTTP, ("192.0.2.1", 1), 5.0, RequestHead("GET", "/", "example.com"))


def looks(one: Any, interface: Any) -> list[Any]:
    """All that is to be seen of it."""
    return [getattr(one, name) for name in interface]


class Meddling:
    """Writes to what it is given at one place."""

    name = "meddling"

    def __init__(self, place: str, write: Callable[[Any, Any], object]) -> None:
        self.place, self.write = place, write
        self.backends: Any = ()

    def picker(self, backends: Any, random: Any) -> Any:
        """See `IAlgorithm`."""
        self.backends = backends
        if self.place == "picker()":
            self.write(backends[0], session())
        return self

    def __call__(self, session: Any) -> Any:
        """Choose the first."""
        if self.place == "picker":
            self.write(self.backends[0], session)
        return self.backends[0]

    def released(self, backend: Any, outcome: Any) -> None:
        """See `Picker`."""
        if self.place == "released()":
            self.write(backend, outcome.session)

    def belongs(self, session: Any, backend: Any) -> bool:
        """See `Picker`."""
        if self.place == "belongs()":
            self.write(backend, session)
        return False

    def requested(self, session: Any, backend: Any, head: Any) -> Any:
        """See `Picker`."""
        if self.place == "requested()":
            self.write(backend, session)
        return head


@pytest.mark.parametrize(("given", "name"), GIVEN)
def test_nothing_is_assigned(given: str, name: str) -> None:
    """No attribute of a backend or a session is assigned or deleted, none is added, and the refusal tells a remedy."""
    one = made()[given]
    before = getattr(one, name, None)
    with pytest.raises(ReadOnly, match=rf"'{name}' of .* is only to be read; "):
        setattr(one, name, 3)
    with pytest.raises(AttributeError):
        delattr(one, name)
    assert getattr(one, name, None) == before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("place", ["picker()", "picker", "released()", "belongs()", "requested()"])
def test_an_algorithm_that_writes(place: str, write: Callable[[Any, Any], object]) -> None:
    """What an algorithm does to what it looks at does not happen, is counted by its name, and costs that decision."""
    turns = Turns()
    backend, one = Backend("a", "a:80", ("a", 80), seconds=lambda: 0.0), session()
    pool = Pool("site", [backend], Meddling(place, write), ports=turns.ports())
    before = looks(backend, IBackend), looks(one, ISession)
    fails = place in {"picker()", "picker"}
    try:
        lease = pool.pick(one)
        assert not lease.belongs()
        if place == "requested()":
            with pytest.raises(PolicyFailed):
                lease.requested(RequestHead("GET", "/", "example.com"))
        lease.end(Phase.DONE)
    except PolicyFailed:
        assert fails
    assert (looks(backend, IBackend), looks(one, ISession)) == before
    assert dict(pool.policy.faults.counts) == {f"pool 'site': algorithm 'meddling': {place}": 1}


class Matching:
    """A matcher that writes to the session."""

    peek = 4

    def __init__(self, write: Callable[[Any, Any], object]) -> None:
        self.write = write

    def __repr__(self) -> str:
        return "Matching()"

    def matches(self, session: Any) -> Any:
        """See `IMatcher`."""
        self.write(None, session)
        return True


@pytest.mark.parametrize("write", [WRITES["attempts"], WRITES["captures"]])
@pytest.mark.parametrize("peeks", [False, True])
def test_a_matcher_that_writes(write: Callable[[Any, Any], object], peeks: bool) -> None:
    """A matcher that writes to a session does not match, and is named; the next route is taken."""
    routes, one = [Route(Matching(write), 1), Route(None, 2)], session()
    before = looks(one, ISession)
    asked: Any = PeekingRoutes(routes) if peeks else Routes(routes)
    route = FirstBytes(asked, one).feed(b"") if peeks else asked.choose(one)
    assert route is not None
    assert route.target == 2
    assert looks(one, ISession) == before
    assert dict(asked.faults.counts) == {"matcher Matching()": 1}


@pytest.mark.parametrize("peeks", [False, True])
def test_captures_are_the_sessions(peeks: bool) -> None:
    """What a matcher does later to the mapping that it answered does not change what a session was told."""
    found = {"tenant": "a"}
    routes, one = [Route(lambda _session: found, 1)], session()
    FirstBytes(PeekingRoutes(routes), one).feed(b"") if peeks else Routes(routes).choose(one)
    found["tenant"] = "b"
    assert one.captures == {"tenant": "a"}


@pytest.mark.parametrize("write", [WRITES["attempts"], WRITES["captures"]])
def test_a_filter_that_writes(write: Callable[[Any, Any], object]) -> None:
    """A filter that writes to a session has failed, by its name, and the session is as it was."""

    def meddling(head: Any, session: Any) -> Any:
        write(None, session)
        return head

    chain, one = chain_of([meddling]), session()
    before = looks(one, ISession)
    assert chain is not None
    assert one.request is not None
    with pytest.raises(FilterFailed, match="meddling"):
        chain.request(one.request, one)
    assert looks(one, ISession) == before


def test_a_refusal_is_told_in_words() -> None:
    """The cause that is kept of a write is the refusal itself, with its remedy; it holds nothing a client said."""
    backend = Backend("a", "a:80", ("a", 80), seconds=lambda: 0.0)
    pool = Pool("site", [backend], Meddling("picker", WRITES["weighs"]), ports=Turns().ports())
    with pytest.raises(PolicyFailed):
        pool.pick(session())
    told = "'weight' of backend 'a' is only to be read; keep notes of your own in a WeakKeyDictionary"
    assert list(pool.policy.faults.causes.values()) == [told]


def test_a_source_of_signals_that_writes() -> None:
    """A source may write to the head of an answer that it reads: it has a copy, and clients get what was sent."""

    def answered(head: Any) -> dict[str, float]:
        head.status, head.fields = 500, ()
        return {}

    source = SimpleNamespace(names=("load",), expire=9.0, fields=("x-load",), answered=answered)
    intake = Intake("site", source, ("load",), lambda *_: None)
    head = ResponseHead(200, fields=(("x-load", "3"), ("server", "b")))
    heard = Hearing([intake], lambda *_: None).heard(made()["backend"], head)
    assert (heard.status, heard.fields) == (200, (("server", "b"),))
    assert (head.status, len(head.fields)) == (200, 2)


def test_a_copy_of_a_session() -> None:
    """A copy is as the session is, sealed as well, and its own."""
    one = session()
    one.become(peek=b"x", server_name="a.example")
    one.capture({"a": "b"})
    twin = copy(one)
    assert looks(twin, ISession) == looks(one, ISession)
    twin.tried_on(Backend("a", "a:80", ("a", 80), seconds=lambda: 0.0))
    assert one.tried == ()
    with pytest.raises(ReadOnly):
        twin.attempt = 3
