"""The socket of one flow, over loopback: what it hears, what it tells, and when it is closed."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.interfaces import IReadDescriptor

from balancer.net.datagram_socket import LARGEST, FlowSocket


class Flow:
    """As much of a flow as its socket sees."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.refusals = 0
        self.closes: FlowSocket | None = None

    def replied(self, data: bytes) -> None:
        self.heard.append(data)
        if self.closes is not None:
            self.closes.close()

    def refused(self) -> None:
        self.refusals += 1


class Readers:
    """As much of a reactor as a socket sees."""

    def __init__(self) -> None:
        self.reading: list[Any] = []

    def addReader(self, reader: Any) -> None:
        self.reading.append(reader)

    def removeReader(self, reader: Any) -> None:
        self.reading.remove(reader)


class Stage:
    """A backend's socket, and one flow's that is connected to it."""

    def __init__(self) -> None:
        self.backend = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.backend.bind(("127.0.0.1", 0))
        self.backend.settimeout(5)
        self.reactor, self.flow = Readers(), Flow()
        flow: Any = self.flow
        self.upstream = FlowSocket(self.reactor, flow, self.backend.getsockname())
        self.upstream.send(b"hello")
        self.address = self.backend.recvfrom(LARGEST)[1]

    def reply(self, count: int) -> None:
        for number in range(count):
            self.backend.sendto(b"%d" % number, self.address)


@pytest.fixture
def stage() -> Iterator[Stage]:
    """One of each, closed in the end."""
    made = Stage()
    yield made
    made.upstream.close()
    made.backend.close()


def test_it_is_read_by_a_reactor(stage: Stage) -> None:
    """It is what reactors read, until it is closed, which may happen twice."""
    assert IReadDescriptor.providedBy(stage.upstream)
    assert (stage.reactor.reading, stage.upstream.logPrefix()) == ([stage.upstream], "UDP flow")
    for _ in range(2):
        stage.upstream.close()
    assert (stage.reactor.reading, stage.upstream.fileno()) == ([], -1)


def test_replies_come_in_order_and_in_bounded_turns(stage: Stage) -> None:
    """All replies are heard in order however many there are, and no turn reads more than its bound."""
    stage.reply(200)
    turns = 0
    while len(stage.flow.heard) < 200:
        before = len(stage.flow.heard)
        stage.upstream.doRead()
        turns += 1
        assert len(stage.flow.heard) - before <= 64
    assert stage.flow.heard == [b"%d" % number for number in range(200)]
    assert 4 <= turns < 100


def test_a_turn_without_a_reply_is_none(stage: Stage) -> None:
    """Reading when there is nothing to read tells the flow nothing, and what comes next is heard."""
    for _ in range(3):
        stage.upstream.doRead()
    stage.reply(1)
    stage.upstream.doRead()
    assert (stage.flow.heard, stage.flow.refusals) == ([b"0"], 0)


def test_a_lull_makes_turns_short_again(stage: Stage) -> None:
    """After bursts, single replies are read one a turn, without a vain try behind most of them."""
    stage.reply(120)
    while len(stage.flow.heard) < 120:
        stage.upstream.doRead()
    for _ in range(20):
        stage.reply(1)
        stage.upstream.doRead()
    assert len(stage.flow.heard) == 140


def test_a_flow_that_ends_with_a_reply_hears_no_more(stage: Stage) -> None:
    """When a reply closes the socket, the next in its queue is not told of."""
    stage.reply(8)
    for _ in range(8):
        stage.upstream.doRead()
    stage.reply(2)
    stage.flow.closes = stage.upstream
    stage.upstream.doRead()
    assert (stage.flow.heard[8:], stage.reactor.reading) == ([b"0"], [])


def test_a_refusal_is_told_when_it_is_read(stage: Stage) -> None:
    """ICMP's word that nobody listens is a refusal, whether reading or sending finds it."""
    stage.backend.close()
    stage.upstream.send(b"")
    stage.upstream.doRead()
    assert stage.flow.refusals == 1
    stage.upstream.send(b"")
    with pytest.raises(ConnectionRefusedError) as caught:
        stage.upstream.send(b"")
    assert stage.upstream.refused_by(caught.value)


def test_other_errors_are_no_refusal(stage: Stage) -> None:
    """A datagram that is too long says nothing of the backend, nor does an error of reading that is not ICMP's."""
    with pytest.raises(OSError, match="long") as caught:
        stage.upstream.send(bytes(LARGEST))
    assert not stage.upstream.refused_by(caught.value)

    def out_of_memory(size: int, flags: int = 0) -> bytes:
        raise OSError(errno.ENOMEM, "no memory")

    stage.upstream._recv = out_of_memory  # noqa: SLF001  what the kernel seldom says
    stage.upstream.doRead()
    assert stage.flow.refusals == 0


def test_no_stranger_is_heard(stage: Stage) -> None:
    """What others than the backend send to the socket is never told of."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"forged", stage.address)
    stage.reply(1)
    stage.upstream.doRead()
    assert stage.flow.heard == [b"0"]


def test_what_strangers_sent_before_the_connect_is_forgotten(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    """A datagram that reached the socket between its having a port and its being connected is dropped."""

    class Early(socket.socket):
        def connect(self, place: Any) -> None:
            self.bind(("127.0.0.1", 0))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(b"forged", self.getsockname())
            super().connect(place)

    monkeypatch.setattr("balancer.net.datagram_socket.socket", Early)
    flow: Any = stage.flow
    upstream = FlowSocket(stage.reactor, flow, stage.backend.getsockname())
    upstream.doRead()
    assert stage.flow.heard == []
    upstream.close()


def test_what_cannot_be_connected_leaves_nothing_open(stage: Stage) -> None:
    """An address that the kernel knows no way to is an error, and nothing is read or left open."""
    flow: Any = stage.flow
    with pytest.raises(OSError, match=r"denied|argument|unreachable"):
        FlowSocket(stage.reactor, flow, ("255.255.255.255", 9))
    assert stage.reactor.reading == [stage.upstream]
