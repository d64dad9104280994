"""TCP through the relay, as clients and backends notice it: every byte, both ends of the stream, and every failure."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.logger import LogEvent

from balancer.net.streams import BULKY, LINGER
from tests.net.house import House

MEBIBYTE = 1 << 20


def test_bytes_pass_both_ways(house: House) -> None:
    """What a client says reaches the backend, and what that answers reaches the client."""
    far = house.far()
    house.relay(9001)
    client = house.client(b"ping")
    assert far.last.hear() == b"ping"
    far.last.say(b"pong")
    assert client.hear() == b"pong"
    assert house.active == 1


def test_the_backend_may_speak_first(house: House) -> None:
    """A greeting, as in SMTP, reaches a client that has said nothing."""
    far = house.far()
    far.greeting = b"220 ready"
    house.relay(9001)
    assert house.client().hear() == b"220 ready"


def test_a_client_that_finished_sending_gets_the_whole_answer(house: House) -> None:
    """After the client's FIN, which the backend sees, the answer still passes; then both are closed."""
    far = house.far()
    house.relay(9001)
    client = house.client(b"question")
    client.finish()
    assert far.last.finished
    far.last.say(b"a" * MEBIBYTE)
    far.last.say(b"b")
    assert client.hear() == b"a" * MEBIBYTE + b"b"
    far.last.close()
    client.close()
    assert house.active == 0


def test_a_backend_that_finished_sending_goes_on_receiving(house: House) -> None:
    """After the backend's FIN, which the client sees, what the client says still arrives."""
    far = house.far()
    house.relay(9001)
    client = house.client()
    far.last.say(b"all I have")
    far.last.finish()
    assert client.finished
    assert client.hear() == b"all I have"
    client.say(b"more")
    assert far.last.hear() == b"more"
    client.finish()
    assert far.last.finished


def test_the_last_bytes_are_read_in_peace(house: House) -> None:
    """When both have finished, a client that reads slowly still gets the rest before the close."""
    far = house.far()
    house.relay(9001)
    client = house.client(b"question")
    client.hold()
    client.finish()
    far.last.say(b"rest")
    far.last.close()
    assert house.active == 0
    client.go_on()
    assert client.hear() == b"rest"
    assert client.finished


def test_a_client_that_never_reads_the_rest_is_cut(house: House) -> None:
    """A close that waits for the peer to read is bounded in time."""
    far = house.far()
    house.relay(9001)
    client = house.client()
    client.hold()
    client.finish()
    far.last.say(b"rest")
    far.last.finish()
    house.network.advance(9)
    assert not client.gone
    house.network.advance(2)
    assert client.gone


def test_a_reset_of_the_client_resets_the_backend(house: House) -> None:
    """A client's RST is passed on as one, and the backend is free again."""
    far = house.far()
    house.relay(9001)
    client = house.client(b"question")
    client.cut()
    assert far.last.ending == "ConnectionLost"
    assert house.active == 0
    assert house.backends[0].failed == 0


def test_a_reset_of_the_backend_resets_the_client(house: House) -> None:
    """A backend's RST is passed on as one, and counts as its failure."""
    far = house.far()
    house.relay(9001)
    client = house.client(b"question")
    far.last.cut()
    assert client.ending == "ConnectionLost"
    assert house.backends[0].failed == 1


def test_a_client_that_does_not_read_holds_the_backend(house: House) -> None:
    """While a client reads nothing, what the backend sends stays with the backend; later all of it arrives."""
    far = house.far()
    house.relay(9001)
    client = house.client()
    client.hold()
    ours = client.transport.other
    for _ in range(64):
        far.last.say(bytes(MEBIBYTE))
    assert ours.most_buffered <= 2 * MEBIBYTE
    assert far.last.transport.buffered >= 62 * MEBIBYTE
    client.go_on()
    assert len(client.heard) == 64 * MEBIBYTE


def test_a_backend_that_does_not_read_holds_the_client(house: House) -> None:
    """While a backend reads nothing, what the client sends stays with the client; later all of it arrives."""
    far = house.far()
    house.relay(9001)
    client = house.client()
    far.last.hold()
    for _ in range(8):
        client.say(bytes(MEBIBYTE))
    assert far.last.transport.other.most_buffered <= 2 * MEBIBYTE
    far.last.go_on()
    assert len(far.last.heard) == 8 * MEBIBYTE


def test_silence_ends_both(house: House) -> None:
    """A connection on which nobody says anything for `idle` seconds is closed on both sides, and not before."""
    far = house.far()
    house.relay(9001, idle=60)
    client = house.client(b"question")
    house.network.advance(59)
    far.last.say(b"answer")
    house.network.advance(59)
    assert not client.finished
    house.network.advance(2)
    assert (client.finished, far.last.finished) == (True, True)
    assert house.active == 0


def test_a_half_open_connection_ends_sooner(house: House) -> None:
    """Once one side has finished, `linger` seconds of silence end the other."""
    far = house.far()
    house.relay(9001, idle=60, linger=5)
    client = house.client(b"question")
    client.finish()
    house.network.advance(4)
    far.last.say(b"part")
    house.network.advance(4)
    assert not client.gone
    house.network.advance(2)
    assert client.finished


def test_the_next_backend_is_tried_unnoticed(house: House) -> None:
    """A client whose first backend refuses is served by the next, and none of its bytes is lost."""
    far = house.far(9002)
    house.relay(9001, 9002)
    for _ in range(2):
        house.client(b"hello")
        assert far.last.hear() == b"hello"
    assert [backend.live for backend in house.backends] == [0, 2]
    assert house.backends[0].failed >= 1


def test_a_backend_that_stays_silent_is_given_up(house: House) -> None:
    """After `connect_timeout` seconds without a connection the next backend is tried."""
    far = house.far(9002)
    house.network.hang(9001)
    house.relay(9001, 9002, connect_timeout=5)
    clients = [house.client(b"one"), house.client(b"two")]
    assert len(far.calls) == 1
    house.network.advance(5.5)
    assert sorted(call.hear() for call in far.calls) == [b"one", b"two"]
    assert not any(client.ending for client in clients)


def test_a_client_is_cut_when_all_refuse(house: House, told: list[LogEvent]) -> None:
    """When no backend can be had the client is cut and the operator told why, ever more rarely."""
    house.relay(9001, 9002)
    clients = [house.client(b"hello") for _ in range(5)]
    assert {client.ending for client in clients} == {"ConnectionLost"}
    assert house.active == 0
    assert all(event["line"].startswith("client turned away: 127.0.0.1:900") for event in told)
    assert [event["line"].rpartition(", ")[2] for event in told] == [f"{count} so far" for count in (1, 2, 4)]


def test_attempts_are_bounded(house: House, told: list[LogEvent]) -> None:
    """No more backends than `attempts` are tried."""
    house.relay(9001, 9002, 9003, attempts=2)
    house.client()
    assert sum(backend.failed for backend in house.backends) == 2


def test_a_client_that_leaves_early_frees_its_backend(house: House) -> None:
    """A client that goes while its backend is connected to leaves no connection and no count behind."""
    house.network.hang(9001)
    house.relay(9001)
    client = house.client(b"hello")
    assert house.active == 1
    client.transport.other.resumeProducing()  # a paused end hears of it only by luck, as on a real socket
    client.cut()
    assert house.active == 0
    assert not house.network.connecting


def test_a_client_that_finishes_early_is_served(house: House) -> None:
    """A client that said all and sent its FIN before the backend stood is served in full."""
    far = house.far()
    house.network.hang(9001)
    house.relay(9001)
    client = house.client(b"question")
    client.finish()
    house.network.allow(9001)
    house.network.pump()
    assert far.last.hear() == b"question"
    assert far.last.finished
    far.last.say(b"answer")
    assert client.hear() == b"answer"


@pytest.mark.parametrize("connected", [True, False])
def test_drain_waits_for_relays_and_end_cuts_them(house: House, connected: bool) -> None:
    """A drain lets relays go on, refuses new clients, and what is told to end is cut at once on both sides."""
    house.far()
    if not connected:
        house.network.hang(9001)
    house.relay(9001)
    client = house.client(b"hello")
    (drained,) = house.drain()
    with pytest.raises(Refused):
        house.client()
    assert not drained.called
    house.end()
    assert client.ending == "ConnectionLost"
    assert drained.called


def test_drain_ends_with_the_last_client(house: House) -> None:
    """A drain is over once the last relay has ended by itself."""
    far = house.far()
    house.relay(9001)
    client = house.client(b"hello")
    (drained,) = house.drain()
    far.last.finish()
    client.close()
    assert drained.called


class Taken:
    """A shortcut that only notes that it was taken, and stopped; its pipe holds some bytes."""

    HELD = 5

    def __init__(self, source: Any, sink: Any, *_: Any) -> None:
        self.source, self.sink, self.active, self.held = source, sink, True, self.HELD

    def stop(self) -> None:
        """Leave it."""
        self.active = False


def test_a_client_that_reads_nothing_of_a_pipe_is_cut_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a shortcut holds counts as unsent: a close does not wait for ever for a client that does not read it."""
    monkeypatch.setattr("balancer.net.streams.shortcut", Taken)
    far = house.far()
    house.relay(9001, linger=5)
    client = house.client(b"x")
    far.last.say(bytes(BULKY))
    far.last.finish()
    end = client.transport.other.protocol
    assert (end.held, end.unsent) == (Taken.HELD, Taken.HELD)
    client.hold()
    house.network.advance(6)
    house.network.advance(LINGER + 1)
    assert client.transport.other.disconnected


def test_a_full_read_takes_the_shortcut(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A direction whose reads are full is given to the kernel, again after it fell quiet, and taken back at the end."""
    taken: list[Taken] = []

    def take(*given: Any) -> Taken:
        taken.append(Taken(*given))
        return taken[-1]

    monkeypatch.setattr("balancer.net.streams.shortcut", take)
    far = house.far()
    house.relay(9001)
    client = house.client()
    for size in (BULKY - 1, BULKY, BULKY):
        client.say(bytes(size))
    assert [(one.source, one.sink) for one in taken] == [(client.transport.other, far.last.transport.other)]
    taken[0].active = False
    client.say(bytes(BULKY))
    assert len(taken) == 2
    client.cut()
    assert not taken[1].active
