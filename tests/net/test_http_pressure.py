"""HTTP clients that do not read: what they may cost, and that nobody else pays for them."""

from __future__ import annotations

import pytest

from tests.net.house import House, answer, request

KIBIBYTE = 1 << 10


def test_a_kept_connection_is_read_though_its_last_client_did_not(house: House) -> None:
    """A backend connection whose whole answer waits for a slow client serves the next client undisturbed."""
    far = house.far()
    house.site(9001)
    slow = house.client(request())
    slow.hold()
    far.last.say(answer(bytes(1024 * KIBIBYTE)))
    other = house.client(request())
    far.last.say(answer(b"at once"))
    assert other.hear() == answer(b"at once")
    assert len(far.calls) == 1
    slow.go_on()
    assert len(slow.heard) > 1024 * KIBIBYTE


def test_a_pipeline_whose_answers_are_not_read_stops(house: House) -> None:
    """A client that pipelines and does not read gets no more answers than fit; once it reads it gets them all."""
    far = house.far()
    house.site(9001)
    client = house.client()
    client.hold()
    client.say(request() * 200)
    while far.last.hear():
        far.last.say(answer(bytes(32 * KIBIBYTE)))
    assert client.transport.other.buffered <= 128 * KIBIBYTE
    client.go_on()
    while far.last.hear():
        far.last.say(answer(bytes(32 * KIBIBYTE)))
    assert len(client.heard) > 200 * 32 * KIBIBYTE
    assert not client.ending


def test_a_client_that_asks_on_and_does_not_read_is_not_heard(house: House) -> None:
    """While answers wait to be read no further request is taken from the client."""
    far = house.far()
    house.site(9001)
    client = house.client()
    client.hold()
    client.say(request())
    far.last.say(answer(bytes(128 * KIBIBYTE)))
    far.last.hear()
    client.say(request())
    assert not far.last.hear()
    client.go_on()
    assert far.last.hear()


def test_a_client_that_never_reads_its_answers_is_cut(house: House) -> None:
    """Answers that nobody reads are kept for `idle` seconds."""
    far = house.far()
    house.site(9001, idle=30)
    client = house.client()
    client.hold()
    client.say(request())
    far.last.say(answer(bytes(128 * KIBIBYTE)))
    house.network.advance(29)
    assert not client.gone
    house.network.advance(2)
    assert client.gone


@pytest.mark.parametrize("whole", [False, True])
def test_a_client_that_reads_slowly_is_borne_with(house: House, whole: bool) -> None:
    """Whoever takes some of an answer in every `idle` seconds may take as long as that takes; who stops is cut."""
    far = house.far()
    house.site(9001, idle=30)
    client = house.client()
    client.hold()
    client.say(request())
    far.last.say(answer(bytes(256 * KIBIBYTE))[: None if whole else -1])
    (pair,) = [pair for pair in house.network.pairs if pair.client is client.transport]
    for sip in range(8):
        client.transport.resumeProducing()
        pair.step(KIBIBYTE)
        client.hold()
        assert len(client.heard) == (sip + 1) * KIBIBYTE
        house.network.advance(25)
    assert not client.gone
    house.network.advance(40)
    assert client.gone
    assert house.active == 0


def test_drain_closes_behind_an_answer_that_had_begun(house: House) -> None:
    """An answer whose head promised to keep the connection is finished during a drain, and then the close follows."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    far.last.say(answer(b"whole")[:-2])
    (drained,) = house.drain()
    far.last.say(b"le")
    assert client.hear() == answer(b"whole")
    assert client.finished
    client.close()
    assert drained.called


def test_drain_closes_behind_an_answer_that_waits_to_be_read(house: House) -> None:
    """A client that had not read its answer when the drain began is closed once it has."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    client.hold()
    far.last.say(answer(bytes(128 * KIBIBYTE)))
    house.drain()
    client.go_on()
    assert len(client.heard) > 128 * KIBIBYTE
    assert client.finished


def test_answers_of_our_own_wait_for_a_client_that_does_not_read(house: House) -> None:
    """A client that pipelines what we answer ourselves gets no more answers than fit until it reads, and then all."""
    house.site(9001)
    client = house.client()
    client.hold()
    asked = b"TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"
    client.say(asked * 10_000)
    assert client.transport.other.buffered <= 128 * KIBIBYTE
    client.go_on()
    assert client.heard.count(b"501") == 10_000
    assert not client.ending
    client.say(asked)
    assert client.hear().endswith(b"\r\n\r\n")


def test_a_last_answer_waits_for_a_client_that_goes_on_sending(house: House) -> None:
    """A client that sends more than it said it would has as long to read its last answer as one that does not."""
    far = house.far()
    house.site(9001, idle=30)
    for late, whole in ((29, True), (31, False)):
        client = house.client(request("GET /", "connection: close") + b"more")
        client.hold()
        far.last.say(answer(bytes(KIBIBYTE)))
        house.network.advance(late)
        assert client.gone is not whole
        client.go_on()
        assert client.heard.endswith(bytes(KIBIBYTE)) is whole
        house.network.advance(1.5)
        assert client.gone is not whole
        house.network.advance(1)
        assert client.gone


def test_nobody_waits_behind_a_body_that_a_backend_does_not_read(house: House) -> None:
    """A connection to a backend that answered early and leaves the rest of the body unread serves no other client."""
    far = house.far()
    house.site(9001)
    client = house.client(request("POST /", f"content-length: {270 * KIBIBYTE}"))
    stuck = far.last
    stuck.hold()
    for _ in range(3):
        client.say(bytes(90 * KIBIBYTE))
    stuck.say(answer(b"early"))
    assert client.hear() == answer(b"early")
    other = house.client(request())
    assert len(far.calls) == 2
    far.last.say(answer(b"at once"))
    assert other.hear() == answer(b"at once")
    stuck.go_on()
    assert len(stuck.heard) > 270 * KIBIBYTE


def test_an_output_that_is_full_between_requests_holds_the_next(house: House) -> None:
    """A transport may say late that a client does not read: its next request waits until it does."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    far.last.hear()
    far.last.say(answer())
    connection = client.transport.other.protocol
    connection.pauseProducing()
    client.say(request())
    assert not far.last.hear()
    connection.resumeProducing()
    house.network.pump()
    assert far.last.hear()
