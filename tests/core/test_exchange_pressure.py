"""The exchange between two sides of which either may be slow: who is held, who is waited for, who is let go."""

from __future__ import annotations

from itertools import product

import pytest

from balancer.core.messages import END
from balancer.core.silence import Wait
from balancer.errors import DownstreamTimeout, Side, UpstreamGone, UpstreamTimeout
from tests.core.stage import GET, OK, PATIENCE, POST, Stage

BOTH = frozenset({Side.DOWNSTREAM, Side.UPSTREAM})


def test_a_slow_side_holds_the_other() -> None:
    """While one side does not read, the other is not read, and after that it is."""
    stage = Stage()
    exchange = stage.asked(head=POST)
    stage.connect()
    stage.transcript.take()
    for side, high in product((Side.UPSTREAM, Side.DOWNSTREAM), (True, False)):
        exchange.pressure(side, high=high)
    assert stage.transcript.take() == ["client paused", "client resumed", "u1 paused", "u1 resumed"]


def test_a_backend_that_is_full_at_once_is_not_sent_more() -> None:
    """When the first write already fills the backend's side, the client is not read until that has drained."""
    stage = Stage()
    exchange = stage.asked(b"1", head=POST)
    stage.transcript.when["u1 >> POST /a; '1'"] = lambda: exchange.pressure(Side.UPSTREAM, high=True)
    stage.connect()
    assert stage.line.paused
    exchange.pressure(Side.UPSTREAM, high=False)
    assert not stage.line.paused


def test_a_client_that_is_slow_from_before_holds_the_new_backend() -> None:
    """A client that still reads the answer before this one is not sent more than it can take, nor timed out early."""
    stage = Stage()
    exchange = stage.exchange()
    exchange.pressure(Side.DOWNSTREAM, high=True)
    exchange.start([END])
    stage.clock.advance(2 * PATIENCE.reading)
    upstream = stage.connect()
    assert upstream.paused
    exchange.pressure(Side.DOWNSTREAM, high=False)
    assert not upstream.paused


def test_a_retry_does_not_inherit_the_pressure_of_the_old_connection() -> None:
    """What a connection that broke held back is read on with the next."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect(reused=True)
    exchange.pressure(Side.UPSTREAM, high=True)
    exchange.upstream_failed(UpstreamGone())
    assert not stage.line.paused
    stage.connect()
    stage.clock.advance(PATIENCE.first - 1)
    assert stage.ends == []


def test_dialing_again_is_not_the_backends_silence() -> None:
    """Between a connection that broke and the next one no silence is counted: dialing has a time-out of its own."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect(reused=True)
    stage.clock.advance(PATIENCE.first - 1)
    exchange.upstream_failed(UpstreamGone())
    assert exchange.waits() is None
    stage.clock.advance(2 * PATIENCE.first)
    assert stage.ends == []


TURNS = [
    (frozenset(), False, Wait.BODY),
    (frozenset(), True, Wait.STALL),
    (frozenset({Side.UPSTREAM}), False, Wait.STALL),
    (frozenset({Side.UPSTREAM}), True, Wait.STALL),
    (frozenset({Side.DOWNSTREAM}), False, Wait.READING),
    (frozenset({Side.DOWNSTREAM}), True, Wait.READING),
    (BOTH, False, Wait.READING),
    (BOTH, True, Wait.READING),
]


@pytest.mark.parametrize(("slow", "complete", "wait"), TURNS)
def test_the_slow_are_waited_for(slow: frozenset[Side], complete: bool, wait: Wait) -> None:
    """It is the turn of a side that does not read, else of the side that has more to say; and it pays for silence."""
    stage = Stage()
    exchange = stage.asked(head=POST)
    stage.connect()
    exchange.response([OK])
    for one in slow:
        exchange.pressure(one, high=True)
    if complete:
        exchange.request([END])
    stage.clock.advance(PATIENCE.limit(wait) - 0.1)
    assert stage.ends == []
    stage.clock.advance(1.1)
    assert [type(end) for end in stage.ends] == [UpstreamTimeout if wait is Wait.STALL else DownstreamTimeout]


def test_a_backend_that_drains_is_not_blamed_for_a_client_that_does_not() -> None:
    """When the backend has read all and the client still reads nothing, it is the client whose time runs."""
    stage = Stage()
    exchange = stage.asked(head=POST)
    stage.connect()
    exchange.response([OK])
    exchange.request([END])
    exchange.pressure(Side.UPSTREAM, high=True)
    exchange.pressure(Side.DOWNSTREAM, high=True)
    exchange.pressure(Side.UPSTREAM, high=False)
    stage.clock.advance(PATIENCE.reading + 1)
    assert [type(end) for end in stage.ends] == [DownstreamTimeout]
    assert stage.backend.failed == 0


def test_no_silence_counts_before_a_connection_stands() -> None:
    """A slow client's request that waits for its first connection has no timer of its own."""
    stage = Stage()
    exchange = stage.asked(END, head=GET)
    exchange.pressure(Side.DOWNSTREAM, high=True)
    assert exchange.waits() is None
