"""Room on backends: never more sessions than it is for, and who waits for it gets it; the machine has the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from balancer.core.limited_pool import BATCH
from balancer.errors import BalancerError, NoBackend, PolicyFailed, PoolFull
from balancer.interfaces import Report
from tests.core.policies import Steered
from tests.core.rooms import PATIENCE, Client, Rooms


class Asks:
    """An algorithm that asks a function; its own picker."""

    name = "asks"

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self.answer, self.asked = answer, 0
        self.backends: tuple[Any, ...] = ()

    def picker(self, backends: Any, random: Any) -> Any:
        """Be the picker."""
        self.backends = backends
        return self

    def __call__(self, session: Any) -> Any:
        """Choose."""
        self.asked += 1
        return self.answer(session)


def test_a_full_backend_is_passed_over() -> None:
    """Whatever the algorithm wants, a full backend gets no more, and the session goes where there is room."""
    rooms = Rooms(1, 2)
    clients = [rooms.client() for _ in range(3)]
    assert [client.fate for client in clients] == ["a", "b", "b"]
    assert all(client.session.tried == () for client in clients)
    with pytest.raises(PoolFull, match="'pool': every backend is full"):
        rooms.client()


def test_a_backend_without_a_limit_is_never_full() -> None:
    """Beside one with a limit another may have none, and takes all there are."""
    rooms = Rooms(1, None)
    assert [rooms.client().fate for _ in range(5)] == ["a", "b", "b", "b", "b"]
    assert [one.full for one in rooms.backends] == [True, False]


def test_a_higher_tier_serves_what_finds_the_lower_full() -> None:
    """A backup has what the primaries have no room for."""
    rooms = Rooms(1, 1)
    rooms.backends[1].become(tier=1)
    rooms.pool.refresh()
    assert [rooms.client().fate for _ in range(2)] == ["a", "b"]


def test_full_is_no_failure() -> None:
    """What was full for one pick may be chosen by the next of the same session; what had failed stays out."""
    rooms = Rooms(1, 1, 1)
    first, second = rooms.client(), rooms.client()
    third = Client("192.0.2.1", rooms.backends[2])
    with pytest.raises(PoolFull):
        rooms.pool.pick(third.session)
    assert third.session.tried == (rooms.backends[2],)
    first.end()
    assert rooms.pool.pick(third.session).backend is rooms.backends[0]
    assert second.fate == "b"


def test_who_tried_all_that_are_up_does_not_wait_for_them() -> None:
    """A session that no backend in use is left to is told so at once, whoever waits and whatever is full."""
    rooms = Rooms(1, 1)
    rooms.client()
    rooms.client()
    for _ in range(2):
        with pytest.raises(NoBackend) as caught:
            rooms.client("192.0.2.1", *rooms.backends)
        assert caught.value.reason == "no-backend"
        rooms.waiting()


def test_room_goes_to_who_waits() -> None:
    """When a session ends, who waited longest has its place in the next turn, as of now, and nobody who comes later."""
    rooms = Rooms(1)
    served = rooms.client()
    first, second = rooms.waiting(), rooms.waiting()
    rooms.time.advance(2)
    served.end()
    with pytest.raises(PoolFull, match="others wait"):
        rooms.client()
    assert first.fates == []
    rooms.turns.run()
    assert (first.fate, second.fates) == ("a", [])
    assert first.session.now == rooms.turns.time
    assert rooms.counts == {"waiting": 1, "longest_queue": 2, "waited": 2}


def test_a_flood_of_one_source_delays_others_by_a_turn() -> None:
    """Who comes after ten sessions of one address, or of one IPv6 network, is served second."""
    for flood in ("192.0.2.1", "2001:db8::{}"):
        rooms = Rooms(1, queue=20)
        served = rooms.client()
        floods = [rooms.waiting(flood.format(number)) for number in range(10)]
        other = rooms.waiting("192.0.2.2")
        for client in (served, floods[0]):
            client.end()
            rooms.turns.run()
        assert other.fate == "a"


def test_a_queue_has_an_end() -> None:
    """No more wait than may; the rest are refused and counted, and served again when there is room for them."""
    rooms = Rooms(1, queue=1)
    served, waiting = rooms.client(), rooms.waiting()
    with pytest.raises(PoolFull, match="no more than 1 may wait"):
        rooms.waiting()
    served.end()
    rooms.turns.run()
    waiting.end()
    assert rooms.client().fate == "a"
    assert rooms.counts == {"longest_queue": 1, "waited": 1, "refused": 1}


def test_a_wait_has_an_end() -> None:
    """Who waited for the time-out is told so, once, and has no place any more."""
    rooms = Rooms(1)
    served, waiting = rooms.client(), rooms.waiting()
    rooms.time.advance(PATIENCE)
    assert waiting.fates == []
    rooms.time.advance(0.5)
    assert waiting.fate == "queue-timeout"
    served.end()
    rooms.turns.run()
    assert rooms.backends[0].active == 0
    assert rooms.counts == {"longest_queue": 1, "waited": 1, "timed_out": 1}


def test_who_leaves_is_forgotten() -> None:
    """A wait that is cancelled is nobody's: no call, no place, no time-out, however often it is said."""
    rooms = Rooms(1)
    served, leaving, staying = rooms.client(), rooms.waiting(), rooms.waiting()
    assert leaving.wait is not None
    leaving.wait.cancel()
    leaving.wait.cancel()
    served.end()
    rooms.turns.run()
    assert staying.wait is not None
    staying.wait.cancel()
    assert (leaving.fates, staying.fate) == ([], "a")
    assert len(rooms.deadlines) == 0
    assert rooms.counts == {"longest_queue": 2, "waited": 2}


def test_room_that_nobody_waits_for_any_more() -> None:
    """When the last one leaves before it is served, the room is there for whoever comes."""
    rooms = Rooms(1)
    served, leaving = rooms.client(), rooms.waiting()
    served.end()
    assert leaving.wait is not None
    leaving.wait.cancel()
    assert rooms.client().fate == "a"
    rooms.turns.run()
    assert rooms.turns.queue == []


@pytest.mark.parametrize("change", ["up", "undrained", "weight"])
def test_a_backend_that_comes_into_use_serves_who_waits(change: str) -> None:
    """Who waits is served as soon as a backend comes up, is drained no more, or has a weight again."""
    rooms = Rooms(1, 2)
    if change == "weight":
        rooms.backends[1].apply(Report(weight=0))
        rooms.pool.refresh()
    else:
        rooms.turn(1, up=change != "up", draining=change == "undrained")
    rooms.client()
    waiting = [rooms.waiting() for _ in range(3)]
    rooms.turns.run()
    assert not any(client.fates for client in waiting)
    rooms.backends[1].apply(Report(weight=1))
    rooms.turn(1)
    rooms.turns.run()
    assert [client.fates for client in waiting] == [["b"], ["b"], []]


def test_a_backend_that_went_down_serves_nobody_who_waits() -> None:
    """Room on a backend that is down is none; who waits goes on, and who comes with nothing up is told so at once."""
    rooms = Rooms(1)
    served, waiting = rooms.client(), rooms.waiting()
    rooms.turn(0, up=False)
    served.end()
    with pytest.raises(NoBackend, match="no backend is up"):
        rooms.client()
    assert rooms.turns.queue == []
    rooms.turn(0)
    rooms.turn(0, up=False)
    rooms.turns.run()
    rooms.turn(0)
    rooms.turns.run()
    assert waiting.fate == "a"


def test_a_slow_algorithm_is_waited_for() -> None:
    """While the first picker for what came up is made in slices, who waits goes on waiting."""
    rooms = Rooms(1, algorithm=Steered())
    served, waiting = rooms.client(), rooms.waiting()
    rooms.turn(0, up=False)
    served.end()
    rooms.algorithm.making, rooms.algorithm.slices, rooms.turns.look = "in slices", 5, 0.01
    rooms.turn(0)
    rooms.turns.run(3)
    assert waiting.fates == []
    rooms.turns.run(9)
    assert waiting.fate == "a"


def test_who_failed_on_a_backend_waits_for_another() -> None:
    """Room on a backend that a session has tried is for the next who waits, or for whoever comes."""
    rooms = Rooms(1, 1)
    on_a, on_b = rooms.client(), rooms.client()
    picky, other = rooms.waiting("192.0.2.1", rooms.backends[1]), rooms.waiting()
    on_b.end()
    rooms.turns.run()
    assert (picky.fates, other.fate) == ([], "b")
    other.end()
    rooms.turns.run()
    assert rooms.client().fate == "b"
    rooms.waiting()
    on_a.end()
    rooms.turns.run()
    assert picky.fate == "a"


def test_who_comes_while_room_is_given_out_has_use_for_more() -> None:
    """Whoever joins in the moment in which others are served is served with them, if there is what they cannot use."""
    rooms = Rooms(1, 1)
    on_a, on_b = rooms.client(), rooms.client()
    picky = rooms.waiting("192.0.2.1", rooms.backends[1])
    on_b.end()
    rooms.turns.run()
    on_a.end()
    with pytest.raises(PoolFull):
        rooms.client()
    late = rooms.waiting()
    rooms.turns.run()
    assert (picky.fate, late.fate) == ("a", "b")


def test_an_algorithm_that_insists_on_what_failed() -> None:
    """When the algorithm names only what the session has tried, a full backend that it has not is waited for."""
    rooms = Rooms(1, None, algorithm=Steered("first"))
    rooms.client()
    rooms.algorithm.answer = "last"
    with pytest.raises(PoolFull):
        rooms.client("192.0.2.1", rooms.backends[1])


def test_what_the_algorithm_has_in_mind_is_waited_for() -> None:
    """An algorithm that has one backend in mind for a session, and no other, has it wait for that one."""
    wanted = Asks(lambda session: None if session.tried else wanted.backends[session.client[1] % 2])
    rooms = Rooms(1, 1, algorithm=wanted)
    clients = [Client("192.0.2.1") for _ in range(3)]
    for number, client in enumerate(clients):
        client.session.become(client=("192.0.2.1", number % 2))
    on_a, on_b, waits_for_a = clients
    on_a.served(rooms.pool.pick(on_a.session))
    on_b.served(rooms.pool.pick(on_b.session))
    rooms.pool.wait(waits_for_a.session, waits_for_a)
    on_b.end()
    rooms.turns.run()
    assert waits_for_a.fates == []
    on_a.end()
    rooms.turns.run()
    assert waits_for_a.fate == "a"


@pytest.mark.parametrize(("answer", "error"), [("none", NoBackend), ("raise", PolicyFailed)])
def test_what_the_algorithm_refuses_does_not_wait(answer: str, error: type[BalancerError]) -> None:
    """A session that the algorithm will not have, or fails on, is told so, when it comes or when its turn comes."""
    rooms = Rooms(1, 1)
    served = rooms.client()
    rooms.client()
    waiting = [rooms.waiting() for _ in range(2)]
    rooms.algorithm.answer = answer
    served.end()
    rooms.turns.run()
    assert [client.fate for client in waiting] == [error.reason] * 2
    with pytest.raises(error) as caught:
        rooms.client()
    assert caught.value.reason == error.reason


def test_much_room_is_given_out_in_several_turns() -> None:
    """However many a backend that comes up can serve, in one turn it is a few, and in the end it is all."""
    rooms = Rooms(1, 3 * BATCH, queue=3 * BATCH)
    rooms.turn(1, up=False)
    rooms.client()
    waiting = [rooms.waiting() for _ in range(3 * BATCH)]
    rooms.turn(1)
    for turn in range(1, 4):
        rooms.turns.run()
        assert sum(bool(client.fates) for client in waiting) == turn * BATCH


def test_one_who_fails_at_once_keeps_nobody_waiting() -> None:
    """A place that is given back in the moment it was given goes to the next, without nested calls."""
    rooms = Rooms(1, queue=2000)
    served = rooms.client()
    waiting = [Fleeting("192.0.2.1") for _ in range(2000)]
    for client in waiting:
        rooms.pool.wait(client.session, client)
    served.end()
    rooms.turns.run(2000)
    assert all(client.fate == "a" for client in waiting)
    assert rooms.backends[0].active == 0


class Fleeting(Client):
    """Gives its place back at once."""

    def served(self, lease: Any) -> None:
        super().served(lease)
        lease.end()


def test_one_who_raises_keeps_nobody_waiting() -> None:
    """A fault in whoever is served ends the turn, and the next one goes on."""
    rooms = Rooms(1)
    served, broken = rooms.client(), Broken("192.0.2.1")
    rooms.pool.wait(broken.session, broken)
    waiting = rooms.waiting()
    served.end()
    with pytest.raises(ZeroDivisionError):
        rooms.turns.run()
    rooms.turns.run()
    assert waiting.fate == "a"


class Broken(Client):
    """Fails to take what it is given."""

    def served(self, lease: Any) -> None:
        lease.end()
        raise ZeroDivisionError
