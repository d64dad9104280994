"""Retries over the whole proxy: what the next backend gets, what the client sees, and that nothing is left."""

from __future__ import annotations

import pytest

from balancer.config import Retry
from balancer.errors import BackendDown
from tests.net.house import Far, House, answer, request

BUSY = answer(b"busy", status="503 Service Unavailable")
AT_ONCE = Retry(statuses=[502, 503], backoff=0)


def asked(*fars: Far) -> Far:
    """The backend that has a request it has not answered."""
    (far,) = [far for far in fars if far.calls and far.last.heard and not far.last.ending]
    return far


def test_an_unwanted_answer_never_reaches_the_client(house: House) -> None:
    """A 503 is replaced by the answer of the next backend; the connection it came on serves the next request."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=AT_ONCE)
    client = house.client(request("GET /a"))
    first = asked(*fars)
    assert first.last.hear().startswith(b"GET /a ")
    first.last.say(BUSY)
    second = asked(*fars)
    assert second is not first
    assert second.last.hear().startswith(b"GET /a ")
    second.last.say(answer(b"fine"))
    assert client.hear() == answer(b"fine")
    for _ in range(2):
        client.say(request())
        asked(*fars).last.say(answer(b"next"))
        asked(*fars).last.hear()
        assert client.hear() == answer(b"next")
    assert [len(far.calls) for far in fars] == [1, 1]
    (upstreams,) = house.assembly.upstreams.values()
    assert (upstreams.budget.reasons, upstreams.budget.under_way) == ({"status-unwanted": 1}, 0)


def test_the_last_answer_is_the_clients(house: House) -> None:
    """When every backend says 503 the client gets the last one's answer, with its fields."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=AT_ONCE)
    client = house.client(request())
    for body in (b"one", b"two"):
        far = asked(*fars)
        far.last.hear()
        far.last.say(answer(body, f"x-from: {body.decode()}", status="503 Service Unavailable"))
    heard = client.hear()
    assert heard.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nx-from: two\r\n" in heard
    assert heard.endswith(b"\r\n\r\ntwo")


def test_the_rest_of_an_unwanted_answer_is_not_waited_for(house: House) -> None:
    """A 503 whose body goes on and on costs its connection, and nothing of it is ever mixed with another answer."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=AT_ONCE)
    client = house.client(request())
    first = asked(*fars)
    first.last.hear()
    first.last.say(answer(b"x" * 100, status="503 Service Unavailable")[:-50])
    assert first.last.ending == "ConnectionLost"
    second = asked(*fars)
    second.last.say(answer(b"fine"))
    assert client.hear() == answer(b"fine")


def test_an_upload_is_sent_once_more(house: House) -> None:
    """A PUT whose backend breaks off is whole at the next one: the part that was sent already, and the rest."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=AT_ONCE)
    client = house.client(request("PUT /", "content-length: 8", body=b"half"))
    first = asked(*fars)
    assert first.last.hear().endswith(b"\r\n\r\nhalf")
    first.last.cut()
    client.say(b"rest")
    second = asked(*fars)
    assert second.last.hear().endswith(b"\r\n\r\nhalfrest")
    second.last.say(answer())
    assert client.hear() == answer()


@pytest.mark.parametrize(("line", "size"), [("PUT /", 2000), ("POST /", 8)])
def test_an_upload_that_is_not_sent_once_more(house: House, line: str, size: int) -> None:
    """What is longer than `body`, and what is not idempotent, goes up once: 502."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=Retry(body=1000))
    client = house.client(request(line, "transfer-encoding: chunked", body=b"%x\r\n%b\r\n" % (size, bytes(size))))
    asked(*fars).last.cut()
    assert client.hear().endswith(b"502 Bad Gateway: upstream-gone\n")
    assert sum(len(far.calls) for far in fars) == 1


def test_a_post_that_its_route_allows(house: House) -> None:
    """Where the route says that a POST may be sent twice, it is; the attempt is told to the backends."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=Retry(methods=["POST"], backoff=0, attempt_header="x-attempt"))
    client = house.client(request("POST /", "content-length: 4", "x-attempt: 9", body=b"body"))
    first = asked(*fars)
    assert b"\r\nx-attempt: 1\r\n" in first.last.hear()
    first.last.cut()
    second = asked(*fars)
    heard = second.last.hear()
    assert b"\r\nx-attempt: 2\r\n" in heard
    assert heard.endswith(b"\r\n\r\nbody")
    second.last.say(answer())
    assert client.hear() == answer()


def test_a_late_try(house: House) -> None:
    """A backend that hangs for `per_try_timeout` loses the request to the next one."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=Retry(per_try_timeout=2, backoff=0))
    client = house.client(request())
    first = asked(*fars)
    house.network.advance(1.9)
    assert first.last.transport.other.connected
    house.network.advance(0.2)
    assert first.last.ending == "ConnectionLost"
    asked(*fars).last.say(answer(b"fine"))
    assert client.hear() == answer(b"fine")


def test_a_failed_connect_is_one_of_the_attempts(house: House) -> None:
    """As many backends are tried as the route says, though the pool alone would try fewer; the pause is for others."""
    far = house.far(9004)
    house.site(*range(9001, 9005), attempts=1, retry=Retry(attempts=4, backoff=9))
    for _ in range(4):
        client = house.client(request())
        far.last.say(answer())
        assert client.hear() == answer()
        client.close()


def test_a_pause_before_the_next_try(house: House) -> None:
    """A retry waits up to `backoff` seconds, with nothing under way; a client that leaves then ends the matter."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=Retry(statuses=503, backoff=8))
    clients = [house.client(request()) for _ in range(2)]
    for far in fars:
        far.last.hear()
        far.last.say(BUSY)
    assert house.active == 0
    clients[0].cut()
    house.network.advance(8)
    assert house.active == 1
    asked(*fars).last.say(answer(b"late"))
    assert clients[1].hear() == answer(b"late")


def test_retries_are_bounded(house: House) -> None:
    """When all requests fail at once only as many as the budget allows are tried again; the others are told at once."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=Retry(statuses=503, backoff=0, budget=0, budget_floor=2))
    clients = [house.client(request()) for _ in range(6)]
    calls = [call for far in fars for call in far.calls]
    for call in calls:
        call.say(BUSY)
    answered = [client for client in clients if client.hear() == BUSY]
    assert len(answered) == 4
    again = [call for far in fars for call in far.calls if call not in calls]
    assert len(again) == 2
    for call in again:
        call.say(answer(b"fine"))
    assert [client.hear() for client in clients if client not in answered] == [answer(b"fine")] * 2
    (upstreams,) = house.assembly.upstreams.values()
    assert (upstreams.budget.under_way, upstreams.budget.refused) == (0, 4)


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_stale_connection_costs_no_attempt(house: House, attempts: int) -> None:
    """The one retry that the end of a kept connection makes necessary is free, even where there is one attempt."""
    far = house.far()
    house.site(9001, attempts=attempts)
    client = house.client(request())
    far.last.say(answer())
    client.say(request("GET /again"))
    far.last.close()
    assert far.last.hear().startswith(b"GET /again ")
    far.last.say(answer(b"fresh"))
    assert client.hear().endswith(b"fresh")
    assert (house.backends[0].failed, house.backends[0].served) == (0, 3)


def test_a_backend_that_goes_down_in_a_pause(house: House) -> None:
    """A request that waits for its retry is on its way to nobody, and stays so when a backend's sessions are ended."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=Retry(statuses=503, backoff=8))
    client = house.client(request())
    first = asked(*fars)
    first.last.hear()
    first.last.say(BUSY)
    for _, listener in house.assembly.listeners:
        for backend in house.backends:
            for _ in listener.leave(backend, BackendDown("down")):
                pass
    house.network.advance(8)
    asked(*fars).last.say(answer(b"fine"))
    assert client.hear() == answer(b"fine")


@pytest.mark.parametrize("slow", [False, True])
def test_a_slow_backend_is_raced(house: House, slow: bool) -> None:
    """A GET that waits for `hedge` seconds is at two backends; the first answer counts, and the other try is cut."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=Retry(hedge=0.2))
    client = house.client(request())
    first = asked(*fars)
    house.network.advance(0.25)
    second = fars[1 - fars.index(first)]
    assert second.last.hear() == first.last.hear()
    assert house.active == 2
    winner, loser = (first, second) if slow else (second, first)
    winner.last.say(answer(b"one")[:-1])
    assert loser.last.ending == "ConnectionLost"
    winner.last.say(b"e")
    assert client.hear() == answer(b"one")
    assert (house.active, [backend.failed for backend in house.backends]) == (0, [0, 0])
    client.say(request())
    assert len(winner.calls) == 1


def test_a_raced_client_that_leaves(house: House) -> None:
    """Both tries of a client that leaves are cut, and both backends are free again."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=Retry(hedge=0.2))
    client = house.client(request())
    house.network.advance(0.25)
    assert house.active == 2
    client.cut()
    assert house.active == 0
    assert [far.last.ending for far in fars] == ["ConnectionLost"] * 2


def test_a_backend_of_two_goes_down(house: House) -> None:
    """A request that is at two backends stays at one when the sessions of the other are ended."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=Retry(hedge=0.2))
    client = house.client(request())
    first = asked(*fars)
    house.network.advance(0.25)
    down = house.backends[fars.index(first)]
    for _, listener in house.assembly.listeners:
        list(listener.leave(down, BackendDown("down")))
    house.network.pump()
    assert first.last.ending == "ConnectionLost"
    asked(*fars).last.say(answer(b"fine"))
    assert client.hear() == answer(b"fine")


def test_no_try_is_late_once_the_client_has_its_answer(house: House) -> None:
    """While the rest of a refused request is awaited the time-out of its try is over: nothing is sent again."""
    fars = [house.far(9001), house.far(9002)]
    house.site(9001, 9002, retry=Retry(per_try_timeout=2, backoff=0))
    client = house.client(request("PUT /", "content-length: 4", body=b"pa"))
    asked(*fars).last.say(b"nonsense\r\n\r\n")
    assert client.hear().startswith(b"HTTP/1.1 502 ")
    house.network.advance(3)
    client.say(b"rt" + request("GET /next"))
    asked(*fars).last.say(answer(b"next"))
    assert client.hear() == answer(b"next")
    assert sum(len(far.calls) for far in fars) == 2
