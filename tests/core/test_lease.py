"""What a lease tells of the session that it is for, and what it counts when that ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from balancer.core.backend import Backend
from balancer.core.lease import Lease
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.pool import Pool
from balancer.core.session import Session
from balancer.errors import BalancerError, ConnectFailed, DownstreamGone, Side
from balancer.interfaces import Kind, Phase
from tests.core.policies import Steered, Turns, backend


def session() -> Session:
    """Any."""
    return Session(Kind.HTTP, ("192.0.2.1", 1), 0.0)


def leased(algorithm: Any, **settings: Any) -> Lease:
    """One pick."""
    pool = Pool("site", [backend("b0")], algorithm, ports=Turns().ports(), **settings)
    return pool.pick(session())


def test_a_lease_tells_how_it_ended() -> None:
    """The picker that chose learns once which session ended, when, how long, how far, and by whose doing."""
    algorithm, error = Steered(), ConnectFailed("refused")
    lease = leased(algorithm)
    lease.answered()
    first = lease.first_byte
    lease.answered()
    lease.end(Phase.CONNECT, status=502, error=error)
    lease.end()
    lease.answered()
    (outcome,) = algorithm.book.outcomes
    assert (outcome.phase, outcome.side, outcome.status, outcome.error) == (Phase.CONNECT, Side.UPSTREAM, 502, error)
    assert outcome.session is lease.session
    assert first is not None
    assert first == outcome.first_byte == lease.first_byte
    assert 0 < first < outcome.duration < outcome.now
    assert lease.backend.timing.at(outcome.now) == pytest.approx(first, rel=0.01)


def test_what_ends_unanswered_has_no_first_byte() -> None:
    """A first byte after the end counts for nothing, and the backend's latency stays unknown."""
    algorithm = Steered()
    lease = leased(algorithm)
    lease.end()
    lease.answered()
    assert (lease.first_byte, lease.backend.latency) == (None, None)
    (outcome,) = algorithm.book.outcomes
    assert (outcome.first_byte, outcome.phase, outcome.side) == (None, Phase.DONE, None)


class Marking:
    """An algorithm whose picker takes the first, which is everybody's own, and marks heads; sessions wait for room."""

    name, waits = "marking", True

    def picker(self, backends: Any, random: Any) -> Any:
        """Be a picker itself."""
        self.first = backends[0]
        return self

    def __call__(self, session: Any) -> Any:
        """The first."""
        return self.first

    def responded(self, session: Any, one: Backend, head: ResponseHead) -> ResponseHead:
        """Say who answered."""
        return head.with_field("x-from", one.name)

    def requested(self, session: Any, one: Backend, head: RequestHead) -> RequestHead:
        """Say for whom it is."""
        return head.with_field("x-to", one.name)

    def belongs(self, session: Any, one: Backend) -> bool:
        """Always."""
        return True


def test_the_picker_that_chose_sees_the_heads() -> None:
    """The heads of request and answer pass the picker that made the choice, and stay where it has no say."""
    asked, head = RequestHead("GET", "/"), ResponseHead(200, "OK")
    lease, other = leased(Marking()), leased(Steered())
    assert lease.requested(asked).get("x-to") == "b0"
    assert lease.responded(head).get("x-from") == "b0"
    assert (lease.has_say, other.has_say) == (True, False)
    assert (other.requested(asked), other.responded(head)) == (asked, head)
    lease.end()
    assert lease.backend.served == 1


def test_whose_backend_it_is() -> None:
    """A session waits for room on its own backend when that is full and well, where the picker says so."""
    lease, other = leased(Marking()), leased(Steered())
    assert (lease.belongs(), other.belongs()) == (True, False)
    assert not lease.awaits_room()
    lease.backend.become(max_connections=1)
    other.backend.become(max_connections=1)
    assert (lease.awaits_room(), other.awaits_room()) == (True, False)
    lease.backend.become(trial=1)
    assert not lease.awaits_room()
    lease.backend.become(trial=None)
    lease.backend.become(up=False)
    assert not lease.awaits_room()


ENDS: list[tuple[int | None, BalancerError | None, bool]] = [
    (None, None, False),
    (404, None, False),
    (500, None, True),
    (None, ConnectFailed("refused"), True),
    (200, DownstreamGone("left"), False),
    (503, DownstreamGone("left"), True),
]


@pytest.mark.parametrize(("status", "error", "holds"), ENDS)
@pytest.mark.parametrize("hold", [1.0, None])
def test_a_pool_holds_what_its_backends_failed(
    status: int | None, error: BalancerError | None, holds: bool, hold: float | None
) -> None:
    """What ended by the backend's doing, or with a status from 500 up, is held, and nothing else; nothing with None."""
    lease = leased(Steered(), failure_hold=hold)
    backend = lease.backend
    lease.end(status=status, error=error)
    lease.end(status=status, error=error)
    assert backend.held == backend.active == (holds and hold is not None)
    assert backend.live == 0
    assert backend.served + backend.failed == 1


class Listener:
    """Somebody who reads the heads of answers."""

    def heard(self, one: Backend, head: ResponseHead) -> ResponseHead:
        """Say that it was read."""
        return head.with_field("x-heard", one.name)


def test_who_listens_reads_answers_first() -> None:
    """Where backends report in their answers these are read, whether or not the picker has a say in them."""
    pool = Pool("site", [backend("b0")], Steered(), ports=Turns().ports())
    listener: Any = Listener()
    pool.hearing = listener
    lease = pool.pick(session())
    assert lease.has_say
    assert lease.responded(ResponseHead(200, "OK")).get("x-heard") == "b0"


def test_a_refused_pick_is_no_session() -> None:
    """The picker is told that its choice does not stand, once; the session has tried that backend then."""
    algorithm = Steered()
    lease = leased(algorithm)
    lease.refuse()
    lease.refuse()
    lease.end()
    (outcome,) = algorithm.book.outcomes
    assert outcome.phase is Phase.PICK
    assert lease.session.tried == (lease.backend,)
    assert (lease.backend.served, lease.backend.failed) == (0, 0)


def test_a_session_tries_a_backend_once() -> None:
    """What is refused a second time is not noted twice."""
    pool = Pool("site", [backend("b0")], Steered(), ports=Turns().ports())
    one = session()
    leases = [pool.pick(one), pool.pick(one)]
    for lease in leases:
        lease.refuse()
    assert one.tried == (leases[0].backend,)


class Watching:
    """Somebody who is told how sessions end."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def ended(self, *told: Any) -> None:
        """Note it."""
        self.told.append(told)


def test_who_watches_is_told_of_each_end() -> None:
    """Whoever watches the pool hears once of each session how it ended, and of no pick that did not stand."""
    pool, error = Pool("site", [backend("b0")], Steered(), ports=Turns().ports()), ConnectFailed("refused")
    first, second, third = (pool.pick(session()) for _ in range(3))
    watching: Any = Watching()
    pool.watch = watching
    third.refuse()
    for _ in range(2):
        first.end()
        second.end(Phase.CONNECT, status=502, error=error)
    assert watching.told == [(first, Phase.DONE, None, None), (second, Phase.CONNECT, 502, error)]


class Listening(Pool):
    """A pool that notes where room came free."""

    def __init__(self, *given: Any, **settings: Any) -> None:
        self.heard: list[Backend] = []
        super().__init__(*given, **settings)

    def freed(self, backend: Backend) -> None:
        """Note it."""
        super().freed(backend)
        self.heard.append(backend)


def test_room_is_told_of_while_anybody_waits() -> None:
    """The end of a session is news for those who wait, and costs no call while nobody does."""
    pool = Listening("site", [backend("b0")], Steered(), ports=Turns().ports())
    first, second = pool.pick(session()), pool.pick(session())
    first.end()
    assert pool.heard == []
    pool.waiting = 1
    second.end()
    second.end()
    assert pool.heard == [second.backend]


def test_who_listens_sees_answers_first() -> None:
    """Where somebody listens to answers, their heads are as that leaves them, for the picker too, until the end."""
    pool = Pool("site", [one := backend("b0")], Steered(), ports=Turns().ports())
    head = ResponseHead(200, fields=(("x-load", "3"), ("server", "x")))
    assert not pool.pick(session()).has_say
    heard = list[Backend]()

    def listen(by: Backend, given: ResponseHead) -> ResponseHead:
        heard.append(by)
        return given.without("x-load")

    listening: Any = SimpleNamespace(heard=listen)
    pool.hearing = listening
    lease = pool.pick(session())
    assert lease.has_say
    assert lease.responded(head).fields == (("server", "x"),)
    lease.end()
    assert lease.responded(head) is head
    assert heard == [one]
