"""Bodies: where they end, and every way in which chunks are refused."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.core.http1_bodies import Body, Broken, Chunked, Counted, UntilClose, counted
from balancer.core.http1_grammar import LIMITS, Limits
from balancer.core.messages import END, End, Message
from balancer.errors import RequestRefused

SMALL = Limits(chunk_line=20, chunk_extensions=30, trailers=30, fields=2)
HOSTILE = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b"0", b"1", b"5", b"f", b";a", b" ", b"x", b"5\r\nhello\r\n", b"0\r\n\r\n"])
).map(b"".join)


def read(body: Body, pieces: Sequence[bytes]) -> tuple[bytes, End | None, bytes]:
    """The body's bytes, its end if that came, and what lies behind it."""
    out: list[Message] = []
    rest: bytes | None = None
    for piece in pieces:
        if rest is None:
            rest = body.feed(piece, out)
        else:
            rest += piece
    pieces = [message for message in out if isinstance(message, bytes)]
    ends = [message for message in out if isinstance(message, End)]
    assert all(pieces)
    assert out == [*pieces, *ends[:1]]
    return b"".join(pieces), ends[0] if ends else None, rest or b""


def verdict(pieces: Sequence[bytes]) -> object:
    """What a small chunked reader makes of the pieces."""
    try:
        return read(Chunked(SMALL, RequestRefused), pieces)
    except RequestRefused as refusal:
        return str(refusal), refusal.status


def split(stream: bytes) -> list[bytes]:
    """The stream byte by byte."""
    return [stream[i : i + 1] for i in range(len(stream))]


@settings(max_examples=300)
@given(HOSTILE, st.data())
def test_chunks_mean_the_same_in_any_split(stream: bytes, data: st.DataObject) -> None:
    """Whole, byte by byte or cut anywhere: the same bytes and end, or the same refusal."""
    cut = data.draw(st.integers(1, max(1, len(stream) - 1)))
    whole = verdict([stream])
    assert verdict(split(stream)) == whole
    assert verdict([piece for piece in (stream[:cut], stream[cut:]) if piece]) == whole


@given(st.lists(st.binary(min_size=1)), st.binary())
def test_chunks_become_the_bytes_they_carry(chunks: list[bytes], rest: bytes) -> None:
    """The body is what the chunks hold, and what lies behind the last is not touched."""
    stream = b"".join(b"%X\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    assert read(Chunked(LIMITS, RequestRefused), [stream + rest]) == (b"".join(chunks), END, rest)


@pytest.mark.parametrize(
    ("stream", "status"),
    [
        (b"\r\n", 400),
        (b"5\n", 400),  # RFC 9112 7.1: CRLF only
        (b"5\rX\n", 400),
        (b"-5\r\n", 400),
        (b"+5\r\n", 400),
        (b"0x5\r\n", 400),
        (b"5_0\r\n", 400),
        (b"g\r\n", 400),
        (b" 5\r\n", 400),
        (b"5 \r\n", 400),
        (b"5 x\r\n", 400),
        (b";a\r\n", 400),
        (b"5;\r\n", 400),
        (b"5;a=\r\n", 400),
        (b"5;a b\r\n", 400),
        (b'5;a="\r\n', 400),
        (b"5;a\x00\r\n", 400),
        (b"5;a\n\r\n", 400),
        (b"12345678901234567\r\n", 400),  # more than 64 bits
        (b"5;abcdefghijklmnopqr\r\n", 400),  # a line of more than 20 bytes
        (b"5;abcdefghijklmnopqrstuvw", 400),
        (b"1;" + b"a" * 10 + b"\r\nx\r\n1;" + b"a" * 10 + b"\r\nx\r\n1;" + b"a" * 10 + b"\r\n", 400),
        (b"5\r\nhelloX", 400),
        (b"5\r\nhello\rX", 400),
        (b"5\r\nhello\n0\r\n\r\n", 400),
        (b"5\r\nhello0\r\n\r\n", 400),
        (b"0\r\nA : b\r\n\r\n", 400),
        (b"0\r\nA\r\n\r\n", 400),
        (b"0\r\nA: b\n\r\n", 400),
        (b"0\r\n\n", 400),
        (b"0\r\nA: b\r\n c\r\n\r\n", 400),
        (b"0\r\nA:\r\nB:\r\nC:\r\n\r\n", 431),
        (b"0\r\nA: " + b"b" * 30, 431),
    ],
)
def test_malformed_chunks_are_refused(stream: bytes, status: int) -> None:
    """No chunk is accepted whose size or end another reader could take otherwise (RFC 9112 7.1)."""
    refusal = verdict([stream])
    assert isinstance(refusal, tuple)
    assert refusal[1] == status
    assert verdict(split(stream)) == refusal


@pytest.mark.parametrize(
    "line", [b"3", b"003", b"3;a", b"3;a=b", b'3;a="b\\" c"', b"3 ; a = b", b"3;a;b=c", b"3;" + b"a" * 16]
)
def test_extensions_are_dropped(line: bytes) -> None:
    """A well-formed extension changes nothing and does not travel on (RFC 9112 7.1.1)."""
    stream = line + b"\r\nabc\r\n0;z\r\n\r\n"
    assert verdict([stream]) == (b"abc", END, b"") == verdict(split(stream))


def test_trailers_come_with_the_end() -> None:
    """Fields behind the last chunk are part of the end, and what lies behind them is not touched."""
    stream = b"1\r\nx\r\n0\r\nA: b\r\nC: d \r\n\r\nrest"
    expected = (b"x", End((("a", "b"), ("c", "d"))), b"rest")
    assert verdict([stream]) == expected == verdict(split(stream))


def test_an_empty_end_that_comes_in_pieces_is_the_usual_one() -> None:
    """Without trailers the end is the shared object, however it came."""
    out: list[Message] = []
    body = Chunked(LIMITS, RequestRefused)
    assert [body.feed(piece, out) for piece in (b"0\r\n", b"\r\n")] == [None, b""]
    assert out == [END]
    assert out[0] is END


def test_what_is_held_is_counted() -> None:
    """The bytes that a reader keeps back are those of an unfinished size line or trailer section."""
    body = Chunked(LIMITS, RequestRefused)
    held = []
    for piece in (b"5;ab", b"c\r\nhel", b"lo\r", b"\n0\r\n", b"A: b"):
        body.feed(piece, [])
        held.append(body.held)
    assert held == [4, 0, 1, 2, 6]


def test_a_piece_that_is_all_body_is_not_copied() -> None:
    """What was received passes on as the same object when nothing else is in it."""
    data = b"x" * 100
    chunked = Chunked(LIMITS, RequestRefused)
    chunked.feed(b"ff\r\n", [])
    for body in (Counted(100), Counted(101), UntilClose(), chunked):
        out: list[Message] = []
        body.feed(data, out)
        assert out[0] is data


def test_a_counted_body_ends_at_its_length() -> None:
    """Neither a byte less nor a byte more belongs to it, in any split."""
    assert read(Counted(3), [b"abcd"]) == (b"abc", END, b"d")
    assert read(Counted(3), [b"a", b"b", b"c", b"d"]) == (b"abc", END, b"d")
    assert read(Counted(3), [b"ab"]) == (b"ab", None, b"")
    assert counted(0) is None
    assert isinstance(counted(3), Counted)


def test_a_body_until_close_has_no_end_of_its_own() -> None:
    """Everything belongs to it."""
    assert read(UntilClose(), [b"0\r\n", b"\r\n"]) == (b"0\r\n\r\n", None, b"")


def test_nothing_is_read_after_a_refusal() -> None:
    """Bytes behind bytes that were refused are refused for the same reason."""
    fault = RequestRefused("no")
    with pytest.raises(RequestRefused) as refused:
        Broken(fault).feed(b"x", [])
    assert refused.value is fault
