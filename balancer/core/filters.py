"""Runs the filters of a route over heads, contained; refuses to know what a filter is for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import attrs

from balancer.core.messages import VALUE, Head, RequestHead, ResponseHead, checked_field
from balancer.core.session import Session
from balancer.errors import PolicyFailed
from balancer.interfaces import Reply

AnyHead = TypeVar("AnyHead", RequestHead, ResponseHead)

METHOD: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
TARGET: Final = re.compile(r"/[\x21\x22\x24-\x7e]*+|\*")
AUTHORITY: Final = re.compile(r"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]]*+")


def filter_request(filters: Sequence[Any], head: RequestHead, session: Session) -> RequestHead | Reply:
    """The head to send on, through every filter in the order written, or the first `Reply`.

    Raises `PolicyFailed` when a filter raises or answers with something else.
    """
    for one in filters:
        answer = _run(one, one.request, head, session)
        if isinstance(answer, Reply):
            return answer
        head = fit(one, answer, head)
    return head


def filter_response(filters: Sequence[Any], head: ResponseHead, session: Session) -> ResponseHead | Reply:
    """The head to send to the client, through every filter in reverse order, or the first `Reply`.

    Raises `PolicyFailed` when a filter raises or answers with something else.
    """
    for one in reversed(filters):
        answer = _run(one, one.response, head, session)
        if isinstance(answer, Reply):
            return answer
        head = fit(one, answer, head)
    return head


def _run(one: Any, step: Any, head: Head, session: Session) -> object:
    try:
        return step(head, session)
    except Exception as error:
        raise PolicyFailed(f"filter {one!r} failed: {error}") from error


def fit(one: Any, answer: object, head: AnyHead) -> AnyHead:
    """What a plugin made of a head, fit for the wire in all that it changed, so that no filter can smuggle."""
    if answer is head:
        return head
    if not isinstance(answer, type(head)):
        raise PolicyFailed(f"{one!r} answered {answer!r}; expected a {type(head).__name__} or a Reply")
    try:
        _check_fields(answer, known=set(head.fields))
        _check_start(answer)
    except ValueError as error:
        raise PolicyFailed(f"{one!r}: {error}") from error
    changed: AnyHead = attrs.evolve(answer, length=head.length)
    return changed


def _check_fields(head: Head, known: set[tuple[str, str]]) -> None:
    for name, value in head.fields:
        if (name, value) not in known and checked_field(name, value)[0] != name:
            raise ValueError(f"field name {name!r} is not in lower case")


def _check_start(head: RequestHead | ResponseHead) -> None:
    """The parts of a head that its first line is made of (RFC 9112 3, 4)."""
    if isinstance(head, ResponseHead):
        if not 200 <= head.status <= 599 or not VALUE.fullmatch(head.phrase):
            raise ValueError(f"{head.status!r} {head.phrase!r} is not a final status")
    elif not (METHOD.fullmatch(head.method) and TARGET.fullmatch(head.target) and AUTHORITY.fullmatch(head.authority)):
        raise ValueError(f"{head.method!r} {head.target!r} for {head.authority!r} is not a request line")
