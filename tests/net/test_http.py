"""One client's HTTP connection: kept where it may be, closed well where it must, and never waited on for ever."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionRefusedError as Refused

from balancer.errors import Draining
from tests.net.house import House, answer, request

OLD_KEPT = ("connection: keep-alive",)


def test_one_connection_carries_many_requests(house: House) -> None:
    """Requests in turn get their answers in turn, over one connection on each side."""
    far = house.far()
    house.site(9001)
    client = house.client()
    for turn in range(3):
        client.say(request(f"GET /{turn}"))
        assert far.last.hear().startswith(b"GET /%d HTTP/1.1\r\nhost: site\r\n" % turn)
        far.last.say(answer(b"%d" % turn))
        assert client.hear() == answer(b"%d" % turn)
        assert house.active == 0
    assert len(far.calls) == 1


def test_pipelined_requests_are_answered_in_order(house: House) -> None:
    """Requests sent at once reach the backend one by one, each after the answer to the one before."""
    far = house.far()
    house.site(9001)
    client = house.client(b"".join(request(f"GET /{turn}") for turn in range(3)))
    for turn in range(3):
        assert far.last.hear().startswith(b"GET /%d " % turn)
        far.last.say(answer(b"%d" % turn))
    assert client.hear() == b"".join(answer(b"%d" % turn) for turn in range(3))


def test_a_pipeline_is_not_read_ahead(house: House) -> None:
    """While one answer is awaited no more than one read of further requests is taken from the client."""
    house.far()
    house.site(9001)
    client = house.client(request())
    client.say(request())
    client.say(request() * 1000)
    assert client.transport.buffered == len(request()) * 1000


def test_connection_close_is_honoured(house: House) -> None:
    """A client that asks for a close is told so in the answer, and gets one."""
    far = house.far()
    house.site(9001)
    client = house.client(request("GET /", "connection: close"))
    far.last.say(answer(b"bye"))
    assert client.hear() == answer(b"bye", "connection: close")
    client.close()
    assert client.gone


@pytest.mark.parametrize(("fields", "kept"), [((), False), (OLD_KEPT, True)])
def test_clients_of_http_1_0(house: House, fields: tuple[str, ...], kept: bool) -> None:
    """An HTTP/1.0 client's connection is kept only if it asked for that, and it is told what was decided."""
    far = house.far()
    house.site(9001)
    client = house.client(request("GET /", *fields, version="1.0"))
    far.last.say(answer(b"old"))
    assert client.hear() == answer(b"old", f"connection: {'keep-alive' if kept else 'close'}")
    assert client.finished is not kept


def test_an_old_client_gets_an_endless_body_until_the_close(house: House) -> None:
    """A chunked answer reaches an HTTP/1.0 client without chunks, ended by the close."""
    far = house.far()
    house.site(9001)
    client = house.client(request("GET /", *OLD_KEPT, version="1.0"))
    far.last.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert client.hear() == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nonetwo"
    assert client.finished


@pytest.mark.parametrize("bad", [b"NONSENSE\r\n\r\n", request("GET /", "content-length: 1", "content-length: 2")])
def test_nonsense_is_refused_and_the_connection_closed(house: House, bad: bytes) -> None:
    """What is no request is answered by 400 with its reason, and nothing reaches a backend."""
    far = house.far()
    house.site(9001)
    client = house.client(bad)
    head, _, body = client.hear().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"connection: close" in head
    assert body == b"400 Bad Request: request-refused\n"
    assert client.finished
    assert not far.calls


def test_a_refusal_is_not_lost_to_a_client_that_goes_on_sending(house: House) -> None:
    """After a refusal what the client still sends is read and dropped, for a while, so that no reset eats the 400."""
    house.far()
    house.site(9001)
    client = house.client(b"NONSENSE\r\n\r\n")
    for _ in range(3):
        client.say(bytes(1 << 20))
        assert not client.ending
    assert b"400" in client.hear()
    client.finish()
    assert client.gone


def test_patience_with_such_a_client_ends(house: House) -> None:
    """A refused client that never closes is cut after the linger time."""
    house.site(9001)
    client = house.client(b"NONSENSE\r\n\r\n")
    house.network.advance(1.9)
    assert not client.gone
    house.network.advance(0.5)
    assert client.gone


def test_a_slow_head_is_refused(house: House) -> None:
    """A head that is not complete `request_timeout` seconds after its first byte is answered by 408."""
    house.site(9001, request_timeout=10)
    client = house.client(b"GET / HTTP/1.1\r\n")
    for _ in range(9):
        house.network.advance(1)
        client.say(b"x: y\r\n")
    assert not client.heard
    house.network.advance(2)
    assert client.heard.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in client.heard
    assert client.finished


@pytest.mark.parametrize("requests", [0, 1])
def test_an_idle_connection_is_closed(house: House, requests: int) -> None:
    """A client that asks nothing for `idle` seconds is closed without a word, after an answer as before any."""
    far = house.far()
    house.site(9001, idle=60)
    client = house.client()
    for _ in range(requests):
        house.network.advance(59)
        client.say(request())
        far.last.say(answer())
        client.hear()
    house.network.advance(59)
    assert not client.finished
    house.network.advance(2)
    assert client.finished
    assert not client.heard


def test_a_client_that_sent_all_gets_its_answer(house: House) -> None:
    """A client that shut down its sending side after a request still gets the answer, and then the close."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    client.finish()
    far.last.say(answer(b"here"))
    assert client.hear() == answer(b"here", "connection: close")
    assert client.gone


def test_a_client_that_sent_several_gets_all_answers(house: House) -> None:
    """Pipelined requests before the client's FIN are all answered, the last with a close."""
    far = house.far()
    house.site(9001)
    client = house.client(request() * 2)
    client.finish()
    far.last.say(answer(b"1"))
    far.last.say(answer(b"2"))
    assert client.hear() == answer(b"1") + answer(b"2", "connection: close")
    assert client.gone


def test_a_client_that_left_does_not_keep_its_backend_busy(house: House) -> None:
    """A client that closed and whose answer does not begin within the grace has its request cancelled."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    client.finish()
    house.network.advance(0.9)
    assert not far.last.gone
    house.network.advance(0.5)
    assert far.last.ending == "ConnectionLost"
    assert house.active == 0
    assert client.gone


def test_each_request_of_a_client_that_left_has_the_grace_alone(house: House) -> None:
    """Of several requests of a client that closed, the one in turn is cancelled after the grace as well."""
    far = house.far()
    house.site(9001)
    client = house.client(request() * 2)
    client.finish()
    far.last.say(answer(b"1"))
    house.network.advance(1.5)
    assert house.active == 0
    assert client.gone


def test_the_grace_is_a_setting(house: House) -> None:
    """A client that closed its sending side may wait for its answer as long as its listener says."""
    far = house.far()
    house.site(9001, half_closed=20)
    for wait, whole in ((19.0, True), (21.0, False)):
        client = house.client(request())
        client.finish()
        house.network.advance(wait)
        far.last.say(answer(b"late"))
        assert client.hear().endswith(b"late") is whole


def test_an_answer_that_began_within_the_grace_may_take_its_time(house: House) -> None:
    """A half-closed client whose answer has begun gets all of it."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    client.finish()
    far.last.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n1")
    house.network.advance(50)
    far.last.say(b"2")
    assert client.hear().endswith(b"\r\n\r\n12")


def test_a_client_that_leaves_within_its_body_cancels_the_request(house: House) -> None:
    """A request that can never become whole is taken back from the backend."""
    far = house.far()
    house.site(9001)
    client = house.client(request("POST /", "content-length: 10", body=b"part"))
    assert house.active == 1
    client.finish()
    assert far.last.ending == "ConnectionLost"
    assert house.active == 0


def test_a_client_that_is_cut_cancels_the_request(house: House) -> None:
    """A client's RST ends what its request was doing."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    client.cut()
    assert far.last.ending == "ConnectionLost"
    assert house.active == 0
    assert house.backends[0].failed == 0


@pytest.mark.parametrize("said", [b"", b"GET / HT"])
def test_a_client_that_leaves_between_requests(house: House, said: bytes) -> None:
    """A client that closes while it has no whole request on its way is closed at once."""
    house.site(9001)
    client = house.client(said)
    client.finish()
    assert client.gone
    assert not client.heard


def test_drain_closes_idle_connections_at_once(house: House) -> None:
    """A drain closes who asks nothing, and lets nobody in."""
    house.site(9001)
    client = house.client()
    (drained,) = house.drain()
    assert client.finished
    with pytest.raises(Refused):
        house.client()
    client.close()
    assert drained.called


def test_drain_lets_an_answer_finish(house: House) -> None:
    """A request under way is answered during a drain, with a close; then the drain is over."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    (drained,) = house.drain()
    assert not drained.called
    far.last.say(answer(b"done"))
    assert client.hear() == answer(b"done", "connection: close")
    client.close()
    assert drained.called
    assert far.last.finished


def test_the_end_of_a_drain_answers_who_still_waits(house: House) -> None:
    """A client that still waits is told by an answer, with a close, its backend is cut, and the drain is over."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    (drained,) = house.drain()
    house.end()
    head, _, body = client.hear().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nconnection: close" in head
    assert body == b"503 Service Unavailable: draining\n"
    assert client.finished
    assert far.last.ending == "ConnectionLost"
    assert drained.called


@pytest.mark.parametrize("begun", [False, True])
def test_the_end_of_a_drain_cuts_who_waits_for_no_answer(house: House, begun: bool) -> None:
    """A client whose answer has begun, or whose request has not, is cut off."""
    far = house.far()
    house.site(9001)
    client = house.client(request() if begun else b"GET")
    if begun:
        far.last.say(answer(b"whole")[:-1])
    house.drain()
    house.end()
    assert client.ending == "ConnectionLost"


def test_ending_twice_cuts(house: House) -> None:
    """A client that does not take the answer which ends its wait is cut off when it is ended again."""
    house.far()
    house.site(9001)
    client = house.client(request("POST /", "content-length: 10", body=b"part"))
    (drained,) = house.drain()
    for over in (False, True):
        house.assembly.listeners[0][1].end_all(Draining("the test is over"))
        house.network.pump()
        assert drained.called is over
    assert client.hear().startswith(b"HTTP/1.1 503 ")
    assert client.gone


def test_bytes_behind_the_last_request_do_no_harm(house: House) -> None:
    """A client that asked for a close, sent more all the same and shut down gets its answer and the close."""
    far = house.far()
    house.site(9001)
    client = house.client(request("GET /", "connection: close") + b"GET")
    client.finish()
    far.last.say(answer(b"whole"))
    assert client.hear() == answer(b"whole", "connection: close")
    assert client.gone
