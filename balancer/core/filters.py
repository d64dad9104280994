"""Runs the filters of a route over heads, contained; refuses to know what a filter is for.

No error quotes what a filter was given or answered: a head may hold secrets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import attrs

from balancer.core.faults import named
from balancer.core.headers import ENGINES_OWN
from balancer.core.messages import VALUE, Head, RequestHead, ResponseHead, checked_field
from balancer.core.session import Session
from balancer.errors import PolicyFailed
from balancer.interfaces import Reply

AnyHead = TypeVar("AnyHead", RequestHead, ResponseHead)

# Not CONNECT: an answer to it has no body (RFC 9110 9.3.6), so what follows would be taken for something else.
METHOD: Final = re.compile(r"(?!CONNECT\Z)[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
TARGET: Final = re.compile(r"/[\x21\x22\x24-\x7e]*+|\*")
AUTHORITY: Final = re.compile(r"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]]*+")


class FilterFailed(PolicyFailed):
    """A filter, `named` here, raised or answered with what cannot be sent. To be counted by whoever has `Faults`."""

    def __init__(self, one: Any, why: str) -> None:
        self.named = f"filter {named(one)}"
        super().__init__(f"{self.named}: {why}")


def filter_request(filters: Sequence[Any], head: RequestHead, session: Session) -> RequestHead | Reply:
    """The head to send on, through every filter in the order written, or the first `Reply`.

    Raises `FilterFailed` when a filter raises or answers with something else.
    """
    for one in filters:
        answer = _passed(one, "request", head, session)
        if isinstance(answer, Reply):
            return answer
        head = answer
    return head


def filter_response(filters: Sequence[Any], head: ResponseHead, session: Session) -> ResponseHead | Reply:
    """The head to send to the client, through every filter in reverse order, or the first `Reply`.

    Raises `FilterFailed` when a filter raises or answers with something else.
    """
    for one in reversed(filters):
        answer = _passed(one, "response", head, session)
        if isinstance(answer, Reply):
            return answer
        head = answer
    return head


def _passed(one: Any, step: str, head: AnyHead, session: Session) -> AnyHead | Reply:
    """The head, or reply, that one step of a filter makes. A stranger's code may raise anything, `SystemExit` too."""
    try:
        answer = getattr(one, step)(head, session)
    except BaseException as error:
        raise FilterFailed(one, f"raised {type(error).__name__}") from error
    try:
        return _fit_reply(answer) if isinstance(answer, Reply) else fit(answer, head)
    except BaseException as error:  # what is no text, or no pair, fails in ways of its own
        raise FilterFailed(one, str(error)) from error


def fit(answer: object, head: AnyHead) -> AnyHead:
    """What a plugin made of a head, fit for the wire in all that it changed, so that no plugin can smuggle.

    Raises whatever comes of an answer that is not fit, `ValueError` or `TypeError` for the likely mistakes.
    """
    if answer is head:
        return head
    if not isinstance(answer, type(head)):
        raise TypeError(f"answered a {type(answer).__name__}; expected a {type(head).__name__} or a Reply")
    known = set(head.fields)
    for name, value in answer.fields:
        if (name, value) not in known and _checked(name, value) != name:
            raise ValueError(f"field name {name!r} is not in lower case")
    _check_start(answer, head)
    changed: AnyHead = attrs.evolve(answer, length=head.length)
    return changed


def _checked(name: str, value: str) -> str:
    """The name, in lower case, of a field that a plugin may add."""
    name, _ = checked_field(name, value)
    if name in ENGINES_OWN:
        remedy = "change `authority`" if name == "host" else "leave it out: the balancer says it where it holds"
        raise ValueError(f"field {name!r} is not a plugin's to add; {remedy}")
    return name


def _check_start(head: RequestHead | ResponseHead, before: Head) -> None:
    """The parts of a head that its first line is made of (RFC 9112 3, 4). A status may stay what it was: 101, too."""
    if isinstance(head, ResponseHead):
        same = before.status if isinstance(before, ResponseHead) else 200
        if not _is_final(head.status, or_same=same) or not VALUE.fullmatch(head.phrase):
            raise ValueError("status and phrase are not those of a final answer; give 200 to 599 and plain text")
        return
    for part, grammar in (("method", METHOD), ("target", TARGET), ("authority", AUTHORITY)):
        if not grammar.fullmatch(getattr(head, part)):
            raise ValueError(f"the {part} is not one that a request can have")


def _is_final(status: object, *, or_same: int = 200) -> bool:
    return isinstance(status, int) and (200 <= status <= 599 or status == or_same)


def _fit_reply(reply: Reply) -> Reply:
    """A filter's own answer, if it can be put on the wire."""
    if not _is_final(reply.status) or not isinstance(reply.body, bytes):
        raise ValueError("status and body of a Reply do not make an answer; give 200 to 599 and bytes")
    for name, value in reply.fields:
        _checked(name, value)
    return reply
