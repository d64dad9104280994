"""The corpus through a whole balancer: nothing that is refused is passed on, and no answer is another request's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h11
import pytest

from balancer.config import HTTPListener, Pool
from tests.core.corpus import request_bodies, request_fields, request_lines, responses
from tests.core.corpus.cases import CUT, LIMITS, Case, Meaning, lines
from tests.net.house import FRONT, Far, House, Speaker, answer, request

REQUESTS: list[Case] = [*request_lines.CASES, *request_fields.CASES, *request_bodies.CASES]
ANSWERED: list[Case] = [case for case in REQUESTS if not case.data.startswith(b"\x16")]  # which TLS is not
ANSWERS: list[Case] = responses.CASES
NEXT = b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n"
WHOLE, IN_PIECES = 1 << 20, 1


def opened(house: House) -> Far:
    """A backend behind a listener with the bounds of the corpus."""
    bounds: Any = {"max_head": LIMITS.head, "max_fields": LIMITS.fields}
    pool = Pool("site", backends=["127.0.0.1:9001"], max_interim=LIMITS.interim, **bounds)
    far = house.far()
    sizes: Any = {"max_line": LIMITS.line, "max_trailers": LIMITS.trailers, **bounds}
    house.open(HTTPListener(f"tcp:{FRONT}", pool=pool, paths="as-is", request_id=False, **sizes))
    return far


def said_by(speaker: Speaker, data: bytes, size: int) -> None:
    """Have it said in pieces of that size, as far as anybody listens; a long one in fewer pieces."""
    size = max(size, len(data) // 200)
    for at in range(0, len(data), size):
        if not speaker.ending:
            speaker.say(data[at : at + size])


def events(connection: h11.Connection, heard: bytes, *, ended: bool) -> Iterator[Any]:
    """What h11 reads, up to the end of one message."""
    connection.receive_data(heard)
    if ended:
        connection.receive_data(b"")
    while isinstance(event := connection.next_event(), h11.Event) and not isinstance(event, h11.ConnectionClosed):
        yield event
        if isinstance(event, h11.EndOfMessage):
            return


def text(pairs: Any) -> dict[str, str]:
    """Fields as text."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}


def request_in(heard: bytes) -> Meaning | None:
    """The one request that h11 reads in what a backend heard; None when it is not whole."""
    found = list(events(h11.Connection(h11.SERVER), heard, ended=False))
    if not found or not isinstance(found[-1], h11.EndOfMessage):
        return None
    head, *rest, end = found
    start = (head.method.decode(), head.target.decode(), text(head.headers)["host"])
    trailers = tuple((name.decode(), value.decode("latin-1")) for name, value in end.headers)
    return Meaning(start, b"".join(bytes(event.data) for event in rest), None, trailers)


def answer_in(heard: bytes, *, ended: bool) -> Meaning | str | None:
    """The answer that h11 reads in what a client heard, `CUT` when its connection ended before that; None before."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
    connection.send(h11.EndOfMessage())
    try:
        found = [
            event
            for event in events(connection, heard, ended=ended)
            if not isinstance(event, h11.InformationalResponse)
        ]
    except h11.RemoteProtocolError:
        return CUT
    if not found or not isinstance(found[-1], h11.EndOfMessage):
        return CUT if ended else None
    head, *rest, end = found
    trailers = tuple((name.decode(), value.decode("latin-1")) for name, value in end.headers)
    return Meaning((head.status_code,), b"".join(bytes(event.data) for event in rest), None, trailers)


def closing(heard: bytes) -> bool:
    """Whether this is one answer, that closes the connection."""
    return heard.count(b"HTTP/1.1 ") == 1 and b"\r\nconnection: close\r\n" in heard


@pytest.mark.parametrize("size", [WHOLE, IN_PIECES])
@pytest.mark.parametrize(
    "case", [case for case in ANSWERED if isinstance(case.verdict, int)], ids=lambda case: case.title
)
def test_refused_requests(house: House, case: Case, size: int) -> None:
    """It is answered with its status and a close, and neither it nor what follows ever reaches a backend whole."""
    far = opened(house)
    client = house.client()
    said_by(client, case.data + NEXT, size)
    heard = client.hear()
    assert answer_in(heard, ended=True) != CUT
    assert heard.startswith(f"HTTP/1.1 {case.verdict} ".encode()), case.section
    assert closing(heard)
    assert client.finished
    assert all(call.gone and request_in(call.hear()) is None for call in far.calls)
    assert house.active == 0
    client.close()


@pytest.mark.parametrize("size", [WHOLE, IN_PIECES])
@pytest.mark.parametrize(
    "case", [case for case in REQUESTS if isinstance(case.verdict, Meaning)], ids=lambda case: case.title
)
def test_accepted_requests(house: House, case: Case, size: int) -> None:
    """It reaches a backend as the one request that it is, and the next one as the next."""
    far = opened(house)
    client = house.client()
    said_by(client, case.data + NEXT, size)
    assert isinstance(case.verdict, Meaning)
    read = request_in(far.last.hear())
    assert read is not None
    assert (read.start, read.body, read.trailers) == (case.verdict.start, case.verdict.body, case.verdict.trailers)
    far.last.say(answer(b"first"))
    old = b"HTTP/1.0" in case.data
    assert client.hear() == (answer(b"first", "connection: close") if old else answer(b"first"))
    following = request_in(far.last.hear())
    assert following == (None if old else Meaning(("GET", "/next", "next")))
    client.close()


@pytest.mark.parametrize("size", [WHOLE, IN_PIECES])
@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case.title)
def test_answers(house: House, case: Case, size: int) -> None:
    """It is passed on faithfully, or told as 502 if nothing was sent, or cut; and the next answer is the next one's."""
    far = opened(house)
    client = house.client(request("GET /first"))
    said_by(far.last, case.data, size)
    if case.ends and not far.last.ending:
        far.last.close()
    read = answer_in(client.hear(), ended=bool(client.finished or client.ending))
    assert verdict_of(read) in allowed(case), case.section
    if client.finished or client.ending:
        client.close()
        client = house.client()
    client.say(request("GET /second"))
    assert far.last.hear().endswith(b"via: 1.1 balancer\r\n\r\n")
    far.last.say(answer(b"second"))
    assert client.hear() == answer(b"second")


@pytest.mark.parametrize("size", [WHOLE, IN_PIECES])
@pytest.mark.parametrize(
    ("head", "behind"),
    [
        (("HTTP/1.1 200 OK", "Content-Length: 5"), b""),
        (("HTTP/1.1 200 OK", "Content-Length: 5"), b"hello"),
        (("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), b""),
        (("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), b"5\r\nhello\r\n0\r\n\r\n"),
        (("HTTP/1.1 200 OK",), b""),
        (("HTTP/1.1 304 Not Modified", "Content-Length: 5"), b"hello"),
        (("HTTP/1.0 200 OK", "Content-Length: 5"), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"),
    ],
)
def test_answers_to_head(house: House, head: tuple[str, ...], behind: bytes, size: int) -> None:
    """What comes behind such an answer is nobody's, whatever its head says of a body (RFC 9112 6.3)."""
    far = opened(house)
    client = house.client(request("HEAD /first"))
    said_by(far.last, lines(*head) + behind, size)
    heard = client.hear()
    assert heard.count(b"\r\n\r\n") == 1
    assert heard.endswith(b"\r\n\r\n")
    client.say(request("GET /second"))
    far.last.say(answer(b"second"))
    assert client.hear() == answer(b"second")


def verdict_of(read: Meaning | str | None) -> object:
    """The verdict that an answer amounts to."""
    ours = isinstance(read, Meaning) and read.start == (502,)
    return 502 if ours else read


def allowed(case: Case) -> tuple[object, ...]:
    """What may come of an answer: a fault that is seen before anything was sent is told."""
    return (CUT, 502) if case.verdict == CUT else (case.verdict,)
