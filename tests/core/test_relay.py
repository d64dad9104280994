"""The relay: which stream is told what and when, how it ends, and that nothing of it stays."""

from __future__ import annotations

import gc
from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.deadlines import Deadlines
from balancer.core.relay import TRANSITIONS, Input, Relay, State
from balancer.errors import BalancerError, DownstreamGone, Draining, IdleTimeout, UpstreamGone
from tests.core.transcript import Transcript
from tests.core.virtual_time import VirtualTime

IDLE, LINGER = 10.0, 4.0
GRANULES = 0.5
"""How much later than its time a deadline may fire here: a few of its granules."""


class FakeStream:
    """One connection, which writes down what it is told, and may break at a word."""

    def __init__(self, transcript: Transcript, name: str) -> None:
        self._transcript, self._name, self.unsent = transcript, name, 0

    def write(self, data: bytes) -> None:
        self._transcript.say(f"{self._name} << {data.decode()}")

    def finish(self) -> None:
        self._transcript.say(f"{self._name} << fin")

    def close(self) -> None:
        self._transcript.say(f"{self._name} closed")

    def abort(self) -> None:
        self._transcript.say(f"{self._name} cut")

    def pause(self) -> None:
        self._transcript.say(f"{self._name} paused")

    def resume(self) -> None:
        self._transcript.say(f"{self._name} resumed")


class Between:
    """A relay between two streams."""

    def __init__(self) -> None:
        self.clock, transcript = VirtualTime(0.0), Transcript()
        self.deadlines = Deadlines(self.clock)
        self.transcript = transcript
        self.ends: list[BalancerError | None] = []
        self.client = FakeStream(transcript, "client")
        self.relay = Relay(
            self.client,
            FakeStream(transcript, "backend"),
            deadlines=self.deadlines,
            idle=IDLE,
            linger=LINGER,
            done=self.ends.append,
        )
        self.downstream, self.upstream = self.relay.downstream, self.relay.upstream

    def reach(self, state: State) -> None:
        """Bring the relay there, and forget what was said on the way."""
        if state is State.CLOSED:
            self.relay.fail(Draining())
        elif state is not State.OPEN:
            self.enter(Input.DOWNSTREAM_FIN if state is State.DOWNSTREAM_FINISHED else Input.UPSTREAM_FIN)
        self.transcript.take()

    def enter(self, what: Input) -> None:
        """Let that happen."""
        steps: dict[Input, Callable[[], None]] = {
            Input.DOWNSTREAM_FIN: self.downstream.finished,
            Input.UPSTREAM_FIN: self.upstream.finished,
            Input.FAILURE: lambda: self.relay.fail(Draining()),
        }
        steps[what]()

    def error(self) -> type[BalancerError | None]:
        """What the one end was."""
        (end,) = self.ends
        return type(end)


def test_a_relay_reads_as_a_conversation() -> None:
    """Bytes and ends go to the other stream as they come, and both connections close when both have ended."""
    between = Between()
    between.downstream.data(b"ask")
    between.downstream.finished()
    between.upstream.data(b"answer")
    between.upstream.finished()
    said = between.transcript.take()
    assert said[:3] == ["backend << ask", "backend << fin", "client << answer"]
    assert sorted(said[-2:]) == ["backend closed", "client closed"]
    assert (between.downstream.size, between.upstream.size) == (3, 6)
    assert between.ends == [None]
    assert len(between.deadlines) == 0


def test_pressure_on_one_output_holds_the_other_input() -> None:
    """While one side does not read fast enough the other is not read, and after that it is."""
    between = Between()
    between.downstream.pressure(high=True)
    between.upstream.pressure(high=True)
    between.downstream.pressure(high=False)
    between.upstream.pressure(high=False)
    assert between.transcript.take() == ["backend paused", "client paused", "backend resumed", "client resumed"]


@pytest.mark.parametrize(("state", "what"), list(product(State, Input)))
def test_the_table_is_what_happens(state: State, what: Input) -> None:
    """Every input leads where the table says, says nothing where it is not listed, and ends a relay only once."""
    between = Between()
    between.reach(state)
    between.enter(what)
    expected = TRANSITIONS.get((state, what), state)
    assert between.relay.state is expected
    assert (between.transcript.take() == []) is ((state, what) not in TRANSITIONS)
    assert len(between.ends) == (expected is State.CLOSED)
    assert len(between.deadlines) == (expected is not State.CLOSED)


def test_every_state_can_be_reached_and_the_last_has_no_way_out() -> None:
    """The table leads to every state, and out of every one but the last."""
    assert set(TRANSITIONS.values()) == set(State) - {State.OPEN}
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.CLOSED}


@pytest.mark.parametrize("state", set(State) - {State.CLOSED}, ids=lambda state: state.name)
@pytest.mark.parametrize("side", ["client", "backend"])
def test_one_side_lost_cuts_the_other(state: State, side: str) -> None:
    """A connection that breaks at any point is the end of both, blamed on its side."""
    between = Between()
    between.reach(state)
    (between.downstream.lost if side == "client" else between.upstream.lost)()
    assert sorted(between.transcript.take()) == ["backend cut", "client cut"]
    assert between.error() is (DownstreamGone if side == "client" else UpstreamGone)
    assert len(between.deadlines) == 0


@pytest.mark.parametrize("line", ["backend << fin", "backend << ask", "backend cut", "client cut", "backend paused"])
def test_a_stream_may_break_while_it_is_spoken_to(line: str) -> None:
    """A stream that breaks, and says so, in the middle of a call still ends the relay only once, and for good."""
    between = Between()
    between.transcript.when[line] = between.upstream.lost
    between.downstream.pressure(high=True)
    between.downstream.data(b"ask")
    between.downstream.finished()
    between.relay.fail(Draining())
    assert line in between.transcript.lines
    assert len(between.ends) == 1
    assert len(between.deadlines) == 0
    assert between.relay.state is State.CLOSED


@given(
    steps=st.lists(st.tuples(st.floats(0.2, 14), st.sampled_from(["down", "up", "low", "high"])), max_size=8),
    half=st.booleans(),
)
def test_silence_ends_it_when_and_only_when_nothing_moved(steps: list[tuple[float, str]], half: bool) -> None:
    """Idle and linger count from the last movement: bytes of either side, an end, or an output that has drained."""
    between = Between()
    limit, silent = IDLE, 0.0
    if half:
        between.upstream.finished()
        limit = LINGER
    for seconds, what in steps:
        between.clock.advance(seconds)
        silent += seconds
        if silent > limit + GRANULES:
            break
        if silent > limit - GRANULES:
            return  # the granules decide
        assert between.ends == []
        move(between.relay, what)
        silent = silent if what == "high" else 0.0
    between.clock.advance(max(0.0, limit + GRANULES - silent))
    assert between.error() is IdleTimeout
    assert between.transcript.take()[-2:] == ["client closed", "backend closed"]
    assert len(between.deadlines) == 0


def test_a_peer_that_reads_slowly_is_not_silent() -> None:
    """As long as a peer takes of what was written for it something moves, however little and whatever else is still."""
    between = Between()
    between.upstream.finished()
    for unsent in (30, 29, 12, 1):
        between.client.unsent = unsent
        between.clock.advance(LINGER)
        assert between.ends == []
    between.clock.advance(2 * LINGER + 2 * GRANULES)
    assert between.error() is IdleTimeout


@pytest.mark.parametrize("half", [False, True])
def test_what_a_peer_does_not_take_is_not_ended_in_order(half: bool) -> None:
    """When silence ends it with bytes on their way, both sides are cut, so that neither takes a part for the whole."""
    between = Between()
    if half:
        between.downstream.finished()
    between.client.unsent = 3
    between.transcript.take()
    between.clock.advance(2 * IDLE + 2 * GRANULES)
    assert between.error() is IdleTimeout
    assert between.transcript.take() == ["client cut", "backend cut"]


def test_what_a_slow_peer_takes_is_not_made_up_for_by_what_is_new_for_it() -> None:
    """As much may wait for a peer as when it was last looked at, of which it has taken some all the same."""
    between = Between()
    between.client.unsent = 3
    between.clock.advance(IDLE + GRANULES)
    between.upstream.data(b"x")
    between.clock.advance(IDLE * 0.9)
    between.clock.advance(IDLE * 0.5)
    assert between.ends == []


def move(relay: Relay, what: str) -> None:
    """Let something happen, or not."""
    if what == "down":
        relay.downstream.data(b"x")
    elif what == "up":
        relay.upstream.data(b"x")
    else:
        relay.downstream.pressure(high=what == "high")


def test_a_relay_that_is_over_is_no_work_for_the_garbage_collector() -> None:
    """Its parts know each other no more, so that reference counts alone free it with the last who knows it."""

    def relays() -> int:
        return sum(type(one) is Relay for one in gc.get_objects())

    between = Between()
    gc.collect()
    gc.disable()
    try:
        before = relays()
        between.relay.fail(Draining())
        del between
        assert relays() == before - 1
    finally:
        gc.enable()


def test_what_moves_by_another_way_counts_as_well() -> None:
    """Bytes that the kernel moved are counted, and are movement, though the relay never saw them."""
    between = Between()
    between.upstream.moved(1000)
    assert between.upstream.size == 1000
    between.clock.advance(IDLE - 1)
    between.downstream.moved(1)
    between.clock.advance(IDLE - 1)
    assert between.ends == []
    assert between.transcript.take() == []


def test_linger_begins_with_the_first_end() -> None:
    """The open direction has the linger time from the moment at which the other one ended."""
    between = Between()
    between.clock.advance(IDLE - 1)
    between.downstream.finished()
    between.clock.advance(LINGER - 1)
    assert between.ends == []
    between.clock.advance(1 + GRANULES)
    assert between.error() is IdleTimeout


def test_pressure_after_the_end_moves_nothing() -> None:
    """A relay that has ended speaks to neither stream again."""
    between = Between()
    between.reach(State.CLOSED)
    between.downstream.pressure(high=True)
    between.upstream.pressure(high=False)
    assert between.transcript.take() == []
    assert len(between.deadlines) == 0
