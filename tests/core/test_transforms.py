"""Bodies rewritten as they stream: whole, in order, whatever the cut, and nothing of a failing transform gets out."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.messages import END, End, Message, RequestHead, ResponseHead
from balancer.core.session import Session
from balancer.core.transforms import Transforms, of_unknown_length, transforms, without_claims, without_range
from balancer.errors import FilterFailed
from balancer.interfaces import Direction, Kind
from balancer.testing import splits

SESSION = Session(Kind.HTTP, ("192.0.2.1", 1), 0.0)
HEAD = ResponseHead(200, length=5)


class Replacing:
    """Replaces a word by another, wherever the cuts are."""

    def __init__(self, word: bytes, other: bytes) -> None:
        self._word, self._other, self._held = word, other, b""

    def feed(self, data: bytes) -> bytes:
        data = (self._held + data).replace(self._word, self._other)
        held = next(size for size in range(len(self._word) - 1, -1, -1) if data.endswith(self._word[:size]))
        self._held = data[len(data) - held :]
        return data[: len(data) - held]

    def finish(self) -> bytes:
        return self._held


class Whole:
    """Holds everything back to the end, and says how much that was."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        self._held += data
        return b""

    def finish(self) -> bytes:
        return b"%d:%b" % (len(self._held), self._held)


class Deflating:
    """Compresses."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj()

    def feed(self, data: bytes) -> bytes:
        return self._deflate.compress(data)

    def finish(self) -> bytes:
        return self._deflate.flush()


class Faulty:
    """Does that with what it is fed, or at the end."""

    def __init__(self, feed: Callable[..., Any] = lambda data: data, finish: Callable[[], Any] = bytes) -> None:
        self.feed, self.finish = feed, finish


MAKERS: dict[str, Callable[[], Any]] = {
    "replacing": lambda: Replacing(b"ab", b"b"),
    "whole": Whole,
    "deflating": Deflating,
    "nothing": lambda: Faulty(lambda _data: b""),
}


def made(names: list[str]) -> Transforms:
    """The transforms of these names, new."""
    return Transforms([(name, MAKERS[name]()) for name in names])


def passed(body: Transforms, *pieces: Message) -> list[Message]:
    """What becomes of these, one after another."""
    return [message for piece in pieces for message in body.passed(piece)]


def joined(messages: list[Message]) -> bytes:
    """The bytes of a body whose end came."""
    assert messages[-1] == END
    pieces = [message for message in messages[:-1] if isinstance(message, bytes)]
    assert len(pieces) == len(messages) - 1
    assert all(pieces)
    return b"".join(pieces)


@given(st.lists(st.sampled_from(list(MAKERS)), min_size=1, max_size=4), st.data())
def test_the_cut_makes_no_difference(names: list[str], data: st.DataObject) -> None:
    """However a body is cut, transforms whose results do not depend on that make the same of it, in a row as well."""
    content = data.draw(st.text("ab", max_size=40)).encode()
    pieces = data.draw(splits(content))
    expected = content
    for name in names:
        one = MAKERS[name]()
        expected = one.feed(expected) + one.finish()
    assert joined(passed(made(names), *pieces, END)) == expected


def test_each_piece_goes_on_at_once() -> None:
    """What a transform lets go is passed on before more comes, and an empty piece is not passed on at all."""
    body = Transforms([("upper", Faulty(bytes.upper))])
    assert body.passed(b"a") == [b"A"]
    assert body.passed(b"") == []
    assert made(["nothing"]).passed(b"a") == []


def test_what_is_no_body_passes() -> None:
    """Whatever else comes is passed on as it is."""
    assert made(["whole"]).all_passed([HEAD, b"x"]) == [HEAD]


def test_trailers_lose_their_digests() -> None:
    """Trailers go on behind the body, but those that were made of the original."""
    end = End((("repr-digest", "x"), ("x-a", "1"), ("content-md5", "y")))
    assert made(["whole"]).passed(end) == [b"0:", End((("x-a", "1"),))]
    assert Transforms([("upper", Faulty())]).passed(END) == [END]


def fatal(*_args: object) -> bytes:
    """Raise what would end a process elsewhere."""
    raise SystemExit


def text(*_args: object) -> str:
    """Answer what is no bytes, and a secret."""
    return "SECRET"


@pytest.mark.parametrize("step", [fatal, text, lambda *_: None, lambda *_: bytearray(b"SECRET")])
def test_a_transform_that_fails_is_contained(step: Callable[..., Any]) -> None:
    """Whatever a transform raises, or answers beside bytes, is the failure of its filter, which is named."""
    for body in (Transforms([("one", Faulty(feed=step))]), Transforms([("one", Faulty(finish=step))])):
        with pytest.raises(FilterFailed, match=r"^filter 'one': its transform (raised|answered)") as caught:
            passed(body, b"SECRET", END)
        assert "SECRET" not in str(caught.value)


def raised(failed: FilterFailed) -> None:
    """Pass over no failure."""
    raise failed


def asked(*bodies: Callable[..., Any]) -> Transforms | None:
    """What filters with these for their `body` want with the body of an answer."""
    steps = [(f"filter {number}", body) for number, body in enumerate(bodies)]
    return transforms(steps, HEAD, SESSION, Direction.RESPONSE, raised)


def test_only_who_wants_a_body_gets_it() -> None:
    """A filter that answers None leaves the body alone; without any transform there are none."""
    assert asked(lambda *_: None) is None
    body = asked(lambda *_: None, lambda *_: Faulty(bytes.upper))
    assert body is not None
    assert body.passed(b"a") == [b"A"]


def test_a_filter_is_told_what_body_it_is_asked_about() -> None:
    """A filter sees the head, the session and the direction."""
    seen: list[Any] = []
    asked(lambda *told: seen.extend(told))
    assert seen == [HEAD, SESSION, Direction.RESPONSE]


@pytest.mark.parametrize("body", [fatal, lambda *_: 5, lambda *_: Faulty(finish=5), lambda *_: Faulty(feed=5)])  # type: ignore[arg-type]  # the mistakes under test
def test_a_body_that_is_no_transform_fails(body: Callable[..., Any]) -> None:
    """A filter that raises when asked, or answers what cannot be fed and finished, is named."""
    with pytest.raises(FilterFailed, match=r"^filter 'filter 0': body "):
        asked(body)


def test_a_failure_may_be_passed_over() -> None:
    """Where failures are only told, those filters leave the body alone, and the others have their say."""
    told: list[FilterFailed] = []
    steps = [("faulty", lambda *_: 5), ("able", lambda *_: Faulty(bytes.upper))]
    body = transforms(steps, HEAD, SESSION, Direction.RESPONSE, told.append)
    assert body is not None
    assert (body.passed(b"a"), len(told)) == ([b"A"], 1)


def test_heads_lose_what_held_for_the_original() -> None:
    """Length, digests and ranges go, an ETag becomes weak, and all else stays in its order."""
    head = ResponseHead(
        200,
        fields=(
            ("a", "1"),
            ("content-digest", "x"),
            ("etag", '"v1"'),
            ("content-length", "5"),
            ("accept-ranges", "bytes"),
            ("etag", 'W/"v2"'),
            ("b", "2"),
        ),
        length=5,
    )
    fields = (("a", "1"), ("etag", 'W/"v1"'), ("etag", 'W/"v2"'), ("b", "2"))
    assert (without_claims(head).fields, without_claims(head).length) == (fields, 5)
    assert (of_unknown_length(head).fields, of_unknown_length(head).length) == (fields, None)


def test_a_request_for_a_part_is_one_for_the_whole() -> None:
    """Range and the condition on it go together; a request without is the very same."""
    plain = RequestHead("GET", "/", fields=(("a", "1"),))
    assert without_range(plain) is plain
    part = RequestHead("GET", "/", fields=(("a", "1"), ("if-range", '"x"'), ("range", "bytes=0-1")))
    assert without_range(part) == plain
