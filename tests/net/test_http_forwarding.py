"""Who asks, through a whole balancer: the same story for policies and backends, and a stranger's word in neither."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import HTTPListener, Pool, Route
from balancer.core.proxy_protocol import encode_v1
from balancer.interfaces import ISession
from tests.net.house import FRONT, Far, House, answer, request

CLAIM = "x-forwarded-for: 203.0.113.9"


def opened(house: House, **settings: Any) -> tuple[Far, list[ISession]]:
    """A backend behind a listener with these settings, and the sessions that its matcher will see."""
    seen: list[ISession] = []

    def note(session: ISession) -> bool:
        seen.append(session)
        return True

    far = house.far()
    house.open(HTTPListener(f"tcp:{FRONT}", routes=Route(note, Pool("site", backends=["127.0.0.1:9001"])), **settings))
    return far, seen


def fields_of(head: bytes) -> dict[str, str]:
    """The fields of a request that a backend heard, each of which is there once."""
    lines = [line.partition(": ") for line in head.decode().split("\r\n\r\n")[0].split("\r\n")[1:]]
    assert len({name for name, _, _ in lines}) == len(lines)
    return {name: value for name, _, value in lines}


def test_a_backend_is_told_who_asks(house: House) -> None:
    """Address, scheme, host and port are told, and the way; what the client claims is not."""
    far, seen = opened(house, request_id=False)
    client = house.client(request("GET /", CLAIM, "forwarded: for=a", "x-real-ip: b"), host="192.0.2.1")
    expected = {
        "host": "site",
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "site",
        "x-forwarded-port": str(FRONT),
        "via": "1.1 balancer",
    }
    assert fields_of(far.last.hear()) == expected
    far.last.say(answer())
    client.say(request("GET /", version="1.0"))
    assert fields_of(far.last.hear()) == {**expected, "via": "1.0 balancer"}
    assert [session.client[0] for session in seen] == ["192.0.2.1"] * 2


def test_a_trusted_proxy_is_believed_for_each_request(house: House) -> None:
    """The client of a session is that of the request, over one connection too; so policies and backends agree."""
    far, seen = opened(house, trusted_proxies=["10.0.0.0/8"], forwarded=True, via=None, request_id=True)
    client = house.client(host="10.0.0.1")
    for address in ("203.0.113.9", "203.0.113.10"):
        client.say(request("GET /", f"x-forwarded-for: {address}", "x-forwarded-proto: https", "x-request-id: abc"))
        told = fields_of(far.last.hear())
        assert told["x-forwarded-for"] == f"{address}, 10.0.0.1"
        assert (told["x-forwarded-port"], told["x-request-id"]) == ("443", "abc")
        assert told["forwarded"] == f"for={address};proto=https, for=10.0.0.1;host=site;proto=http"
        assert "via" not in told
        far.last.say(answer())
    assert [session.client for session in seen] == [("203.0.113.9", 0), ("203.0.113.10", 0)]
    assert [session.request and session.request.scheme for session in seen] == ["https", "https"]


def test_a_proxy_that_is_not_trusted_is_the_client(house: House) -> None:
    """Its list is replaced."""
    far, seen = opened(house, trusted_proxies=["10.0.0.0/8"])
    house.client(request("GET /", CLAIM), host="192.0.2.1")
    assert fields_of(far.last.hear())["x-forwarded-for"] == "192.0.2.1"
    assert seen[0].client[0] == "192.0.2.1"


@pytest.mark.parametrize("trusted", [(), ("198.51.100.7",)])
def test_a_proxy_header_says_who_connected_and_where(house: House, trusted: tuple[str, ...]) -> None:
    """Trust is a matter of whom the PROXY header names, and the port is the one that this client called."""
    far, seen = opened(house, trusted_proxies=trusted, accept_proxy=["127.0.0.1"])
    house.client(encode_v1(("198.51.100.7", 5), ("198.51.100.1", 8443)) + request("GET /", CLAIM))
    told = fields_of(far.last.hear())
    expected = "203.0.113.9, 198.51.100.7" if trusted else "198.51.100.7"
    assert (told["x-forwarded-for"], told["x-forwarded-port"]) == (expected, "8443")
    assert seen[0].client[0] == ("203.0.113.9" if trusted else "198.51.100.7")


def test_a_listener_that_does_not_know_its_port_asks_the_connection(house: House) -> None:
    """Where the system chose the port, that one is told."""
    far = house.far()
    house.open(HTTPListener("tcp:0", pool=Pool("site", backends=["127.0.0.1:9001"])))
    (port,) = set(house.network.ports) - {9001}
    house.client(request(), port)
    assert fields_of(far.last.hear())["x-forwarded-port"] == str(port)


def test_answers_are_dated(house: House) -> None:
    """A backend's answer without a date is given one, one with a date keeps it, and Server is the backend's own."""
    dated = House(wall=lambda: 784111777)
    far, _ = opened(dated)
    client = dated.client(request())
    far.last.say(answer(b"", "server: x"))
    date = b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    assert client.hear() == b"HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length: 0\r\n" + date + b"\r\n"
    client.say(request())
    far.last.say(answer(b"", "date: y"))
    assert client.hear() == b"HTTP/1.1 200 OK\r\ndate: y\r\ncontent-length: 0\r\n\r\n"
    client.say(b"NONSENSE\r\n\r\n")
    refusal = client.hear()
    assert date in refusal
    assert b"server" not in refusal
    dated.end()
