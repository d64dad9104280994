"""What a conversation tells the log of its listener: when heads begin, how much was read, and what was never whole."""

from __future__ import annotations

from balancer.errors import DownstreamTimeout
from tests.core.stage import ANSWER
from tests.core.test_conversation import request
from tests.core.test_journal import Logged


def test_a_head_begins_with_its_first_byte() -> None:
    """The time of a head runs from its first byte on, or from when its turn has come; bodies do not count."""
    scene = Logged()
    one, two = request("/1", "Content-Length: 2", method="POST"), request("/2")
    scene.talk.receive(one[:5])
    scene.wait(1)
    scene.talk.receive(one[5:])
    scene.stage.connect()
    scene.talk.receive(b"")
    scene.wait(2)
    scene.talk.receive(b"hi" + two[:5])
    scene.stage.carried.response(ANSWER)
    scene.wait(4)
    scene.talk.receive(two[5:])
    scene.answer()
    scene.talk.receive(request("/3"))
    scene.answer()
    assert [(record.target, record.request_time) for record in scene.records] == [("/1", 1), ("/2", 4), ("/3", 0)]
    assert [record.received_bytes for record in scene.records] == [len(one) + 2, len(two), len(request("/3"))]


def test_a_request_that_is_refused_in_its_turn() -> None:
    """What turns out to be nonsense behind another request is told after it."""
    scene = Logged()
    scene.talk.receive(request("/none") + b"nonsense\r\n\r\n")
    assert [record.status for record in scene.records] == [404, 400]


def test_a_request_that_never_becomes_whole() -> None:
    """A request whose time is up before its head was whole is told by that time."""
    scene = Logged()
    scene.talk.receive(request()[:7])
    scene.wait(10)
    scene.talk.refuse(DownstreamTimeout("too slow"))
    assert scene.shown("status", "request_time", "received_bytes") == (408, 10, 7)
