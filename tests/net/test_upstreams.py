"""Connections to backends: used again while that is safe, given up in time, and never the client's problem."""

from __future__ import annotations

import pytest

from tests.net.house import Far, House, answer, request


def kept(house: House, far: Far) -> None:
    """Have one client served, so that a connection is kept."""
    client = house.client(request())
    far.last.say(answer())
    far.last.hear()
    client.close()


def test_a_kept_connection_serves_other_clients(house: House) -> None:
    """Clients one after the other share one connection; two at once have two."""
    far = house.far()
    house.site(9001)
    for _ in range(3):
        kept(house, far)
    assert len(far.calls) == 1
    house.client(request())
    house.client(request())
    assert len(far.calls) == 2


def test_no_more_are_kept_than_allowed(house: House) -> None:
    """Beyond `keepalive` idle connections to one backend, those that become free are closed."""
    far = house.far()
    house.site(9001, keepalive=1)
    for _ in range(3):
        house.client(request())
    for call in far.calls:
        call.say(answer())
    assert [call.finished for call in far.calls] == [False, True, True]


def test_an_idle_connection_is_given_up(house: House) -> None:
    """After `keepalive_timeout` seconds without use a connection is closed; use starts the count anew."""
    far = house.far()
    house.site(9001, keepalive_timeout=4)
    kept(house, far)
    house.network.advance(3)
    kept(house, far)
    house.network.advance(3)
    assert not far.last.finished
    house.network.advance(2)
    assert far.last.finished
    far.last.close()
    kept(house, far)
    assert len(far.calls) == 2


def test_an_old_connection_is_given_up(house: House) -> None:
    """A connection is closed after the answer with which it is `max_age` seconds old, however busy it is."""
    far = house.far()
    house.site(9001, keepalive_timeout=4, max_age=10)
    for _ in range(3):
        kept(house, far)
        house.network.advance(3)
    assert not far.last.finished
    house.network.advance(0.9)
    kept(house, far)
    house.network.advance(0.5)
    kept(house, far)
    assert (len(far.calls), far.calls[0].finished) == (1, True)


def test_a_connection_that_was_used_enough_is_given_up(house: House) -> None:
    """After `max_uses` answers a connection is closed, and the next request has a new one."""
    far = house.far()
    house.site(9001, max_uses=2)
    for _ in range(5):
        kept(house, far)
    assert [call.finished for call in far.calls] == [True, True, False]


def test_the_count_does_not_run_during_an_exchange(house: House) -> None:
    """A connection at work is not idle, however long the answer takes."""
    far = house.far()
    house.site(9001, keepalive_timeout=4)
    kept(house, far)
    client = house.client(request())
    house.network.advance(30)
    far.last.say(answer(b"late"))
    assert client.hear() == answer(b"late")
    assert len(far.calls) == 1
    house.network.advance(3)
    assert not far.last.finished


def test_a_stale_connection_is_not_the_clients_problem(house: House) -> None:
    """A GET that meets a kept connection as the backend closes it is sent once more, on a new connection."""
    far = house.far()
    house.site(9001)
    kept(house, far)
    far.last.transport.abortConnection()  # seen only once the next request is on its way
    far.last.transport.other.pauseProducing()
    client = house.client(request("GET /again"))
    house.network.pump()
    assert len(far.calls) == 2
    assert far.last.hear().startswith(b"GET /again ")
    far.last.say(answer(b"fresh"))
    assert client.hear() == answer(b"fresh")
    assert house.active == 0


@pytest.mark.parametrize("line", ["GET /", "POST /"])
def test_what_met_a_closing_connection(house: House, line: str) -> None:
    """When a kept connection ends without an answer a GET is repeated and a POST answered by 502, never sent twice."""
    far = house.far()
    house.site(9001)
    kept(house, far)
    client = house.client(request(line))
    far.last.close()
    if line == "GET /":
        assert len(far.calls) == 2
        assert not client.heard
    else:
        assert len(far.calls) == 1
        assert client.hear().endswith(b"502 Bad Gateway: upstream-gone\n")
        assert house.active == 0


def test_a_backend_that_breaks_a_new_connection_is_passed_over(house: House) -> None:
    """A GET goes to the next backend when one takes the connection and closes it without an answer; a POST does not."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002)
    for text, expected in (("GET /", answer(b"yes")), ("POST /", b"")):
        client = house.client(request(text))
        first = next(far for far in fars if far.calls and not far.last.ending and far.last.heard)
        second = fars[1 - fars.index(first)]
        first.last.close()
        if expected:
            second.last.say(expected)
            assert client.hear() == expected
            second.last.hear()
        else:
            assert client.hear().endswith(b"502 Bad Gateway: upstream-gone\n")


def test_a_new_connection_that_ends_with_nobody_left_to_ask(house: House) -> None:
    """A backend that closes a new connection without an answer has failed: 502."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    far.last.close()
    assert client.hear().endswith(b"502 Bad Gateway: upstream-gone\n")
    assert len(far.calls) == 1
    assert house.backends[0].failed == 1


def test_a_backend_that_refuses_is_passed_over(house: House) -> None:
    """Requests meet the next backend when one refuses, a POST too, since nothing was sent."""
    far = house.far(9002)
    house.site(9001, 9002)
    for _ in range(2):
        client = house.client(request("POST /", "content-length: 4", body=b"body"))
        assert far.last.hear().endswith(b"\r\n\r\nbody")
        far.last.say(answer())
        assert client.hear() == answer()


def test_a_kept_connection_is_used_after_one_that_refuses(house: House) -> None:
    """However often a backend is passed over, those that are well are sent requests over the connections they have."""
    far = house.far(9002)
    house.site(9001, 9002)
    for _ in range(3):
        kept(house, far)
    assert len(far.calls) == 1
    assert house.backends[0].failed > 1


def test_no_backend_at_all(house: House) -> None:
    """When every backend refuses the client is told 502, and keeps its connection."""
    house.site(9001, 9002)
    client = house.client(request())
    assert client.hear().endswith(b"502 Bad Gateway: connect-failed\n")
    client.say(request())
    assert client.hear().endswith(b"502 Bad Gateway: connect-failed\n")


def test_no_backend_in_time(house: House) -> None:
    """A backend that does not take the connection within `connect_timeout` seconds is told as 504."""
    house.network.hang(9001)
    house.site(9001, connect_timeout=5)
    client = house.client(request())
    house.network.advance(4.9)
    assert not client.heard
    house.network.advance(0.5)
    assert client.hear().endswith(b"504 Gateway Timeout: connect-timeout\n")


def test_no_answer_in_time(house: House) -> None:
    """A backend that says nothing for `response_timeout` seconds is told as 504 and cut."""
    far = house.far()
    house.site(9001, response_timeout=20)
    client = house.client(request())
    house.network.advance(19)
    assert not client.heard
    house.network.advance(2)
    assert client.hear().endswith(b"504 Gateway Timeout: upstream-timeout\n")
    assert far.last.ending == "ConnectionLost"


def test_a_backend_that_talks_nonsense(house: House) -> None:
    """What cannot begin an HTTP answer is told as 502 as soon as it comes, and the connection is not used again."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    far.last.say(b"SSH-2.0-OpenSSH_9.9\r\n")
    assert client.hear().endswith(b"502 Bad Gateway: response-invalid\n")
    assert far.last.ending == "ConnectionLost"


def test_bytes_that_nobody_asked_for(house: House) -> None:
    """A kept connection on which the backend speaks unasked is cut and never used."""
    far = house.far()
    house.site(9001)
    kept(house, far)
    far.last.say(answer(b"poison"))
    assert far.last.ending == "ConnectionLost"
    house.client(request())
    assert len(far.calls) == 2


def test_a_request_in_the_turn_of_such_bytes(house: House) -> None:
    """A connection that has just proved unfit carries nobody's request, not even before it is closed."""
    far = house.far()
    house.site(9001)
    kept(house, far)
    idle = far.last.transport.other.protocol
    idle.dataReceived(b"poison")
    client = house.client(request("POST /"))
    assert len(far.calls) == 2
    far.last.say(answer(b"yes"))
    assert client.hear() == answer(b"yes")


def test_a_backend_that_closes_after_its_answer(house: House) -> None:
    """`connection: close` of a backend ends its connection and not the client's."""
    far = house.far()
    house.site(9001)
    client = house.client(request())
    far.last.say(answer(b"one", "connection: close"))
    assert client.hear() == answer(b"one")
    client.say(request())
    assert len(far.calls) == 2


def test_a_client_that_leaves_while_its_backend_is_connected_to(house: House) -> None:
    """A request whose client was cut before a connection stood leaves nothing behind."""
    house.network.hang(9001)
    house.site(9001)
    client = house.client(request())
    assert house.active == 1
    client.cut()
    assert house.active == 0
    assert not house.network.connecting


def test_connections_to_a_backend_that_went_down(house: House) -> None:
    """Idle connections of a backend are closed when it is dropped, one at work when its answer is out."""
    far = house.far()
    house.site(9001)
    house.client(request())
    house.client(request())
    far.calls[0].say(answer())
    (upstreams,) = house.assembly.upstreams.values()
    house.backends[0].become(up=False)
    upstreams.drop(house.backends[0])
    house.network.pump()
    assert [call.finished for call in far.calls] == [True, False]
    far.calls[1].say(answer())
    assert far.calls[1].finished


def test_a_backend_that_does_not_read_cannot_keep_a_closed_connection(house: House) -> None:
    """A close behind bytes that the backend never reads is bounded in time."""
    far = house.far()
    house.site(9001, keepalive=0, keepalive_timeout=4)
    far.deaf = True
    client = house.client(request("POST /", "content-length: 1000000", body=bytes(1000000)))
    far.last.say(answer(b"early"))
    assert client.hear() == answer(b"early")
    ours = far.last.transport.other
    house.network.advance(3)
    assert ours.connected
    house.network.advance(3)
    assert not ours.connected
