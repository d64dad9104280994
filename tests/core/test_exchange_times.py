"""How long an exchange may take: each of its waits, and the whole of it."""

from __future__ import annotations

import attrs
import pytest

from balancer.core.messages import END
from balancer.errors import DownstreamTimeout, ExchangeTimeout, UpstreamGone, UpstreamTimeout
from tests.core.stage import OK, PATIENCE, POST, Stage

LONG = attrs.evolve(PATIENCE, total=100.0)
SHORT = attrs.evolve(PATIENCE, total=10.0)


def ends(stage: Stage) -> list[type[object]]:
    """How exchanges ended so far."""
    return [type(end) for end in stage.ends]


def test_the_first_byte_and_the_next_have_times_of_their_own() -> None:
    """A backend that has begun its answer is given as long for each piece as `stall` says, however long that lasts."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect()
    stage.clock.advance(PATIENCE.first - 1)
    for _ in range(10):
        exchange.response([OK if not exchange.status else b"more"])
        stage.clock.advance(PATIENCE.stall - 1)
    assert stage.ends == []
    stage.clock.advance(2)
    assert ends(stage) == [UpstreamTimeout]


def test_pieces_of_a_body_have_a_time_each() -> None:
    """A client may take as long as it likes over its body, while it is not silent for as long as `body` says."""
    stage = Stage()
    exchange = stage.asked(head=POST)
    stage.connect()
    for _ in range(10):
        stage.clock.advance(PATIENCE.body - 1)
        exchange.request([b"more"])
    assert stage.ends == []
    stage.clock.advance(PATIENCE.body + 1)
    assert ends(stage) == [DownstreamTimeout]


def test_the_whole_is_bounded_while_its_parts_go_on() -> None:
    """An answer that never pauses is cut when the whole exchange has taken `total` seconds, and nobody is blamed."""
    stage = Stage(LONG)
    exchange = stage.asked(END)
    stage.connect()
    exchange.response([OK])
    for _ in range(10):
        stage.clock.advance(9.9)
        exchange.response([b"more"])
    assert stage.ends == []
    stage.clock.advance(2)
    assert ends(stage) == [ExchangeTimeout]
    assert "client cut" in stage.transcript.take()
    assert (stage.backend.failed, stage.at_rest()) == (0, True)


def test_the_whole_is_bounded_before_a_connection_stands() -> None:
    """The time of the whole runs while a backend is looked for, too, and again after a try that failed."""
    stage = Stage(SHORT)
    stage.asked(END)
    stage.clock.advance(9)
    assert stage.ends == []
    stage.clock.advance(2)
    assert ends(stage) == [ExchangeTimeout]
    assert stage.transcript.take()[-3:] == ["dial cancelled", "client refused 504 exchange-timeout", "client done"]


def test_a_retry_does_not_lengthen_the_whole() -> None:
    """What is tried again has what is left of the time."""
    stage = Stage(SHORT)
    exchange = stage.asked(END)
    stage.connect(reused=True)
    stage.clock.advance(6)
    exchange.upstream_failed(UpstreamGone())
    stage.connect()
    stage.clock.advance(5)
    assert ends(stage) == [ExchangeTimeout]


@pytest.mark.parametrize("total", [None, 1000.0])
def test_a_wait_that_is_over_first_counts(total: float | None) -> None:
    """A time for the whole does not take the place of those of its parts."""
    stage = Stage(attrs.evolve(PATIENCE, total=total))
    stage.asked(END)
    stage.connect()
    stage.clock.advance(PATIENCE.first + 1)
    assert ends(stage) == [UpstreamTimeout]


def test_nothing_is_waited_for_without_a_route() -> None:
    """An exchange that has no route yet has no time of its own."""
    stage = Stage()
    exchange = stage.exchange()
    assert exchange.waits() is None
