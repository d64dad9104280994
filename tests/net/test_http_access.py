"""The access log over a whole proxy: a line for each request, whatever becomes of it, with what went over the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from balancer.config import AccessLog, HTTPListener, Pool, Route
from balancer.errors import Draining
from balancer.plugins.matchers import Path
from tests.net.house import FRONT, House, Speaker, answer, request

EACH = "{client} {method} {target} {status} {received_bytes} {sent_bytes} {code} {backend}"


class Lines(list[str]):
    """Stands for a log, and keeps what is added to it."""

    def __init__(self, *_where: object, **_how: object) -> None:
        """As a log is made."""

    add = list[str].append


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """The lines of the one log of a test."""
    lines = Lines()
    monkeypatch.setattr("balancer.assembly.logs.AccessLog", lambda *_where, **_how: lines)
    return lines


def logged(house: House, form: str = EACH, *, timeout: float | None = None, **settings: Any) -> None:
    """Open a listener with a log in that format, and a route for all but /none."""
    pool = Pool("site", backends=["127.0.0.1:9001"], **settings)
    routes = [Route(~Path("/none"), pool, timeout=timeout)]
    house.open(HTTPListener(f"tcp:{FRONT}", routes=routes, access_log=AccessLog("-", format=form), body_timeout=20))


def ask(house: House, *said: bytes) -> tuple[Speaker, int]:
    """A client that says that, and how many bytes it said."""
    return house.client(b"".join(said)), len(b"".join(said))


def test_bytes_are_those_of_the_wire(house: House, lines: Lines) -> None:
    """Heads and bodies count, in both directions, of each request what is its own."""
    far = house.far()
    logged(house)
    post = request("POST /a", "content-length: 5", body=b"12345")
    client, _ = ask(house, post + request("GET /b")[:7])
    far.last.say(answer(b"hello"))
    first = client.hear()
    client.say(request("GET /b")[7:])
    far.last.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n")
    assert lines == [
        f"127.0.0.1 POST /a 200 {len(post)} {len(first)} -- 127.0.0.1:9001",
        f"127.0.0.1 GET /b 200 {len(request('GET /b'))} {len(client.hear())} -- 127.0.0.1:9001",
    ]


def test_answers_that_are_alike(house: House, lines: Lines) -> None:
    """An answer that is known from before counts as the first one did."""
    far = house.far()
    logged(house, "{sent_bytes}")
    client = house.client()
    for _ in range(3):
        client.say(request())
        far.last.say(answer(b"hello"))
    size = len(client.hear()) // 3
    assert lines == [str(size)] * 3


def test_refusals(house: House, lines: Lines) -> None:
    """What is refused has a line as well, in its turn among the others, nonsense included."""
    logged(house)
    none = request("GET /none")
    client, _ = ask(house, none + b"nonsense\r\n\r\n")
    heard = client.hear()
    first = heard.index(b"HTTP/1.1 400")
    assert lines == [
        f"127.0.0.1 GET /none 404 {len(none)} {first} PR -",
        f"127.0.0.1 - - 400 12 {len(heard) - first} PR -",
    ]


def test_a_head_that_takes_too_long(house: House, lines: Lines) -> None:
    """A request that never became whole is told once its time was up."""
    logged(house, "{status} {code} {request_time} {total_time} {ending}")
    house.client(request()[:9])
    house.network.advance(11)
    (line,) = lines
    status, code, head, total, ending = line.split()
    assert (status, code, head, ending) == ("408", "cR", total, "downstream-timeout")
    assert 10 <= float(head) < 10.5


def test_times(house: House, lines: Lines) -> None:
    """Each part of an exchange has its time."""
    far = house.far()
    house.network.hang(9001)
    logged(house, "{request_time} {queue_time} {connect_time} {response_time} {data_time} {total_time}")
    client = house.client(request()[:9])
    house.network.advance(1)
    client.say(request()[9:])
    house.network.advance(2)
    house.network.allow(9001)
    house.network.pump()
    house.network.advance(3)
    whole = answer(b"hello")
    far.last.say(whole[:-1])
    house.network.advance(4)
    far.last.say(whole[-1:])
    assert [round(float(time)) for time in lines[0].split()] == [1, 0, 2, 3, 4, 10]


@pytest.mark.parametrize(("hung", "code"), [(True, "CC"), (False, "CH")])
def test_a_client_that_leaves(house: House, lines: Lines, hung: bool, code: str) -> None:
    """A client that does not wait is told by where its request was, and by the backend that had it."""
    house.far()
    if hung:
        house.network.hang(9001)
    logged(house)
    client, size = ask(house, request())
    client.cut()
    assert lines == [f"127.0.0.1 GET / 499 {size} 0 {code} 127.0.0.1:9001"]


def test_an_answer_that_breaks_off(house: House, lines: Lines) -> None:
    """An answer that was cut has the status that went out, and whoever broke it off."""
    far = house.far()
    logged(house)
    client, size = ask(house, request())
    far.last.say(answer(b"hello")[:-1])
    far.last.cut()
    assert lines == [f"127.0.0.1 GET / 200 {size} {len(client.hear())} SD 127.0.0.1:9001"]


def test_backends_that_refuse(house: House, lines: Lines) -> None:
    """Attempts and why each was made are told."""
    house.far(9002)
    form = "{status} {attempts} {retries} {backend} {code} {ending} {pool} {route}"
    pool = Pool("site", backends=[f"127.0.0.1:{port}" for port in (9001, 9003, 9002)])
    house.open(HTTPListener(f"tcp:{FRONT}", pool=pool, access_log=AccessLog("-", format=form)))
    for _ in range(3):
        house.client(request())
    house.assembly.listeners[0][1].end_all(Draining("stop"))
    words = [line.split() for line in lines]
    assert {(word[0], word[3]) for word in words} == {("503", "127.0.0.1:9002")}
    assert {(word[1], word[2]) for word in words} <= {
        ("1", "-"),
        ("2", "connect-failed"),
        ("3", "connect-failed,connect-failed"),
    }
    assert {tuple(word[4:]) for word in words} == {("KH", "draining", "site", "everything")}


def test_whole_exchanges_that_take_too_long(house: House, lines: Lines) -> None:
    """A route's own time-out is told by its name."""
    house.far()
    logged(house, "{status} {ending} {stage} {code}", timeout=2)
    house.client(request())
    house.network.advance(3)
    assert lines == ["504 exchange-timeout response PH"]


def test_json_lines(house: House, lines: Lines) -> None:
    """A line of JSON tells all that there is."""
    far = house.far()
    logged(house, "json")
    client = house.client(request("GET /a?b", 'user-agent: "x"\\', "referer: http://y/"))
    far.last.say(answer(b"hello", status="201 Created"))
    assert client.hear()
    told = json.loads(lines[0])
    assert (told["status"], told["user_agent"], told["referer"]) == (201, '"x"\\', "http://y/")
    assert (told["method"], told["target"], told["host"], told["pool"]) == ("GET", "/a?b", "site", "site")
    assert (told["ending"], told["stage"], told["code"], told["retries"]) == ("done", "done", "--", None)
