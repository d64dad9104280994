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

# Not CONNECT: an answer to it has no body (RFC 9110 9.3.6), so what follows would be taken for something else.
METHOD: Final = re.compile(r"(?!CONNECT\Z)[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
TARGET: Final = re.compile(r"/[\x21\x22\x24-\x7e]*+|\*")
AUTHORITY: Final = re.compile(r"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]]*+")


def filter_request(filters: Sequence[Any], head: RequestHead, session: Session) -> RequestHead | Reply:
    """The head to send on, through every filter in the order written, or the first `Reply`.

    Raises `PolicyFailed` when a filter raises or answers with something else.
    """
    for one in filters:
        answer = _run(one, one.request, head, session)
        if isinstance(answer, Reply):
            return _fit_reply(one, answer)
        head = fit(one, answer, head)
    return head


def filter_response(filters: Sequence[Any], head: ResponseHead, session: Session) -> ResponseHead | Reply:
    """The head to send to the client, through every filter in reverse order, or the first `Reply`.

    Raises `PolicyFailed` when a filter raises or answers with something else.
    """
    for one in reversed(filters):
        answer = _run(one, one.response, head, session)
        if isinstance(answer, Reply):
            return _fit_reply(one, answer)
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
        _check_start(answer, head)
    except Exception as error:  # what is no text, or no pair, fails in ways of its own
        raise PolicyFailed(f"{one!r}: {error}") from error
    changed: AnyHead = attrs.evolve(answer, length=head.length)
    return changed


def _check_fields(head: Head, known: set[tuple[str, str]]) -> None:
    for name, value in head.fields:
        if (name, value) not in known and checked_field(name, value)[0] != name:
            raise ValueError(f"field name {name!r} is not in lower case")


def _check_start(head: RequestHead | ResponseHead, before: Head) -> None:
    """The parts of a head that its first line is made of (RFC 9112 3, 4). A status may stay what it was: 101, too."""
    if isinstance(head, ResponseHead):
        same = before.status if isinstance(before, ResponseHead) else 200
        if not _is_final(head.status, or_same=same) or not VALUE.fullmatch(head.phrase):
            raise ValueError(f"{head.status!r} {head.phrase!r} is not a final status")
    elif not (METHOD.fullmatch(head.method) and TARGET.fullmatch(head.target) and AUTHORITY.fullmatch(head.authority)):
        raise ValueError(f"{head.method!r} {head.target!r} for {head.authority!r} is not a request line")


def _is_final(status: object, *, or_same: int = 200) -> bool:
    return isinstance(status, int) and (200 <= status <= 599 or status == or_same)


def _fit_reply(one: Any, reply: Reply) -> Reply:
    """A filter's own answer, if it can be put on the wire."""
    try:
        if not _is_final(reply.status) or not isinstance(reply.body, bytes):
            raise ValueError(f"status {reply.status!r} or body {reply.body!r} does not make an answer")
        for name, value in reply.fields:
            checked_field(name, value)
    except Exception as error:  # what is no text, or no pair, fails in ways of its own
        raise PolicyFailed(f"{one!r}: {error}") from error
    return reply
