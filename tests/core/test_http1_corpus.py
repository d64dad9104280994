"""The corpus through the codec: one verdict over each case, whole, byte by byte and at every split."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from balancer.core.http1 import KnownAnswer, RequestDecoder, ResponseDecoder
from balancer.core.http1_memory import Memory
from balancer.core.messages import Block, End, Message, RequestHead, ResponseHead
from balancer.errors import BalancerError, RequestRefused
from tests.core.corpus import request_bodies, request_fields, request_lines, responses
from tests.core.corpus.cases import CUT, LIMITS, Case, Meaning

REQUESTS: list[Case] = [*request_lines.CASES, *request_fields.CASES, *request_bodies.CASES]
ANSWERS: list[Case] = responses.CASES
NEXT = b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n"
LONG = 2000
"""Cases of more bytes are split at some places only."""


def splits(data: bytes) -> list[list[bytes]]:
    """The data whole, byte by byte, and in two at every place."""
    step = 1 if len(data) < LONG else 397
    bytewise = [data[at : at + 1] for at in range(len(data))]
    return [[data], bytewise, *[[data[:at], data[at:]] for at in range(1, len(data), step)]]


def meaning_of(messages: Sequence[Message], wanted: object) -> Meaning | None:
    """What a message says, with its fields if they are wanted; None when it is not whole."""
    head, end = (messages[0], messages[-1]) if messages else (None, None)
    if not isinstance(end, End) or not isinstance(head, RequestHead | ResponseHead):
        return None
    start = (head.method, head.target, head.authority) if isinstance(head, RequestHead) else (head.status,)
    fields = None if isinstance(wanted, Meaning) and wanted.fields is None else head.fields
    body = b"".join(message for message in messages if isinstance(message, bytes))
    return Meaning(start, body, fields, end.trailers)


def read_request(pieces: Sequence[bytes], wanted: object, blocks: Memory[Block] | None = None) -> object:
    """The status of the refusal of the first request in the pieces, or its meaning and whether the next is one, too."""
    decoder = RequestDecoder(LIMITS, blocks)
    messages: list[Message] = []
    try:
        for piece in pieces:
            messages += decoder.receive(piece)
    except RequestRefused as refusal:
        assert not any(isinstance(message, End) for message in messages)
        return refusal.status
    meaning = meaning_of(messages, wanted)
    if meaning is None:
        return "is not whole"
    following = decoder.next()[0]
    assert isinstance(following, RequestHead)
    assert (following.target, following.authority) == ("/next", "next")
    return meaning


def read_answer(pieces: Sequence[bytes], case: Case, known: Memory[KnownAnswer] | None = None) -> object:
    """What a client would be told: 502, or `CUT` when the head was fine, or the meaning of the answer."""
    decoder = ResponseDecoder(LIMITS, known)
    decoder.expect("GET")
    messages: list[Message] = []
    try:
        for piece in pieces:
            if not decoder_done(messages):
                messages += decoder.receive(piece)
        if case.ends and not decoder_done(messages):
            messages += decoder.finish()
    except BalancerError:
        return CUT if final(messages) else 502
    return meaning_of(final(messages), case.verdict)


def decoder_done(messages: Sequence[Message]) -> bool:
    """Whether the answer is whole; what follows is nobody's."""
    return bool(messages) and isinstance(messages[-1], End)


def final(messages: Sequence[Message]) -> Sequence[Message]:
    """From the final head on."""
    while messages and isinstance(messages[0], ResponseHead) and messages[0].interim:
        messages = messages[1:]
    return messages


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.title)
def test_requests(case: Case) -> None:
    """A request is refused with its status or understood in its one way, and what follows is the next request."""
    for pieces in splits(case.data + NEXT):
        assert read_request(pieces, case.verdict) == case.verdict, (case.section, pieces[0])


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.title)
def test_requests_like_one_that_was_read_before(case: Case) -> None:
    """That fields are remembered changes no verdict."""
    blocks = Memory[Block]()
    for _ in range(3):
        read_request([NEXT, NEXT], None, blocks)
        assert read_request([case.data + NEXT], case.verdict, blocks) == case.verdict


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case.title)
def test_answers(case: Case) -> None:
    """An answer is refused, broken off or understood in its one way; what is seen at once is never begun."""
    whole, bytewise, *halves = splits(case.data)
    assert read_answer(bytewise, case) == case.verdict, case.section
    for pieces in (whole, *halves):
        read = read_answer(pieces, case)
        assert read == case.verdict or (case.verdict == CUT and read == 502), (case.section, pieces[0])


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case.title)
def test_answers_like_one_that_was_read_before(case: Case) -> None:
    """That heads are remembered changes no verdict."""
    known = Memory[KnownAnswer]()
    usual = Case(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "9112 4")
    first = read_answer([case.data], case, known)
    for _ in range(3):
        read_answer([usual.data], usual, known)
        assert read_answer([case.data], case, known) == first
        assert read_answer(splits(case.data)[1], case, known) == case.verdict


@pytest.mark.parametrize(("cases", "least"), [(lambda: REQUESTS, 400), (lambda: ANSWERS, 150)])
def test_the_corpus_is_large_and_says_why(cases: Callable[[], list[Case]], least: int) -> None:
    """There are many cases, all different, each with the section of the RFC that decides it."""
    found = {(case.data, case.ends) for case in cases()}
    assert least <= len(found) == len(cases())
    assert all(case.section for case in cases())
