"""A pool with limits and its queue through everything at once, against a model of who waits and whose turn it is."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from balancer.core.backend import Backend
from balancer.core.pool import Lease
from balancer.errors import ConnectFailed, NoBackend, PoolFull
from balancer.interfaces import Report
from tests.core.policies import Steered
from tests.core.rooms import PATIENCE, Client, Rooms

PLACES = (1, 2, 3, None)
QUEUE = 5
LATE = 0.35
"""Seconds by which a time-out may be late: its granules."""
members = st.integers(0, len(PLACES) - 1)
hosts = st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"])


class Line:
    """Those who wait, as the rule is told: sources in a row, each with those who wait for it."""

    def __init__(self) -> None:
        self.sources: list[tuple[str, list[Client]]] = []

    def add(self, client: Client) -> None:
        """Behind those of its source, or as a new source behind all."""
        source = client.session.client[0].rpartition("::")[0] or client.session.client[0]
        for other, clients in self.sources:
            if other == source:
                clients.append(client)
                return
        self.sources.append((source, [client]))

    def remove(self, client: Client, *, in_turn: bool) -> None:
        """One fewer, and if it was their turn, its source goes to the end of the row."""
        place = next(place for place, (_, clients) in enumerate(self.sources) if client in clients)
        source, clients = self.sources.pop(place)
        clients.remove(client)
        if clients:
            self.sources.insert(len(self.sources) if in_turn else place, (source, clients))


class Waiting:
    """Who waits and since when, and whose turn it is, by the rule."""

    def __init__(self) -> None:
        self.since: dict[Client, float] = {}
        self.lines: dict[frozenset[Backend], Line] = {}

    def add(self, client: Client, now: float) -> None:
        """One more."""
        self.since[client] = now
        self.lines.setdefault(frozenset(client.session.tried), Line()).add(client)

    def remove(self, client: Client, *, in_turn: bool) -> None:
        """It waits no longer."""
        del self.since[client]
        tried = frozenset(client.session.tried)
        self.lines[tried].remove(client, in_turn=in_turn)
        if not self.lines[tried].sources:
            del self.lines[tried]

    def first(self, backend: Backend) -> Client | None:
        """Whose turn it is when that backend has room: those who have tried most come first."""
        lines = [(len(tried), line) for tried, line in self.lines.items() if backend not in tried]
        most = max((length for length, _ in lines), default=None)
        return next((line.sources[0][1][0] for length, line in lines if length == most), None)


class Visitor(Client):
    """A client whose machine hears when it is served after a wait."""

    def __init__(self, host: str, machine: RoomMachine) -> None:
        super().__init__(host)
        self.machine = machine

    def served(self, lease: Lease) -> None:
        super().served(lease)
        self.machine.served_now(self, lease)


class RoomMachine(RuleBasedStateMachine):
    """Every rule is something that happens; the invariants are what the pool promises all the while."""

    def __init__(self) -> None:
        super().__init__()
        self.rooms = Rooms(*PLACES, queue=QUEUE, algorithm=Steered("at random"))
        self.served: list[Visitor] = []
        self.waiting = Waiting()
        self.waited = self.timed_out = self.refused = self.longest = 0
        self.rooms.turn(3, up=False)  # the one that has no limit, or nobody would wait

    @rule(host=hosts, answer=st.sampled_from(["first", "last", "at random"]))
    def arrive(self, host: str, answer: str) -> None:
        """A client comes, and the algorithm has a new whim."""
        self.rooms.algorithm.answer = answer
        self.seek(Visitor(host, self))

    @precondition(lambda self: self.served)
    @rule(data=st.data(), failed=st.booleans())
    def end(self, data: Any, failed: bool) -> None:
        """A session ends; or its connection to the backend failed, and it seeks another."""
        client = self.served.pop(data.draw(st.integers(0, len(self.served) - 1)))
        assert client.lease is not None
        client.lease.end(error=ConnectFailed("refused") if failed else None)
        if failed:
            client.session.tried_on(client.lease.backend)
            client.fates.clear()
            self.seek(client)

    @precondition(lambda self: self.waiting.since)
    @rule(data=st.data())
    def leave(self, data: Any) -> None:
        """A client that waits goes away, and is not called."""
        client = data.draw(st.sampled_from(list(self.waiting.since)))
        client.wait.cancel()
        self.waiting.remove(client, in_turn=False)
        assert client.fates == []

    @rule(place=members, up=st.booleans(), draining=st.booleans(), weight=st.sampled_from([0.0, 1.0]))
    def change(self, place: int, up: bool, draining: bool, weight: float) -> None:
        """Health or control says something of a backend."""
        self.rooms.backends[place].apply(Report(weight=weight))
        self.rooms.turn(place, up=up, draining=draining)

    @rule(seconds=st.floats(0.1, PATIENCE))
    def wait(self, seconds: float) -> None:
        """Time passes, and those who waited for long enough are told so."""
        self.rooms.time.advance(seconds)
        now = self.rooms.time.time
        for client, since in list(self.waiting.since.items()):
            assert now < since + PATIENCE + LATE or client.fates
            if client.fates:
                assert client.fate == "queue-timeout"
                assert since + PATIENCE <= now
                self.timed_out += 1
                self.waiting.remove(client, in_turn=False)

    @rule(turns=st.integers(1, 3))
    def pass_turns(self, turns: int) -> None:
        """The reactor turns, and room is given out."""
        self.rooms.turns.run(turns)

    def seek(self, client: Visitor) -> None:
        """A client is served, waits or is refused: each when it has to be."""
        useful = [one for one in self.rooms.backends if one.usable and one not in client.session.tried]
        room = [one for one in useful if not one.full]
        try:
            lease = self.rooms.pool.pick(client.session)
        except PoolFull:
            assert useful
            assert not room or self.rooms.turns.queue
            self.queue_up(client)
        except NoBackend:
            assert not useful
        else:
            assert lease.backend in room
            client.lease = lease
            self.served.append(client)

    def queue_up(self, client: Visitor) -> None:
        """There is a place in the queue, or not."""
        full = len(self.waiting.since) == QUEUE
        try:
            client.wait = self.rooms.pool.wait(client.session, client)
        except PoolFull:
            assert full
            self.refused += 1
        else:
            assert not full
            self.waited += 1
            self.waiting.add(client, self.rooms.time.time)
            self.longest = max(self.longest, len(self.waiting.since))

    def served_now(self, client: Visitor, lease: Lease) -> None:
        """One who waited is served: there was room on a backend for which it was its turn."""
        others = {one: one.active - (one is lease.backend) for one in self.rooms.backends if one.usable}
        room = [one for one, active in others.items() if one.max_connections is None or active < one.max_connections]
        assert lease.backend in room
        assert lease.backend not in client.session.tried
        assert client in [self.waiting.first(backend) for backend in room]
        self.waiting.remove(client, in_turn=True)
        self.served.append(client)

    @invariant()
    def bounds_hold(self) -> None:
        """No backend has more sessions than it takes, and each is a session that was served and has not ended."""
        for backend in self.rooms.backends:
            assert backend.active <= (backend.max_connections or backend.active)
            assert backend.active == sum(client.lease.backend is backend for client in self.served if client.lease)

    @invariant()
    def counts_are_true(self) -> None:
        """The pool counts who waits, and how waits ended; a time-out is armed for each who waits."""
        pool = self.rooms.pool
        assert (pool.waiting, pool.longest_queue, pool.waited) == (len(self.waiting.since), self.longest, self.waited)
        assert (pool.timed_out, pool.refused) == (self.timed_out, self.refused)
        assert len(self.rooms.deadlines) == len(self.waiting.since) <= QUEUE

    @invariant()
    def room_is_given_out(self) -> None:
        """Unless that is about to happen, nobody waits for a backend that has room."""
        for client in () if self.rooms.turns.queue else self.waiting.since:
            useful = [one for one in self.rooms.backends if one.usable and one not in client.session.tried]
            assert all(one.full for one in useful)

    def teardown(self) -> None:
        """In the end each has been served, timed out, refused or gone, and nothing is counted any more."""
        while self.served or self.rooms.turns.queue:
            while self.served:
                self.served.pop().end()
            self.rooms.turns.run()
        self.wait(PATIENCE + LATE)
        assert not self.waiting.since
        assert not any(backend.active for backend in self.rooms.backends)
        assert self.rooms.pool.waiting == len(self.rooms.deadlines) == 0


TestRooms: Any = RoomMachine.TestCase
TestRooms.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
