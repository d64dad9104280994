"""What is remembered of earlier messages changes nothing in how the next are read, and is bounded."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.http1 import KnownAnswer, Limits, RequestDecoder, ResponseDecoder
from balancer.core.http1_memory import Memory
from balancer.core.messages import END, Block, Message
from balancer.errors import BalancerError

LINES = [
    b"GET / HTTP/1.1", b"PUT /x HTTP/1.1", b"GET http://b/ HTTP/1.1", b"GET / HTTP/1.0", b"CONNECT a:1 HTTP/1.1",
    b"OPTIONS * HTTP/1.1", b"GET  / HTTP/1.1", b"GET /%00 HTTP/2.0", b"\r\nGET / HTTP/1.1", b"GET / HTTP/1.1\r",
]  # fmt: skip
SECTIONS = [
    b"Host: a\r\n", b"host: a\r\nx: y\r\n", b"Host: a\r\nContent-Length: 3\r\n", b"Host: a\r\nConnection: close\r\n",
    b"Host: a\r\nTransfer-Encoding: chunked\r\n", b"", b"Host: a\r\nx : y\r\n", b"Host: a\r\nHost: b\r\n",
    b"Host: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n", b"Host: a\r\nx: " + b"y" * 120 + b"\r\n",
]  # fmt: skip
BEHIND = [b"", b"abc", b"abcGET / HTTP/1.1\r\nHost: a\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n", b"ab"]
STATUS = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.0 200 OK",
    b"HTTP/1.1 204 No",
    b"HTTP/1.1 304 No",
    b"HTTP/1.1 103 E",
    b"HTTP/2 200",
]
ANSWERS = [
    b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"",
    b"Connection: close\r\n",
    b"Content-Length: 3\r\nConnection: close\r\n", b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"x : y\r\n",
]  # fmt: skip
LIMITS = Limits(head=100, line=60)


def made(lines: Sequence[bytes], sections: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Messages of these parts."""
    parts = st.tuples(st.sampled_from(lines), st.sampled_from(sections), st.sampled_from(BEHIND))
    return parts.map(lambda part: part[0] + b"\r\n" + part[1] + b"\r\n" + part[2])


def asked(pieces: Sequence[bytes], blocks: Memory[Block] | None) -> tuple[object, ...]:
    """What a decoder makes of a request in pieces, and how it stands then."""
    decoder, messages = RequestDecoder(LIMITS, blocks), list[Message]()
    try:
        for piece in pieces:
            messages += decoder.receive(piece)
    except BalancerError as error:
        return type(error), error.status, str(error)
    return *messages, decoder.persistent, decoder.idle, decoder.buffered, decoder.left


def answered(pieces: Sequence[bytes], method: str, known: Memory[KnownAnswer] | None) -> tuple[object, ...]:
    """The same of an answer."""
    decoder, messages = ResponseDecoder(LIMITS, known), list[Message]()
    decoder.expect(method)
    try:
        for piece in pieces:
            messages += decoder.receive(piece)
    except BalancerError as error:
        return type(error), str(error)
    return *messages, decoder.reusable, decoder.left


@given(st.lists(st.tuples(made(LINES, SECTIONS), st.integers(0, 200)), min_size=1, max_size=9))
def test_a_request_is_read_as_if_it_were_the_first(requests: list[tuple[bytes, int]]) -> None:
    """With a memory of others, however it was cut, a request is what it is to a decoder that has none."""
    blocks = Memory[Block]()
    for data, cut in [*requests, *requests]:
        pieces = [piece for piece in (data[:cut], data[cut:]) if piece]
        assert asked(pieces, blocks) == asked(pieces, None)


@given(st.lists(st.tuples(made(STATUS, ANSWERS), st.integers(0, 99), st.sampled_from(["GET", "HEAD"])), max_size=9))
def test_an_answer_is_read_as_if_it_were_the_first(answers: list[tuple[bytes, int, str]]) -> None:
    """With a memory of others an answer is what it is to a decoder that has none, whatever was asked."""
    known = Memory[KnownAnswer]()
    for data, cut, method in [*answers, *answers]:
        pieces = [piece for piece in (data[:cut], data[cut:]) if piece]
        assert answered(pieces, method, known) == answered(pieces, method, None)


@pytest.mark.parametrize("line", LINES)
def test_known_fields_behind_any_line(line: bytes) -> None:
    """A line that is not usual is read as ever, though the fields behind it are known."""
    blocks = Memory[Block]()
    for _ in range(2):
        asked([b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"], blocks)
    assert blocks
    assert asked([line + b"\r\nhost: a\r\n\r\n"], blocks) == asked([line + b"\r\nhost: a\r\n\r\n"], None)


@pytest.mark.parametrize("behind", [b"abc", b"a", b"", b"abcd"])
def test_what_lies_behind_a_known_head(behind: bytes) -> None:
    """A body that is whole, that is not, and that is followed by stray bytes."""
    data = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n"
    known = Memory[KnownAnswer]()
    for _ in range(2):
        answered([data], "GET", known)
    assert known
    assert answered([data + behind], "GET", known) == answered([data + behind], "GET", None)


def test_a_memory_is_bounded() -> None:
    """It keeps no long text and none that is met once, and begins anew when it holds `MOST`."""
    memory = Memory[int]()
    for _ in range(2):
        memory.keep(bytes(Memory.LONGEST + 1), 0)
    for number in range(2 * Memory.MOST):
        memory.keep(str(number), number)
    assert not memory
    for number in range(Memory.MOST + 1):
        for _ in range(2):
            memory.keep(str(number), number)
    assert dict(memory) == {str(Memory.MOST): Memory.MOST}


@pytest.mark.parametrize("chunked", [False, True])
def test_bytes_that_came_another_way_count(chunked: bool) -> None:
    """A body may be skipped as far as its length is known, and its last byte ends the message."""
    data = (
        b"PUT / HTTP/1.1\r\nhost: a\r\n"
        + (b"transfer-encoding: chunked" if chunked else b"content-length: 9")
        + b"\r\n\r\n"
    )
    request, response = RequestDecoder(), ResponseDecoder()
    response.expect("GET")
    request.receive(data)
    response.receive(data.replace(b"PUT / HTTP/1.1\r\nhost: a", b"HTTP/1.1 200 OK"))
    for decoder in (request, response):
        if chunked:
            assert (decoder.left, decoder.skip(1)) == (0, [])
        else:
            assert (decoder.left, decoder.skip(4), decoder.left) == (9, [], 5)
            assert (decoder.skip(5), decoder.left) == ([END], 0)
    assert (request.complete, response.reusable) == (not chunked, not chunked)
