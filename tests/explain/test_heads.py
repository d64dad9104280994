"""What becomes of the head of a request: the same as on a connection."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from balancer.config import HTTPListener, Retry, Route
from balancer.core.messages import RequestHead
from balancer.errors import FilterFailed
from balancer.explain.heads import lines_sent
from balancer.interfaces import Filter, Reply
from balancer.plugins.filters import StripPrefix
from tests.explain.configs import SITE, asked, site


def sent(line: str, *filters: Any, settings: dict[str, Any] | None = None, **more: Any) -> list[str]:
    """What the backend is sent of a request through these filters."""
    route = Route(pool=SITE, filters=filters, retry=more.pop("retry", None))
    way = asked(site(HTTPListener("tcp:8080", routes=[route], **(settings or {}))), line, **more)
    assert way.error is None
    assert way.goes is not None
    return lines_sent(way.goes)


def test_what_backends_are_told() -> None:
    """The head is as on the wire: with the fields that tell of the client, without those that end here."""
    lines = sent(
        "GET http://a.example:8080/x",
        headers=["Connection: close, X-Hop", "X-Hop: 1", "X-Forwarded-For: 10.9.9.9", "Accept: */*"],
        settings={"request_id": False, "via": None},
    )
    assert lines == [
        "GET /x HTTP/1.1",
        "host: a.example:8080",
        "accept: */*",
        "x-forwarded-for: 192.0.2.1",
        "x-forwarded-proto: http",
        "x-forwarded-host: a.example:8080",
        "x-forwarded-port: 8080",
    ]


def test_a_trusted_proxy_is_believed() -> None:
    """What a trusted proxy says of its client goes on, and that client is the one who asks."""
    trusting = {"trusted_proxies": ["192.0.2.0/24"]}
    lines = sent("GET http://a.example/", headers=["X-Forwarded-For: 10.9.9.9"], settings=trusting)
    assert "x-forwarded-for: 10.9.9.9, 192.0.2.1" in lines


def test_paths_are_as_they_are_matched() -> None:
    """A path goes on in its normal form, then through the filters."""
    assert sent("GET http://a.example/v1/%61/../b", StripPrefix("/v1"))[0] == "GET /b HTTP/1.1"


def test_a_change_of_protocol() -> None:
    """What a request wants to change to is sent where the route lets it."""
    wish = ["Connection: upgrade", "Upgrade: websocket"]
    assert "upgrade: websocket" in sent("GET http://a.example/", headers=wish)
    assert "upgrade: h2c" not in sent("GET http://a.example/", headers=["Connection: upgrade", "Upgrade: h2c"])


def test_the_first_try_is_numbered() -> None:
    """A route that numbers its tries says so to the backend."""
    assert "x-try: 1" in sent("GET http://a.example/", retry=Retry(attempt_header="x-try"))


def test_a_body_that_is_rewritten() -> None:
    """A body that a filter rewrites goes on without its length."""

    class Shout(Filter):
        def body(self, head: Any, session: Any, direction: Any) -> Any:
            return self

        def feed(self, data: bytes) -> bytes:
            return data.upper()

        def finish(self) -> bytes:
            return b""

    lines = sent("POST http://a.example/", Shout(), headers=["Content-Length: 5"])
    assert lines[-1] == "transfer-encoding: chunked"


@pytest.mark.parametrize("how", ["coroutine", "deferred", "neither"])
def test_a_filter_that_takes_its_time(how: str) -> None:
    """What waits for others is not waited for, and that is said; nothing is left over."""
    cancelled = list[object]()

    async def later() -> Reply:
        raise AssertionError("never begun")

    class Never:
        def __await__(self) -> Any:
            yield

    def slow(head: RequestHead, session: Any) -> Any:
        waits = {"coroutine": later, "deferred": lambda: Deferred(cancelled.append), "neither": Never}
        return waits[how]()

    way = asked(site(HTTPListener("tcp:8080", routes=[Route(pool=SITE, filters=slow)])), "http://a.example/")
    assert way.backend == "b1"
    (note,) = way.notes
    assert note.endswith("takes its time: what it does, and those behind it, is not known")
    assert len(cancelled) == (how == "deferred")


def test_a_filter_that_fails() -> None:
    """A filter that raises refuses the request here as it does there."""

    def broken(head: RequestHead, session: Any) -> Any:
        raise ValueError("no")

    way = asked(site(HTTPListener("tcp:8080", routes=[Route(pool=SITE, filters=broken)])), "http://a.example/")
    assert isinstance(way.error, FilterFailed)
    assert way.goes is None
    way = asked(
        site(HTTPListener("tcp:8080", routes=[Route(pool=SITE, filters=broken, on_filter_error="skip")])),
        "http://a.example/",
    )
    assert way.backend == "b1"
    (note,) = way.notes
    assert note.startswith("passed over: ")


def test_a_body_that_is_too_large() -> None:
    """A length that the route does not let in is refused before any filter."""
    listener = HTTPListener("tcp:8080", routes=[Route(pool=SITE, max_body=4)])
    way = asked(site(listener), "POST http://a.example/", headers=["Content-Length: 5"])
    assert way.error is not None
    assert way.error.status == 413
