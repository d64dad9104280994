"""What a relay promises it keeps on every path: by splice, where there are no pipes, and on Twisted's reactor."""

# ruff: noqa: SLF001  looks inside what it tests

from __future__ import annotations

import functools
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from balancer.errors import Draining
from balancer.net.splice import PIPE_SIZE
from balancer.net.streams import BULKY
from tests.net.paths import MEBIBYTE, PATHS, Road, Talker

DATA = Random(8).randbytes(8 * MEBIBYTE + 1)
MOST = 32 * MEBIBYTE
"""More than the kernel's buffers on a way hold, with ours."""

each_path = pytest.mark.parametrize("path", PATHS)
each_first = pytest.mark.parametrize("first", [0, 1], ids=["client first", "backend first"])


def heard_all(talker: Talker) -> bool:
    """It has heard all of `DATA`."""
    return len(talker.heard) == len(DATA)


def bulky(road: Road, path: str) -> None:
    """The path was the one meant."""
    assert bool(road.pipes.times) is (path == "spliced")


@each_path
def test_bytes_arrive_as_they_were_sent(path: str) -> None:
    """What is poured in at both ends at once, in bits and in bulk, arrives in order, each byte once, and is counted."""
    random = Random(9)
    with Road(path) as road:
        client, backend = talkers = road.talk()
        for _ in range(60):
            for talker in talkers:
                at = random.randrange(MEBIBYTE)
                talker.say(DATA[at : at + random.choice([1, 1000, BULKY, MEBIBYTE])])
                talker.deaf = random.random() < 0.4
            road.turn()
        client.deaf = backend.deaf = False
        (end,) = road.ends
        road.until(lambda: len(backend.heard) == len(client.said) and len(client.heard) == len(backend.said))
        assert (backend.heard, client.heard) == (client.said, backend.said)
        relay = end._relay
        assert (relay.downstream.size, relay.upstream.size) == (len(client.said), len(backend.said))
        assert road.active == 1
        bulky(road, path)


@each_path
@each_first
def test_a_half_close_passes_behind_the_bytes(path: str, first: int) -> None:
    """Who has finished is heard to the end, though the listener hesitates, and still gets all of the answer."""
    with Road(path) as road:
        talkers = road.talk()
        one, other = talkers[first], talkers[1 - first]
        other.deaf = True
        one.say(DATA, finish=True)
        road.settle()
        other.deaf = False
        road.until(lambda: other.ending)
        assert (other.heard, other.ending, one.ending) == (DATA, "FIN", "")
        other.say(DATA, finish=True)
        road.until(lambda: one.ending)
        assert (one.heard, one.ending) == (DATA, "FIN")
        road.settle()
        assert (road.active, len(road.ends)) == (0, 0)
        bulky(road, path)


@each_path
@each_first
def test_a_reader_that_stops_stops_the_sender(path: str, first: int) -> None:
    """While one side reads nothing we hold a bounded part of what the other says; then all of it arrives."""
    with Road(path) as road:
        talkers = road.talk()
        one, other = talkers[first], talkers[1 - first]
        other.deaf = True
        one.say(bytes(MOST) + DATA)
        road.settle()
        assert one.sent < len(one.said)
        (end,) = road.ends
        road.until(lambda: end.held + end.other.held)
        assert end.held + end.other.held <= PIPE_SIZE + 2 * BULKY
        assert road.pipes.lent == (path == "spliced")
        other.deaf = False
        road.until(lambda: len(other.heard) == len(one.said))
        assert other.heard == one.said
        assert road.pipes.lent == 0


@each_path
def test_silence_ends_it(path: str) -> None:
    """When nothing has moved for the idle time, after bulk as well, both sides are closed in order."""
    with Road(path, idle=0.2) as road:
        client, backend = road.talk()
        for one, other in ((client, backend), (backend, client)):
            one.say(DATA)
            road.until(functools.partial(heard_all, other))
        assert not client.ending
        road.until(lambda: client.ending and backend.ending)
        assert (client.ending, backend.ending, road.active) == ("FIN", "FIN", 0)
        bulky(road, path)


@each_path
@each_first
def test_silence_after_a_half_close_ends_it(path: str, first: int) -> None:
    """Once one side has finished the other may be silent for the linger time, whatever the idle time is."""
    with Road(path, linger=0.2) as road:
        talkers = road.talk()
        talkers[first].say(DATA, finish=True)
        road.until(lambda: talkers[1 - first].ending)
        assert not talkers[first].ending
        road.until(lambda: talkers[first].ending)
        assert (talkers[first].ending, len(talkers[1 - first].heard), road.active) == ("FIN", len(DATA), 0)
        bulky(road, path)


@each_path
def test_a_slow_reader_gets_everything(path: str) -> None:
    """After the backend's FIN a client may take many times the linger time, as long as it takes something."""
    with Road(path, linger=0.2) as road:
        client, backend = road.talk()
        client.deaf = True
        backend.say(bytes(MOST), finish=True)
        road.settle()
        until = road.lean.reactor.seconds() + 1
        while road.lean.reactor.seconds() < until:
            client.deaf = not client.deaf
            client.bite = 1 << 15
            road.turn(0.01)
        assert not client.ending
        client.deaf, client.bite = False, MEBIBYTE
        road.until(lambda: client.ending)
        assert (len(client.heard), client.ending) == (MOST, "FIN")


@each_path
@each_first
def test_a_reader_that_takes_nothing_is_cut_off(path: str, first: int) -> None:
    """Nothing of what is on its way is taken for the idle time: both are reset, for a part is missing."""
    with Road(path, idle=0.2) as road:
        talkers = road.talk()
        one, other = talkers[first], talkers[1 - first]
        other.deaf = True
        one.say(bytes(MOST), finish=True)
        road.settle()
        road.until(lambda: not road.ends)
        assert (road.active, road.pipes.lent) == (0, 0)
        other.deaf = False
        road.until(lambda: one.ending and other.ending)
        assert (one.ending, other.ending) == ("RST", "RST")


@each_path
def test_a_drain_lets_it_go_on(path: str) -> None:
    """What is alive when a drain begins goes on to its own end, and with that the drain is over."""
    with Road(path) as road:
        client, backend = road.talk()
        backend.say(DATA)
        road.turn()
        drained: Deferred[None] = road.listener.drain()
        backend.say(DATA, finish=True)
        road.until(lambda: client.ending)
        assert (client.heard, drained.called) == (DATA + DATA, False)
        client.say(DATA, finish=True)
        road.until(lambda: drained.called)
        road.until(lambda: backend.ending)
        assert backend.heard == DATA
        bulky(road, path)


@each_path
def test_the_end_of_a_drain_cuts_both_off(path: str) -> None:
    """What does not end is reset on both sides, in the midst of bulk both ways, and nothing stays."""
    with Road(path) as road:
        talkers = road.talk()
        for talker in talkers:
            talker.deaf = True
            talker.say(bytes(MOST))
        road.settle()
        drained: Deferred[None] = road.listener.drain()
        road.listener.end_all(Draining("it is over"))
        road.until(lambda: drained.called)
        assert (road.active, road.pipes.lent) == (0, 0)
        for talker in talkers:
            talker.deaf = False
        road.until(lambda: all(talker.ending for talker in talkers))
        assert [talker.ending for talker in talkers] == ["RST", "RST"]


@each_path
@each_first
@pytest.mark.parametrize("state", ["at rest", "in bulk", "unheard", "after its FIN", "after the other's FIN"])
def test_a_reset_passes(path: str, first: int, state: str) -> None:
    """Whoever breaks off, and when: the other side is reset, has heard no byte that was not said, and nothing stays."""
    with Road(path) as road:
        talkers = road.talk()
        one, other = talkers[first], talkers[1 - first]
        other.say(DATA if state == "in bulk" else b"x", finish=state == "after the other's FIN")
        one.say(DATA, finish=state == "after its FIN")
        one.deaf = state == "unheard"
        if state == "in bulk":
            road.until(lambda: len(other.heard) > BULKY)
        else:
            road.settle()
        if state == "unheard":
            other.say(bytes(MOST))
            road.settle()
        one.cut()
        if state == "after its FIN":  # who has finished is not listened to: to write to it tells
            other.say(DATA)
        road.until(lambda: not road.ends)
        road.until(lambda: other.ending == "RST" or (other.ending == "FIN" and state == "after its FIN"))
        assert DATA.startswith(other.heard)
        assert (road.active, road.pipes.lent) == (0, 0)


Script = list[tuple[int, str, int]]
SIZES = st.sampled_from([1, 9, 5000, BULKY - 1, BULKY, BULKY + 1, 300_000, 2 * MEBIBYTE])
SIDES = st.sampled_from([0, 1])


def steps(*more: str) -> st.SearchStrategy[Script]:
    """Who does what, and how much; most of it is to speak."""
    whats = st.sampled_from(["say", "say", "say", "finish", "stop reading", "read", *more])
    return st.lists(st.tuples(SIDES, whats, SIZES), min_size=1, max_size=9)


def act(talker: Talker, what: str, size: int) -> None:
    """One step of a script."""
    if what == "say" and not talker.finishes:
        talker.say(DATA[:size])
    elif what == "finish":
        talker.finishes = True
    elif what == "cut":
        talker.cut()
    else:
        talker.deaf = what == "stop reading"


@given(path=st.sampled_from(list(PATHS)), script=steps(), turns=st.lists(st.integers(0, 4), min_size=9, max_size=9))
@settings(max_examples=60)
def test_every_schedule_delivers_everything(path: str, script: Script, turns: list[int]) -> None:
    """However the two speak, finish and hesitate: in the end each has heard what the other said, and its end."""
    with Road(path) as road:
        talkers = client, backend = road.talk()
        for (side, what, size), pause in zip(script, turns, strict=False):
            act(talkers[side], what, size)
            for _ in range(pause):
                road.turn()
        for talker in talkers:
            talker.deaf, talker.finishes = False, True
        road.until(lambda: client.ending and backend.ending)
        assert (client.heard, client.ending) == (backend.said, "FIN")
        assert (backend.heard, backend.ending) == (client.said, "FIN")


@given(script=steps("cut"))
@settings(max_examples=25)
def test_every_path_ends_alike(script: Script) -> None:
    """Whatever the two do, breaking off as well, they see the same ends at the same points, whichever the path is."""
    first, *others = [transcript(path, script) for path in PATHS]
    assert others == [first, first]


def transcript(path: str, script: Script) -> list[Any]:
    """How each side has ended after each step, when nothing more happens."""
    seen: list[Any] = []
    with Road(path) as road:
        talkers = road.talk()
        for side, what, size in script:
            if not talkers[side].gone:
                act(talkers[side], what, size)
            road.settle()
            seen.append([talker.ending for talker in talkers])
        for talker in talkers:
            talker.deaf = False
        road.settle()
        return [*seen, [talker.ending for talker in talkers], road.active]
