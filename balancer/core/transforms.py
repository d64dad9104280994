"""Rewrites one body as it streams, by the transforms that filters gave for it; stores nothing, knows no connection.

What a transform makes of a body has no length that could be told before, and no digest that was made of the original
holds for it. No error quotes what a transform was given or answered: a body may hold secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import attrs

from balancer.core.faults import named
from balancer.core.messages import End, Fields, Message, RequestHead, ResponseHead
from balancer.core.session import Session
from balancer.errors import FilterFailed
from balancer.interfaces import Direction

AnyHead = TypeVar("AnyHead", RequestHead, ResponseHead)

_DIGESTS: Final = frozenset({"content-digest", "content-md5", "digest", "repr-digest"})
_OF_THE_ORIGINAL: Final = _DIGESTS | {"accept-ranges", "content-length"}
_RANGES: Final = frozenset({"if-range", "range"})


class Transforms:
    """The transforms of one body, one behind the other, each with the filter that gave it."""

    __slots__ = ("_steps",)

    def __init__(self, steps: Sequence[tuple[Any, Any]]) -> None:
        self._steps = steps

    def passed(self, message: Message) -> list[Message]:
        """What becomes of body bytes or of the end, which may be nothing. Raises `FilterFailed`."""
        if isinstance(message, End):
            rest = self._finished()
            end = End(_without(message.trailers, _DIGESTS))
            return [rest, end] if rest else [end]
        if isinstance(message, bytes):
            data = self._fed(message, self._steps)
            return [data] if data else []
        return [message]

    def all_passed(self, messages: Iterable[Message]) -> list[Message]:
        """The same of all of these, in turn."""
        return [passed for message in messages for passed in self.passed(message)]

    def _finished(self) -> bytes:
        """Let each finish in turn, and feed what it held back to those behind it."""
        rest = b""
        for number, (one, transform) in enumerate(self._steps, 1):
            rest += self._fed(_asked(one, transform.finish), self._steps[number:])
        return rest

    def _fed(self, data: bytes, steps: Sequence[tuple[Any, Any]]) -> bytes:
        for one, transform in steps:
            if not data:
                return b""
            data = _asked(one, transform.feed, data)
        return data


def in_words(one: Any) -> str:
    """A filter, as errors name it."""
    return f"filter {named(one)}"


def transforms(
    bodies: Sequence[tuple[Any, Any]],
    head: RequestHead | ResponseHead,
    session: Session,
    direction: Direction,
    failed: Callable[[FilterFailed], object],
) -> Transforms | None:
    """Ask each of these filters, by its `body`, about the body behind a head; None when none wants to touch it.

    `failed` is told, and may raise it, when a filter raises or answers with something else than a transform.
    """
    steps: list[tuple[Any, Any]] = []
    for one, body in bodies:
        try:
            transform = _transform(one, body, head, session, direction)
        except FilterFailed as error:
            failed(error)
            continue
        if transform is not None:
            steps.append((one, transform))
    return Transforms(steps) if steps else None


def _transform(one: Any, body: Any, head: Any, session: Session, direction: Direction) -> Any:
    """What a filter gives for one body: a transform, or None. Raises `FilterFailed`."""
    try:
        transform = body(head, session, direction)
        fit = transform is None or (callable(transform.feed) and callable(transform.finish))
    except BaseException as error:
        raise FilterFailed(f"body raised {type(error).__name__}", named=in_words(one)) from error
    if not fit:
        raise FilterFailed("body answered what has no feed and finish to call", named=in_words(one))
    return transform


def of_unknown_length(head: AnyHead) -> AnyHead:
    """The head of a body that is transformed: its end alone will tell its length; see `without_claims`."""
    changed: AnyHead = attrs.evolve(without_claims(head), length=None)
    return changed


def without_claims(head: AnyHead) -> AnyHead:
    """A head without what holds for the original body alone: digests, ranges, length; an ETag of it is weak.

    A transform may be changed while the original stays the same byte for byte, so the tag no longer vouches for that
    (RFC 9110 8.8.1).
    """
    fields = [
        ("etag", f"W/{value}") if name == "etag" and value.startswith('"') else (name, value)
        for name, value in head.fields
        if name not in _OF_THE_ORIGINAL
    ]
    changed: AnyHead = attrs.evolve(head, fields=tuple(fields))
    return changed


def without_range(head: RequestHead) -> RequestHead:
    """A request for the whole, which any server may take a request for a part for (RFC 9110 14.2)."""
    return head if head.get("range") is None else head.without(*_RANGES)


def _without(fields: Fields, names: frozenset[str]) -> Fields:
    return tuple([field for field in fields if field[0] not in names]) if fields else fields


def _asked(one: Any, step: Any, *data: bytes) -> bytes:
    """What one step of a transform answers. A stranger's code may raise anything, `SystemExit` too."""
    try:
        answer = step(*data)
    except BaseException as error:
        raise FilterFailed(f"its transform raised {type(error).__name__}", named=in_words(one)) from error
    if not isinstance(answer, bytes):
        kind = type(answer).__name__
        raise FilterFailed(f"its transform answered a {kind}; expected bytes", named=in_words(one))
    return answer
