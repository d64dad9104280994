"""The codec against a second reading of the RFCs and two other programs; `make fuzz` searches on where this ends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.oracle import Reading, requests
from tests.fuzz.oracle_answers import Answer, answer
from tests.fuzz.readers import judge_answer, judge_requests
from tests.fuzz.seeds import ANSWERS, METHODS, REQUESTS, WORDS


@st.composite
def mistaken(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A sound stream with something put in, or in the place of something, here and there."""
    data = b"".join(draw(st.lists(st.sampled_from(seeds), min_size=1, max_size=2)))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.sampled_from([0, 0, 1, 2, 5, 20]))
        data = data[:start] + draw(st.sampled_from(WORDS) | st.binary(max_size=2)) + data[end:]
    return data


@settings(max_examples=300)
@given(mistaken(REQUESTS), st.integers(0, 255))
def test_all_readers_agree_on_requests(data: bytes, cut: int) -> None:
    """What the codec takes for requests is what the oracle does, and for others one and the same request each."""
    judge_requests(data, cut)


@settings(max_examples=300)
@given(mistaken(ANSWERS), st.integers(0, 255), st.sampled_from(METHODS), st.booleans())
def test_the_oracle_agrees_on_answers(data: bytes, cut: int, method: str, closed: bool) -> None:
    """What the codec takes for an answer is what the oracle does, and so is whether the connection can be kept."""
    judge_answer(data, cut, method, closed=closed)


@pytest.mark.parametrize("data", REQUESTS)
def test_sound_requests_are_read(data: bytes) -> None:
    """Every stream that the search begins with holds a request that is accepted."""
    assert judge_requests(data, 9).messages[0].whole


@pytest.mark.parametrize("data", ANSWERS)
def test_sound_answers_are_read(data: bytes) -> None:
    """The same of answers."""
    assert judge_answer(data, 9, "GET", closed=True).messages[-1].whole


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", {400}),  # RFC 9112 3.2
        (b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", {501}),  # RFC 9110 9.3.6
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", {505}),  # RFC 9110 15.6.6
        (b"GET /" + b"x" * 200, {414}),  # RFC 9112 3
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 10 + b"\r\n", {431}),  # RFC 6585 5
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", {400}),  # RFC 9112 5.2
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", {400}),  # RFC 9112 6.3
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", {501}),  # RFC 9112 6.1
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", {400}),  # RFC 9112 6.1
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", {400}),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", {400}),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: y\r\n\r\n", {400, 417}),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;=\r\n", {400}),  # RFC 9112 7.1.1
    ],
)
def test_the_oracle_refuses(data: bytes, statuses: set[int]) -> None:
    """The oracle itself refuses what the RFCs have refused, with the statuses that they name; the codec with one."""
    assert requests(data) == Reading([], frozenset(statuses))
    judge_requests(data, 9)


def test_the_oracle_tells_the_end_of_an_answer() -> None:
    """By length, by chunks or by the close, and for HEAD at once (RFC 9112 6.3)."""
    head = b"HTTP/1.1 200 OK\r\n"
    assert answer(head + b"Content-Length: 2\r\n\r\nab", "GET", closed=False).reusable
    assert not answer(head + b"Content-Length: 2\r\n\r\nabc", "GET", closed=False).reusable
    assert answer(head + b"Content-Length: 2\r\n\r\n", "HEAD", closed=False).reusable
    assert answer(head + b"\r\nab", "GET", closed=True).messages[0].whole
    assert answer(head + b"Content-Length: 2\r\n\r\na", "GET", closed=True).fault == "gone"
    assert answer(head + b"Transfer-Encoding: gzip\r\n\r\na", "GET", closed=True) == Answer([], "refused")
