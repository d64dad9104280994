"""Sessions that belong to a backend: what it keeps although it gets nothing new, and who waits for room on it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from balancer.core.backend import Backend
from balancer.core.messages import RequestHead
from balancer.core.pickers import Policy
from balancer.core.pool import Pool
from balancer.core.session import Session
from balancer.errors import NoBackend, PolicyFailed, PoolFull
from balancer.interfaces import Kind
from tests.core.policies import Turns, backend
from tests.core.rooms import Rooms

HEAD = RequestHead("GET", "/", "a.example", fields=(("x-home", "b"),))


class Homes:
    """Sessions belong to the backend of the name that their server name says; the others go to the first."""

    name = "homes"
    waits = True
    raises = False

    def __init__(self) -> None:
        self.known: dict[str, Backend] = {}

    def keeper(self) -> Any:
        return self

    def picker(self, backends: Any, others: Any, random: Random | None = None) -> Any:
        self.known = {one.name: one for one in (*others, *backends)}
        return HomesOf(self, backends)


class HomesOf:
    """The picker of `Homes`."""

    def __init__(self, homes: Homes, backends: Any) -> None:
        self._homes, self._backends, self.waits = homes, backends, homes.waits

    def __call__(self, session: Any) -> Any:
        home = self._homes.known.get(session.server_name)
        if home is not None and home not in session.tried:
            return home
        return next((one for one in self._backends if one not in session.tried), None)

    def belongs(self, session: Any, backend: Any) -> bool:
        if self._homes.raises:
            raise SystemExit
        return bool(session.server_name == backend.name)

    def requested(self, session: Any, backend: Any, head: RequestHead) -> Any:
        return {"same": head, "changed": head.without("x-home"), "wrong": None}[session.alpn or "same"]


def session(home: str | None = None, **told: Any) -> Session:
    """One that belongs there."""
    return Session(Kind.HTTP, ("192.0.2.1", 1), 0.0, server_name=home, **told)


def made(*backends: Backend, algorithm: Any = None) -> Pool:
    """A pool of these."""
    given: Any = algorithm or Homes()
    return Pool("site", backends, given, ports=Turns().ports())


@pytest.mark.parametrize("told", [{"draining": True}, {"own_weight": 0.0}, {"tier": 1}])
def test_what_gets_nothing_new_keeps_its_own(told: dict[str, Any]) -> None:
    """A backend that drains, has no weight or comes after others serves the sessions that belong to it, no others."""
    one, other = backend("a"), backend("b")
    other.become(**told)
    pool = made(one, other)
    assert [pool.pick(session(home)).backend for home in ("b", "a", None)] == [other, one, one]
    assert (one.active, other.active) == (2, 1)


@pytest.mark.parametrize("told", [{"up": False}, {"ejected": True}])
def test_what_is_down_keeps_nothing(told: dict[str, Any]) -> None:
    """A backend that is down or ejected gets no session, whoever belongs there."""
    one, other = backend("a"), backend("b")
    other.become(**told)
    one_session = session("b")
    assert made(one, other).pick(one_session).backend is one
    assert one_session.tried == (other,)


def test_who_belongs_nowhere_gets_nothing_from_what_drains() -> None:
    """A picker that chooses a draining backend for somebody else is refused like any other."""
    one, other = backend("a"), backend("b")
    other.become(draining=True)
    pool = made(one, other)
    stray = session("b", alpn=None)
    pool.refresh()
    assert pool.policy.snapshot is not None
    pool.policy.snapshot.belongs = lambda _session, _backend: False
    assert pool.pick(stray).backend is one


def test_while_nobody_gets_anything_new() -> None:
    """A pool of which all drain serves those that belong there, and refuses the others; once all are down, all."""
    one = backend("a")
    one.become(draining=True)
    pool = made(one)
    assert pool.pick(session("a")).backend is one
    with pytest.raises(NoBackend, match="chose none"):
        pool.pick(session())
    one.become(up=False)
    pool.refresh()
    with pytest.raises(NoBackend, match="no backend is up"):
        pool.pick(session("a"))


def test_who_is_to_wait_waits() -> None:
    """A session whose own backend is full waits for it though another has room, and gets the room that comes free."""
    rooms = Rooms(1, 1, algorithm=Homes())
    first = rooms.client()
    first.session.become(server_name="a")
    with pytest.raises(PoolFull):
        rooms.pool.pick(session("a"))
    waiting = rooms.waiting()
    waiting.session.become(server_name="a")
    rooms.turns.run()
    assert waiting.fates == []
    assert rooms.pool.pick(session("b")).backend.name == "b"
    first.end()
    rooms.turns.run()
    assert waiting.fate == "a"


def test_nobody_waits_for_what_is_tried_out() -> None:
    """A session whose own backend is tried out, and has who tries it, gets another in place of an error."""
    one, other = backend("a"), backend("b")
    algorithm: Any = Homes()
    pool = Pool("pool", [one, other], algorithm, ports=Turns(look=0.0).ports())
    one.become(trial=1)
    pool.refresh()
    picked = [pool.pick(Session(Kind.TCP, ("192.0.2.1", 1), 0.0, server_name="a")).backend for _ in range(2)]
    assert picked == [one, other]


def test_who_waits_for_what_drains() -> None:
    """Room on a backend that drains goes to those who wait because they belong there."""
    rooms = Rooms(1, 1, algorithm=Homes())
    first = rooms.client()
    rooms.backends[0].become(draining=True)
    rooms.pool.refresh()
    waiting = rooms.waiting()
    waiting.session.become(server_name="a")
    rooms.turns.run()
    first.end()
    rooms.turns.run()
    assert waiting.fate == "a"


def test_who_is_to_move_moves() -> None:
    """Without the wish to wait, a session whose own backend is full gets another."""
    algorithm = Homes()
    algorithm.waits = False
    rooms = Rooms(1, 1, algorithm=algorithm)
    rooms.client()
    assert rooms.pool.pick(session("a")).backend.name == "b"


def test_a_fault_in_telling_who_belongs_is_contained() -> None:
    """What raises is counted, and the session belongs nowhere."""
    one, other = backend("a"), backend("b")
    other.become(draining=True)
    algorithm = Homes()
    pool = made(one, other, algorithm=algorithm)
    algorithm.raises = True
    assert pool.pick(session("b")).backend is one
    assert pool.policy.faults.count == 1


def test_the_picker_has_a_say_in_what_the_backend_is_asked() -> None:
    """The head is as the picker wants it; the very same where it changes nothing; what is no head is contained."""
    one = backend("a")
    lease = made(one).pick(session())
    assert lease.has_say
    assert lease.requested(HEAD) is HEAD
    assert made(one).pick(session(alpn="changed")).requested(HEAD).get("x-home") is None
    with pytest.raises(PolicyFailed):
        made(one).pick(session(alpn="wrong")).requested(HEAD)


def test_others_have_no_say() -> None:
    """A picker that says nothing of requests leaves them as they are, and no session belongs to anybody."""

    class Plain:
        name = "plain"

        def picker(self, backends: Any, random: Any) -> Any:
            return lambda _session: backends[0]

    lease = made(backend("a"), algorithm=Plain()).pick(session())
    assert (lease.has_say, lease.belongs(), lease.awaits_room()) == (False, False, False)
    assert lease.requested(HEAD) is HEAD


def test_a_stranger_is_refused_all_the_same() -> None:
    """A picker that knows who belongs where may choose any backend of the pool, and none from elsewhere."""
    one = backend("a")
    algorithm: Any = Homes()
    policy = Policy(algorithm, "site", Turns().ports(), [one])
    policy.prepare([one])
    algorithm.known["x"] = backend("x")
    assert policy.snapshot is not None
    with pytest.raises(PolicyFailed):
        policy.ask(policy.snapshot, session("x"))
