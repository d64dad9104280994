"""The time-outs of HTTP over a whole proxy: each ends what it bounds, and nothing before its time."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from balancer.config import HTTPListener, Pool, Route
from tests.net.house import FRONT, House, Speaker, answer, request

SOON = 0.5
"""Seconds that a time-out may come late."""


def opened(house: House, *, timeout: float | None = None, listener: Any = MappingProxyType({}), **pool: float) -> None:
    """Open a listener with such time-outs over one backend."""
    times: dict[str, Any] = dict(pool)
    behind = Pool("site", backends=["127.0.0.1:9001"], **times)
    house.open(HTTPListener(f"tcp:{FRONT}", routes=Route(pool=behind, timeout=timeout), **listener))


def ended_after(house: House, client: Speaker, seconds: float) -> bytes:
    """What the client hears when that time is up, and not before; nothing is left on the backend then."""
    before = client.hear()
    house.network.advance(seconds - 0.1)
    assert house.active == 1
    assert client.hear() == b""
    house.network.advance(0.1 + SOON)
    assert house.active == 0
    return before + client.hear()


def test_a_body_that_stalls_is_told(house: House) -> None:
    """An upload of which nothing comes for `body_timeout` seconds is answered by 408."""
    house.far()
    opened(house, listener={"body_timeout": 20})
    client = house.client(request("POST /", "content-length: 10", body=b"part"))
    house.network.advance(19)
    client.say(b"more")
    assert ended_after(house, client, 20).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_an_answer_that_does_not_begin_is_told(house: House) -> None:
    """A backend that says nothing for `response_timeout` seconds is told as 504."""
    house.far()
    opened(house, response_timeout=20, stall_timeout=10)
    assert ended_after(house, house.client(request()), 20).startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")


def test_a_head_that_dribbles_is_told(house: House) -> None:
    """A backend whose head is not whole after `response_timeout` seconds is told as 504, whatever still comes."""
    far = house.far()
    opened(house, response_timeout=20, stall_timeout=10)
    client = house.client(request())
    for byte in answer()[:19]:
        far.last.say(bytes([byte]))
        house.network.advance(1)
    assert ended_after(house, client, 1).startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")


def test_a_client_that_has_closed_its_side_waits_no_longer(house: House) -> None:
    """The time that such a client has for its answer does not lengthen the backend's."""
    house.far()
    opened(house, response_timeout=20, listener={"half_closed": 100})
    client = house.client(request())
    client.finish()
    assert ended_after(house, client, 20).startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")


def test_an_answer_that_stalls_is_cut(house: House) -> None:
    """An answer of which nothing more comes for `stall_timeout` seconds is broken off, visibly."""
    far = house.far()
    opened(house, response_timeout=20, stall_timeout=10)
    client = house.client(request())
    far.last.say(answer(b"part")[:-1])
    assert ended_after(house, client, 10) == answer(b"part")[:-1]
    assert client.gone or client.finished


def test_an_exchange_that_takes_too_long_is_told(house: House) -> None:
    """A request that has no answer `timeout` seconds after its head, whatever it waits for, is answered by 504."""
    house.far()
    opened(house, timeout=3, response_timeout=20)
    assert ended_after(house, house.client(request()), 3).startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")


def test_the_wait_for_a_backend_is_part_of_it(house: House) -> None:
    """The time of a whole exchange ends the attempt to connect as well."""
    house.far()
    house.network.hang(9001)
    opened(house, timeout=3)
    assert ended_after(house, house.client(request()), 3).endswith(b"504 Gateway Timeout: exchange-timeout\n")


def test_an_answer_that_goes_on_for_too_long_is_cut(house: House) -> None:
    """An answer that is still coming when the time of the whole exchange is up is cut."""
    far = house.far()
    opened(house, timeout=3)
    client = house.client(request())
    far.last.say(answer(b"123456789")[:-8])
    for _ in range(3):
        house.network.advance(0.9)
        far.last.say(b"x")
    assert client.hear().endswith(b"1xxx")
    house.network.advance(0.3 + SOON)
    assert (house.active, client.gone) == (0, True)
