"""The relay between two model connections: any schedule gives both ends the bytes sent, within bounded buffers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from balancer.core.deadlines import Deadlines
from balancer.core.relay import Relay
from balancer.errors import BalancerError
from tests.core.virtual_time import VirtualTime

MARK, READ = 16, 8
LIMIT = 60.0
SIDES = st.sampled_from(["downstream", "upstream"])


class ModelStream:
    """A connection with a peer behind it: what the peer sent waits to be read, what was written waits to be taken."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent, self.taken = bytearray(), bytearray()
        self.inbox, self.outbox = bytearray(), bytearray()
        self.peer_finished = self.ended = self.paused = self.high = False
        self.finished = self.closed = self.aborted = False
        self.half: Any = None

    def write(self, data: bytes) -> None:
        assert not any((self.finished, self.closed, self.aborted))
        self.outbox += data
        if len(self.outbox) > MARK and not self.high:
            self.high = True
            self.tell("pressure", high=True)

    def finish(self) -> None:
        assert not self.closed
        assert not self.aborted
        self.finished = True

    def close(self) -> None:
        assert not self.closed
        self.finished = self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def tell(self, what: str, *args: object, **named: object) -> None:
        """Let the relay know."""
        step: Callable[..., None] = getattr(self.half, what)
        step(*args, **named)

    def read(self, size: int) -> None:
        """One read of the socket, if anybody wants one."""
        if self.paused or self.ended or self.aborted:
            return
        data = bytes(self.inbox[:size])
        del self.inbox[:size]
        if data:
            self.tell("data", data)
        elif self.peer_finished:
            self.ended = True
            self.tell("finished")

    @property
    def unsent(self) -> int:
        """What the peer has not taken."""
        return len(self.outbox)

    def take(self, size: int) -> None:
        """The peer reads."""
        self.taken += self.outbox[:size]
        del self.outbox[:size]
        if self.high and not self.outbox and not (self.finished or self.aborted):
            self.high = False
            self.tell("pressure", high=False)


class RelayMachine(RuleBasedStateMachine):
    """Two peers that send, read, finish and break as they like."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualTime(0.0)
        self.deadlines = Deadlines(self.clock)
        self.downstream, self.upstream = ModelStream("downstream"), ModelStream("upstream")
        self.ends: list[BalancerError | None] = []
        self.broken = False

    @initialize()
    def connect(self) -> None:
        relay = Relay(
            self.downstream, self.upstream, deadlines=self.deadlines, idle=LIMIT, linger=LIMIT, done=self.ends.append
        )
        self.downstream.half, self.upstream.half = relay.downstream, relay.upstream

    def stream(self, side: str) -> ModelStream:
        return self.downstream if side == "downstream" else self.upstream

    @rule(side=SIDES, data=st.binary(min_size=1, max_size=40))
    def send(self, side: str, data: bytes) -> None:
        stream = self.stream(side)
        if not stream.peer_finished:
            stream.sent += data
            stream.inbox += data

    @rule(side=SIDES, size=st.integers(1, READ))
    def read(self, side: str, size: int) -> None:
        self.stream(side).read(size)

    @rule(side=SIDES, size=st.integers(1, 2 * READ))
    def take(self, side: str, size: int) -> None:
        self.stream(side).take(size)

    @rule(side=SIDES)
    def crawl(self, side: str) -> None:
        """A peer takes one of several bytes in nearly the time in which something has to move."""
        if len(self.stream(side).outbox) > 1:
            self.stream(side).take(1)
            self.clock.advance(LIMIT * 0.9)

    @rule(side=SIDES)
    def finish(self, side: str) -> None:
        self.stream(side).peer_finished = True

    @precondition(lambda self: not self.ends)
    @rule(side=SIDES, luck=st.integers(0, 9))
    def lose(self, side: str, luck: int) -> None:
        if luck == 0:
            self.broken = True
            self.stream(side).tell("lost")

    @invariant()
    def buffers_are_bounded(self) -> None:
        assert len(self.downstream.outbox) <= MARK + READ
        assert len(self.upstream.outbox) <= MARK + READ

    @invariant()
    def what_came_out_is_what_went_in(self) -> None:
        for one, other in ((self.downstream, self.upstream), (self.upstream, self.downstream)):
            assert one.sent.startswith(other.taken + other.outbox)

    @invariant()
    def it_ends_once_and_for_both(self) -> None:
        assert len(self.ends) == (self.downstream.closed or self.broken)
        assert self.downstream.closed == self.upstream.closed
        assert self.downstream.aborted == self.upstream.aborted == self.broken
        assert len(self.deadlines) == (self.downstream.half is not None and not self.ends)

    def teardown(self) -> None:
        """Whatever was still to come comes, and everything has arrived."""
        if self.broken or self.downstream.half is None:
            return
        for stream in (self.downstream, self.upstream):
            stream.peer_finished = True
        for _ in range(2 + sum(len(stream.sent) for stream in (self.downstream, self.upstream))):
            for stream in (self.downstream, self.upstream):
                stream.read(READ)
                stream.take(READ)
        assert self.downstream.taken == self.upstream.sent
        assert self.upstream.taken == self.downstream.sent
        assert self.ends == [None]


TestRelayMachine = RelayMachine.TestCase
TestRelayMachine.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
