"""Routes over the whole proxy: each request goes where they say, in the form in which they saw it, or nowhere."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface import implementer

from balancer.config import HTTPListener, Pool, Route
from balancer.core.messages import RequestHead, ResponseHead
from balancer.interfaces import IFilter, ISession
from balancer.plugins.matchers import ClientIP, Cookie, Header, Host, Method, Path, Percent, Query, Scheme
from tests.net.house import FRONT, House, answer, request


def routed(house: House, *matchers: Any, **settings: Any) -> list[Any]:
    """A listener with a route to a backend of its own for each matcher, and the backends."""
    fars = [house.far(9001 + number) for number in range(len(matchers))]
    routes = [
        Route(matcher, Pool(f"p{number}", backends=[f"127.0.0.1:{9001 + number}"]))
        for number, matcher in enumerate(matchers)
    ]
    house.open(HTTPListener(f"tcp:{FRONT}", routes=routes, **settings))
    return fars


def taken_by(fars: list[Any]) -> tuple[int, bytes]:
    """Which backend has a request to answer, and that request; it is answered."""
    (found,) = [(number, far.last, far.last.hear()) for number, far in enumerate(fars) if far.calls and far.last.heard]
    number, backend, heard = found
    backend.say(answer(b"%d" % number))
    return number, heard


WAYS: list[tuple[bytes, int]] = [
    (request("GET /one/x"), 0),
    (request("GET /users/7"), 1),
    (request("PUT /"), 2),
    (request("GET /", "x-env: beta"), 3),
    (request("GET /?a=1&debug"), 4),
    (request("GET /", "cookie: a=1; beta=on"), 5),
    (request("GET /x").replace(b"host: site", b"host: API.example.com:8080"), 6),
    (request("GET /"), 7),
]


def test_each_matcher_routes(house: House) -> None:
    """Requests of one connection go to as many pools as their routes say, whatever it is that these look at."""
    fars = routed(
        house,
        Path("/one"),
        Path(template="/users/{id}"),
        Method("PUT"),
        Header("x-env", "beta"),
        Query("debug"),
        Cookie("beta", "on"),
        Host("api.example.com") & ClientIP("127.0.0.0/8"),
        Scheme("http") & Percent(100),
    )
    client = house.client()
    for said, number in WAYS:
        client.say(said)
        assert taken_by(fars)[0] == number
        assert client.hear() == answer(b"%d" % number)


def test_of_many_routes_the_first_that_matches(house: House) -> None:
    """Among more routes than are asked one by one, the first that matches in the order written has the request."""
    matchers = [Host(f"h{number}.test") & Path("/v1") for number in range(20)]
    fars = routed(house, Path("/first"), *matchers, Host("*.test"), Path("/"))
    client = house.client()
    for host, path, number in [
        ("h7.test", "/v1/x", 8),
        ("h7.test", "/first", 0),
        ("h7.test", "/v2", 21),
        ("example.com", "/v1", 22),
    ]:
        client.say(request(f"GET {path}").replace(b"host: site", f"host: {host}".encode()))
        assert taken_by(fars)[0] == number


def test_no_route(house: House) -> None:
    """What no route takes is answered with 404 and a reason, and the connection goes on."""
    fars = routed(house, Path("/one"))
    client = house.client(request("GET /two"))
    assert client.hear().endswith(b"\r\n\r\n404 Not Found: no-route\n")
    client.say(request("GET /one"))
    assert taken_by(fars)[0] == 0


@pytest.mark.parametrize(
    ("target", "forwarded", "number"),
    [
        ("/public/../admin", b"GET /admin ", 0),
        ("/public/%2e%2E/admin/x?y=../%2e", b"GET /admin/x?y=../%2e ", 0),
        ("/%61dmin", b"GET /admin ", 0),
        ("http://site/public/../admin", b"GET /admin ", 0),
        ("/public/x%2fadmin", b"GET /public/x%2Fadmin ", 1),
        ("//admin", b"GET //admin ", 1),
    ],
)
def test_what_was_matched_is_forwarded(house: House, target: str, forwarded: bytes, number: int) -> None:
    """No spelling of a path leads past the route that is for it: the backend gets the form that was matched."""
    fars = routed(house, Path("/admin"), Path("/"))
    house.client(request(f"GET {target}"))
    taken, heard = taken_by(fars)
    assert (taken, heard[: len(forwarded)]) == (number, forwarded)


@pytest.mark.parametrize(
    "target", ["/..", "/a/%2e%2e/%2E.", "/public/..%2fadmin", "/public/..;/admin", "/a\\b", "/a%5Cb", "/%00", "/%zz"]
)
def test_paths_that_are_refused(house: House, target: str) -> None:
    """What backends read in different ways is answered with 400 and reaches none, and the connection goes on."""
    fars = routed(house, Path("/"))
    client = house.client(request(f"GET {target}") + request("GET /next"))
    assert b"\r\n\r\n400 Bad Request: path-refused\n" in client.hear()
    assert taken_by(fars)[1].startswith(b"GET /next ")


def test_an_upload_to_a_refused_path(house: House) -> None:
    """The body of a request with a refused path is not taken for the next request."""
    fars = routed(house, Path("/"))
    client = house.client(request("POST /..", "content-length: 5") + b"GET /")
    assert client.hear().endswith(b"\r\n\r\n400 Bad Request: path-refused\n")
    client.say(b" HTTP/1.1\r\nhost: site\r\n\r\n")
    assert not any(far.calls for far in fars)


@pytest.mark.parametrize("target", ["/a/../b", "/..", "/a\\b", "/%zz", "/%7e"])
def test_paths_as_they_are(house: House, target: str) -> None:
    """Where a listener says so, each path is forwarded as it came."""
    fars = routed(house, Path("/"), paths="as-is")
    house.client(request(f"GET {target}"))
    assert taken_by(fars)[1].startswith(f"GET {target} ".encode())


@implementer(IFilter)
class Noting:
    """A filter that notes what was captured."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []

    def request(self, head: RequestHead, session: ISession) -> RequestHead:
        self.seen.append(dict(session.captures))
        return head

    def response(self, head: ResponseHead, session: ISession) -> ResponseHead:
        self.seen.append(dict(session.captures))
        return head


def test_captures_are_there_for_filters(house: House) -> None:
    """What the matchers of a route captured is in the session of its filters, and nothing of other requests."""
    noting = Noting()
    far = house.far(9001)
    pool = Pool("pool", backends=["127.0.0.1:9001"])
    matcher = Path(template="/users/{id}/{rest...}") & Header("x-env", regex="(?P<env>[a-z]+)")
    routes = [Route(matcher, pool, filters=noting), Route(pool=pool, filters=noting)]
    house.open(HTTPListener(f"tcp:{FRONT}", routes=routes))
    client = house.client()
    for said in (request("GET /users/7/a/b", "x-env: beta"), request("GET /")):
        client.say(said)
        far.last.say(answer())
    assert noting.seen == [{"id": "7", "rest": "a/b", "env": "beta"}] * 2 + [{}] * 2
