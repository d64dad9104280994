"""What our codec, h11 and llhttp (httptools) make of a stream, in the words of the oracle, and where they disagree.

Whatever our codec accepts has one meaning for all of them, as it came and as we write it. Where another reader refuses
what we accept, `tests.fuzz.elsewhere` has the reason and the section; any other refusal is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import cast

import attrs

from balancer.core.forwarding import Forwarding
from balancer.core.headers import for_downstream
from balancer.core.http1 import (
    KnownAnswer,
    Limits,
    RequestDecoder,
    RequestEncoder,
    ResponseDecoder,
    ResponseEncoder,
)
from balancer.core.http1_memory import Memory
from balancer.core.messages import Block, End, RequestHead, ResponseHead
from balancer.core.messages import Message as Piece
from balancer.errors import BalancerError, RequestRefused, UpstreamGone
from tests.fuzz import oracle
from tests.fuzz.elsewhere import (
    ALWAYS,
    AS_IT_CAME,
    RefusedElsewhere,
    answer_by_h11,
    answer_by_llhttp,
    judged,
)
from tests.fuzz.oracle import Message, Reading, requests
from tests.fuzz.oracle_answers import Answer, answer
from tests.fuzz.seeds import METHODS

LIMITS = Limits(
    line=oracle.LINE,
    head=oracle.HEAD,
    fields=oracle.FIELDS,
    chunk_line=oracle.CHUNK_LINE,
    chunk_extensions=oracle.EXTENSIONS,
    trailers=oracle.TRAILERS,
    interim=oracle.INTERIM,
)
CLIENT = Forwarding(port=80).for_client(("192.0.2.9", 5000))
ENDS_HERE = frozenset({"keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})
"""What belongs to the client's connection, and never reaches a backend as it came (RFC 9110 7.6.1)."""
ADDED = frozenset({
    "connection", "te", "trailer", "max-forwards",
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto",
})  # fmt: skip
"""What a backend is told that the client has not said, or not so."""
FRAMING = frozenset({"host", "content-length", "transfer-encoding"})
"""What the encoder says itself, and drops where others say it."""
GROWN = (frozenset({414}), frozenset({431}))
"""What the oracle may make of a request that is longer as we write it, with a space behind each colon."""


class Disagreement(AssertionError):
    """Two readers differ; the message has the bytes, and what each made of them."""


def pieces_of(data: bytes, cut: int) -> list[list[bytes]]:
    """The stream whole, byte by byte, and in two."""
    return [[data], [data[place : place + 1] for place in range(len(data))], [data[:cut], data[cut:]]]


def taken(found: list[Message], pieces: Iterable[Piece], *, stays: bool) -> None:
    """Add what a codec brought to what it brought before."""
    for piece in pieces:
        if isinstance(piece, bytes):
            found[-1].body += piece
        elif isinstance(piece, End):
            found[-1].whole, found[-1].trailers = True, list(piece.trailers)
        elif isinstance(piece, RequestHead):
            start: tuple[str | int, ...] = (piece.method, piece.target, piece.authority)
            expects = piece.expects_continue
            found.append(Message(start, list(piece.fields), piece.version, piece.length, stays, expects))
        else:
            fields = list(piece.fields)
            found.append(Message((piece.status, piece.phrase), fields, piece.version, piece.length, stays=True))
            found[-1].whole = piece.interim


def requests_by_us(pieces: Sequence[bytes], blocks: Memory[Block] | None = None) -> Reading:
    """What our codec makes of the requests of a connection; of what it remembers, too, if it is given that."""
    decoder, found = RequestDecoder(LIMITS, blocks), list[Message]()
    try:
        for data in pieces:
            brought = decoder.receive(data)
            while brought:
                taken(found, brought, stays=decoder.persistent)
                brought = decoder.next() if isinstance(brought[-1], End) else []
    except RequestRefused as refusal:
        return Reading([message for message in found if message.whole], frozenset({refusal.status}))
    return Reading(found, "idle" if decoder.idle else "more")


def answer_by_us(
    pieces: Sequence[bytes], method: str, answers: Memory[KnownAnswer] | None = None, *, closed: bool
) -> Answer:
    """What our codec makes of the answer to a request of that method."""
    decoder, found = ResponseDecoder(LIMITS, answers), list[Message]()
    decoder.expect(method)
    fault, behind = "", False
    try:
        for data in pieces:
            whole = bool(found) and found[-1].whole and found[-1].start[0] not in range(200)
            behind = behind or (whole and bool(data))
            taken(found, [] if whole else decoder.receive(data), stays=True)
        reusable = decoder.reusable and not behind
        taken(found, decoder.finish() if closed else [], stays=True)
    except UpstreamGone:
        reusable, fault = False, "gone"
    except BalancerError:
        return Answer([], "refused")
    return Answer(found, fault, reusable=reusable and not closed)


def judge_requests(data: bytes, cut: int) -> Reading:
    """Hold our reading of the requests of a stream to that of all others. Raises `Disagreement`."""
    expected, blocks = requests(data), Memory[Block]()
    usual = b"GET / HTTP/1.1\r\n" + data.removeprefix(b"\r\n").partition(b"\r\n")[2]
    for _ in range(2):  # the same fields behind a plain line, until they are remembered
        requests_by_us([usual], blocks)
    for pieces in pieces_of(data, cut):
        got = requests_by_us(pieces, blocks)
        same = got.end == expected.end
        if isinstance(got.end, frozenset) and isinstance(expected.end, frozenset):
            same = got.end <= expected.end
        if not same or got.messages != expected.messages:
            raise Disagreement(f"{pieces} is\n{got}\nand for the oracle\n{expected}")
    for message in expected.messages:
        if message.whole:
            judge_elsewhere(message, blocks)
    return expected


def judge_answer(data: bytes, cut: int, method: str, *, closed: bool) -> Answer:
    """Hold our reading of an answer to that of the oracle. Raises `Disagreement`."""
    expected, answers = answer(data, method, closed=closed), Memory[KnownAnswer]()
    for pieces in pieces_of(data, cut):
        got = answer_by_us(pieces, method, answers, closed=closed)
        if got.fault == "gone":  # how far it had come is nobody's any more
            got = attrs.evolve(got, messages=expected.messages)
        if [shown(got), got.fault, got.reusable] != [shown(expected), expected.fault, expected.reusable]:
            raise Disagreement(f"{pieces} to {method} is\n{got}\nand for the oracle\n{expected}")
    final = expected.messages[-1] if expected.messages and not expected.fault else None
    if final is not None and final.whole and final.start[0] not in range(200):
        judge_passed_on(expected, partial(passed_on_by_us, data, closed=closed), method)
    return expected


def judge_passed_on(expected: Answer, passed_on: Callable[..., bytes], method: str) -> None:
    """Hold an answer as clients get it, remembered or not, and whatever was asked before, to what it was."""
    answers, final = Memory[KnownAnswer](), expected.messages[-1]
    for other in METHODS:
        with suppress(BalancerError):  # to another method it may be no answer
            passed_on(other, answers, old=False, last=False)
    for old, last in ((False, False), (False, True), (True, False)):
        written = passed_on(method, Memory[KnownAnswer](), old=old, last=last)
        for _ in range(2):
            if written != passed_on(method, answers, old=old, last=last):
                raise Disagreement(f"{final} is passed on as {written!r}, and when it is remembered in another way")
        again = answer(written, method, closed=old or last)
        if again.fault == "refused" and any(map(may_have_grown, expected.messages)):
            continue
        same = bool(again.messages) and says_the_same_again(final, again.messages[-1]) and not again.fault
        if not same or not (again.reusable or old or last):
            raise Disagreement(f"{final} to {method} is passed on as {written!r}, which is\n{again}")
        if not old:
            judge_answer_elsewhere(final, written, method)


def may_have_grown(message: Message) -> bool:
    """Whether the oracle may find a head, or trailers, too long as we write them."""
    fields, trailers = (
        sum(len(name) + len(value) + 4 for name, value in one) for one in (message.fields, message.trailers)
    )
    line = len(f"HTTP/1.1 {message.start[0]} {message.start[1]}")
    most = len(message.fields) + 2 > oracle.FIELDS or fields + line + 60 > oracle.HEAD
    return most or line > oracle.LINE or trailers + 4 > oracle.TRAILERS


def judge_answer_elsewhere(final: Message, written: bytes, method: str) -> None:
    """Hold what we write to h11 and llhttp."""
    for read in (answer_by_h11, answer_by_llhttp):
        if method != "HEAD" or read is answer_by_h11:
            try:
                found: object = read(written, method)
            except RefusedElsewhere as refusal:
                found = refusal
            if found != (final.start[0], final.body):
                raise Disagreement(f"{final} to {method} is passed on as {written!r}, for {read.__name__} {found}")


def says_the_same_again(final: Message, again: Message) -> bool:
    """Whether nothing of an answer was lost or won but what has to be."""
    new = {name for name, value in again.fields if (name, value) not in final.fields}
    kept = {name for name, _ in again.fields}
    same = (again.start, again.body, again.whole) == (final.start, final.body, True)
    return same and new <= {"connection", "trailer"} and not kept & ENDS_HERE


def passed_on_by_us(
    data: bytes, method: str, answers: Memory[KnownAnswer], *, closed: bool, old: bool, last: bool
) -> bytes:
    """What a client is sent of an answer, an `old` one of HTTP/1.0, and as the `last` of its connection."""
    decoder = ResponseDecoder(LIMITS, answers)
    decoder.expect(method)
    encoder, out = ResponseEncoder(RequestHead(method, "/", "a", version="1.0" if old else "1.1")), b""
    for piece in [*decoder.receive(data), *(decoder.finish() if closed else [])]:
        if isinstance(piece, ResponseHead):
            out += encoder.head(for_downstream(piece), close=last)
        else:
            out += encoder.end(piece) if isinstance(piece, End) else encoder.data(cast(bytes, piece))
    return out


def shown(one: Answer) -> list[Message]:
    """The messages of an answer without what `reusable` tells for all of them."""
    return [attrs.evolve(message, stays=True) for message in one.messages]


def judge_elsewhere(message: Message, blocks: Memory[Block]) -> None:
    """Hold one request to what others make of it, as it came and as we send it to a backend."""
    # h11 and llhttp judge trailers as if they were header fields, against RFC 9110 6.5.1.
    misleading = any(name in FRAMING for name, _ in message.trailers)
    if not misleading and (wrong := judged(message, message.raw, AS_IT_CAME)):
        raise Disagreement(f"{message.raw!r} is\n{message}\nand {wrong}")
    written = sent_by_us(message.raw, Memory[Block]())
    if written != sent_by_us(message.raw, blocks):
        raise Disagreement(f"{message.raw!r} is sent on as {written!r}, and then {sent_by_us(message.raw, blocks)!r}")
    again = requests(written)
    if again.end in GROWN:
        return
    sent = again.messages[0] if again.end == "idle" and len(again.messages) == 1 else None
    if sent is None or not says_the_same(message, sent):
        raise Disagreement(f"{message} is sent on as {written!r}, which is\n{again}")
    if wrong := judged(sent, written, ALWAYS):
        raise Disagreement(f"{message} is sent on as {written!r}, and {wrong}")


def says_the_same(message: Message, sent: Message) -> bool:
    """Whether nothing was lost or won but what has to be."""
    new = {name for name, value in sent.fields if (name, value) not in message.fields}
    kept = {name for name, _ in sent.fields}
    trailers = [field for field in message.trailers if field[0] not in FRAMING]
    same = (sent.start, sent.length, sent.body, sent.trailers) == (
        message.start,
        message.length,
        message.body,
        trailers,
    )
    return same and new <= ADDED and not kept & ENDS_HERE


def sent_by_us(raw: bytes, blocks: Memory[Block]) -> bytes:
    """What a backend is sent for one request of a client that nobody believes."""
    decoder, encoder = RequestDecoder(LIMITS, blocks), RequestEncoder()
    out = b""
    for piece in decoder.receive(raw):
        if isinstance(piece, RequestHead):
            out += encoder.head(CLIENT.forward(piece))
        else:
            out += encoder.end(piece) if isinstance(piece, End) else encoder.data(cast(bytes, piece))
    return out
