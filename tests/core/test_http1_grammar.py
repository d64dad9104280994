"""The grammar: sections gathered within bounds, in any split, and the reasons given for what is refused."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.core.http1_grammar import (
    REQUEST,
    RESPONSE,
    HeadReader,
    Limits,
    Section,
    invalid,
    request_fault,
    response_fault,
    split_fields,
    trailer_fields,
)
from balancer.errors import BalancerError, RequestRefused, ResponseInvalid

HOSTILE = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b"a", b" ", b":", b"\x00", b"GET / HTTP/1.1\r\n", b"a: b\r\n", b"x" * 9])
).map(b"".join)


def verdict(pieces: Sequence[bytes]) -> object:
    """What a small reader makes of the pieces: the fields and what is left, a refusal, or nothing yet."""
    reader = HeadReader(REQUEST, Section(60, 20, 414, RequestRefused), request_fault)
    for number, piece in enumerate(pieces):
        try:
            found = reader.read(piece)
        except RequestRefused as refusal:
            return str(refusal), refusal.status
        if found is not None:
            return found[0].groups(), found[1] + b"".join(pieces[number + 1 :])
    return bytes(reader.held)


@settings(max_examples=300)
@given(HOSTILE, st.data())
def test_the_verdict_does_not_depend_on_the_split(stream: bytes, data: st.DataObject) -> None:
    """Whole, byte by byte or cut anywhere: the same head, the same rest or the same refusal."""
    cut = data.draw(st.integers(0, len(stream)))
    whole = verdict([stream])
    assert verdict([stream[i : i + 1] for i in range(len(stream))]) == whole
    assert verdict([stream[:cut], stream[cut:]]) == whole


@pytest.mark.parametrize(
    ("stream", "status"),
    [
        (b"GET /" + b"x" * 18, 414),  # no end of line within 20 bytes and a CRLF
        (b"\r\nGET /" + b"x" * 18, 414),
        (b"GET /" + b"x" * 18 + b"\n", 414),  # the length is passed before the stray LF
        (b"G\nT /" + b"x" * 18, 400),
        (b"GET / HTTP/1.1\r\n" + b"a" * 45, 431),
        (b"GET / HTTP/1.1\r\n" + b"a" * 45 + b"\x00", 431),
        (b"GET / HTTP/1.1\r\n\x00" + b"a" * 45, 400),
        (b"GET / HTTP/1.1\r\na: " + b"a" * 40 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\n\n", 400),
        (b"\x16\x03\x01", 400),  # a TLS hello on a plain port is told so at once
    ],
)
def test_of_several_faults_the_first_in_byte_order_counts(stream: bytes, status: int) -> None:
    """Bounds and stray bytes are noticed at the byte that breaks the rule, not at the end of a head."""
    refusal = verdict([stream])
    assert isinstance(refusal, tuple)
    assert refusal[1] == status


@given(st.sampled_from([b"SSH-2.0-x\r\n", b"HTTX", b"HTTP/2\x00", b"HT\r\n\r\n", b"<html>", b"\r\n\r\n"]), st.data())
def test_a_wrong_start_is_known_at_its_first_byte(stream: bytes, data: st.DataObject) -> None:
    """What cannot begin a section is refused without waiting for more, whatever the split and the bounds."""
    line, start = data.draw(st.integers(1, 20)), b"HTTP/"

    def verdict(pieces: Sequence[bytes]) -> str:
        section = Section(60, line, 414, RequestRefused, start=start)
        try:
            found = [section.feed(piece) for piece in pieces]
        except RequestRefused as refusal:
            return str(refusal)
        return str(found[-1])

    whole = verdict([stream])
    assert verdict([stream[i : i + 1] for i in range(len(stream))]) == whole
    wrong = next(place for place, byte in enumerate(stream) if stream[: place + 1] != start[: place + 1])
    if wrong < min(line + 2, len(start)):
        assert verdict([stream[:wrong]]) == "None"
        assert verdict([stream[: wrong + 1]]) == whole == "the first bytes are not HTTP/"


def test_what_just_fits_is_accepted() -> None:
    """A bound is the largest size allowed: here a line of 20 bytes, then a head of 60; less passes anyway."""
    assert verdict([b"GET / HTTP/1.1\r\n\r\nx"]) == (("GET", "/", "1.1", ""), b"x")
    assert verdict([b"GET /xxxxxx HTTP/1.1\r\n\r\n"]) == (("GET", "/xxxxxx", "1.1", ""), b"")
    field = "a: " + "a" * 37 + "\r\n"
    assert verdict([b"GET / HTTP/1.1\r\n" + field.encode() + b"\r\n"]) == (("GET", "/", "1.1", field), b"")


def test_a_line_bound_above_the_size_bound_does_nothing() -> None:
    """Whatever the first line may be, the section must fit as a whole."""
    section = Section(10, 100, 414, RequestRefused)
    with pytest.raises(RequestRefused) as refused:
        section.feed(b"x" * 11)
    assert refused.value.status == 431


def test_a_section_can_be_gathered_after_another() -> None:
    """Nothing of one head bears on the next."""
    reader = HeadReader(RESPONSE, Section(100, 20, 431, invalid), response_fault)
    for _ in range(2):
        assert reader.read(b"HTTP/1.1 200 OK\r\nA: ") is None
        assert reader.begun
        found = reader.read(b"b\r\n\r\nrest")
        assert found is not None
        assert (found[0][4], found[1]) == ("A: b\r\n", b"rest")
        assert not reader.begun


def test_one_empty_line_is_not_the_begin_of_a_request() -> None:
    """A client may send an empty line after a request, and has not begun another by it (RFC 9112 2.2)."""
    reader = HeadReader(REQUEST, Section(100, 50, 414, RequestRefused), request_fault)
    assert reader.read(b"\r\n") is None
    assert not reader.begun
    assert reader.read(b"GET / HTTP/1.1\r\n\r\n") is not None


def test_limits_are_at_least_one() -> None:
    """A limit of nothing is a mistake, not a way to turn a thing off."""
    with pytest.raises(ValueError, match="line"):
        Limits(line=0)


def test_a_limit_on_fields_is_a_count() -> None:
    """As many fields as allowed pass, and one more does not, with 431."""
    assert split_fields("a: 1\r\nb:2\r\n", 2, RequestRefused) == [("a", "1"), ("b", "2")]
    with pytest.raises(RequestRefused) as refused:
        split_fields("a: 1\r\nb:2\r\n", 1, RequestRefused)
    assert refused.value.status == 431


def test_trailers_are_fields_like_any() -> None:
    """Names in lower case, values stripped, and the same grammar."""
    assert trailer_fields("\r\nA: b \r\n\r\n", 9, invalid) == (("a", "b"),)
    with pytest.raises(ResponseInvalid):
        trailer_fields("\r\nA : b\r\n\r\n", 9, invalid)


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        (request_fault("GET / HTTP/1.1\r\na: b\r\nsecret\r\n\r\n"), "field line 2"),
        (request_fault("secret\r\n\r\n"), "request line"),
        (request_fault("GET /secret HTTP/3.0\r\n\r\n"), "version"),
        (response_fault("HTTP/1.1 200\r\nsecret\r\n\r\n"), "field line 1"),
        (response_fault("secret\r\n\r\n"), "status line"),
    ],
)
def test_a_fault_says_where_and_quotes_nothing(fault: BalancerError, names: str) -> None:
    """The line at fault is named, and what stands in it is not told."""
    assert names in str(fault)
    assert "secret" not in str(fault)
