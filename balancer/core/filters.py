"""Runs the filters of a route over heads and bodies, contained; refuses to know what a filter is for.

No error quotes what a filter was given or answered: a head may hold secrets.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, TypeVar

import attrs

from balancer.core.headers import ENGINES_OWN
from balancer.core.messages import VALUE, WORD, Fields, Head, RequestHead, ResponseHead, checked_field
from balancer.core.session import Session
from balancer.core.transforms import Transforms, in_words, of_unknown_length, transforms, without_claims, without_range
from balancer.errors import FilterFailed
from balancer.interfaces import Direction, Filter, Reply

AnyHead = TypeVar("AnyHead", RequestHead, ResponseHead)

# Not CONNECT: an answer to it has no body (RFC 9110 9.3.6), so what follows would be taken for something else.
METHOD: Final = re.compile(rf"(?!CONNECT\Z){WORD}")
TARGET: Final = re.compile(r"/[\x21\x22\x24-\x7e]*+|\*")
AUTHORITY: Final = re.compile(r"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]]*+")

_SWITCHED: Final = 101  # what follows is no body
_IDLE: Final = (Filter.request, Filter.response)


Step = tuple[Any, Callable[..., Any]]
"""A filter, and what to call of it."""

Skipped = Callable[[FilterFailed], object]
"""Is told of a failure that was passed over."""


@attrs.frozen(eq=False)
class Chain:
    """The filters of one route, sorted by what they do: `requests` in the order written, `responses` in reverse.

    `bodies` are, in the order written, those that may want to rewrite one.

    A step that fails ends the exchange, unless `skipped` is there to be told: then the head goes on as it was.
    """

    requests: tuple[Step, ...]
    responses: tuple[Step, ...]
    bodies: tuple[Step, ...]
    skipped: Skipped | None = None

    def request(self, head: RequestHead, session: Session, *, after: int = 0) -> RequestHead | Reply | Pause:
        """The head to send on, through every request filter behind the first `after`, or the first `Reply`.

        Or a `Pause`, if one of them takes its time. Raises `FilterFailed` when one raises or answers something else.
        """
        for place in range(after, len(self.requests)):
            try:
                answer = self._request_step(place, head, session)
            except FilterFailed as failed:
                self.skip(failed)
                continue
            if not isinstance(answer, RequestHead):
                return answer
            head = answer
        return without_range(head) if self.bodies else head

    def _request_step(self, place: int, head: RequestHead, session: Session) -> RequestHead | Reply | Pause:
        """What one filter makes of a head. Raises `FilterFailed`."""
        one, step = self.requests[place]
        answer, parts = _called(one, step, head, session)
        if isinstance(answer, Awaitable):
            return Pause(answer, self, place, head, session, parts)
        checked: RequestHead | Reply = _judged(one, answer, head)
        if isinstance(checked, RequestHead) and checked.fields is head.fields:
            checked.lines = head.lines
        return checked

    def skip(self, failed: FilterFailed) -> None:
        """Pass over a failure. Raises it where that is not wanted."""
        if self.skipped is None:
            raise failed
        self.skipped(failed)

    def request_body(self, head: RequestHead, session: Session) -> tuple[RequestHead, Transforms | None]:
        """The head with what becomes of the body behind it; None: nothing. Raises `FilterFailed`."""
        if not self.bodies or head.length == 0:
            return head, None
        body = transforms(self.bodies, head, session, Direction.REQUEST, self.skip)
        return (head, None) if body is None else (of_unknown_length(head), body)

    def answer(self, head: ResponseHead, session: Session) -> tuple[ResponseHead | Reply, Transforms | None]:
        """The head to send to the client, with what becomes of the body behind it; or the first `Reply`.

        A head that nobody has a say in is the very same. Raises `FilterFailed` when a filter raises, answers something
        else, or wants time, which there is none for.
        """
        if not (self.responses or self.bodies):
            return head, None
        passed = head.copy()
        for one, step in self.responses:
            try:
                answer = _response_step(one, step, passed, session)
            except FilterFailed as failed:
                self.skip(failed)
                continue
            if isinstance(answer, Reply):
                return answer, None
            passed = answer
        return self._answers_body(passed, session)

    def _answers_body(self, head: ResponseHead, session: Session) -> tuple[ResponseHead, Transforms | None]:
        """The last filter comes first. An answer without a body may be about one that is transformed: HEAD, 304."""
        if not self.bodies or head.status == _SWITCHED:
            return head, None
        if head.length == 0:
            return without_claims(head), None
        body = transforms(self.bodies[::-1], head, session, Direction.RESPONSE, self.skip)
        return (head, None) if body is None else (of_unknown_length(head), body)


@attrs.frozen(eq=False)
class Pause:
    """A filter, that at `place` in the chain, takes its time over a head: await its answer, and `resume` with that."""

    awaitable: Awaitable[Any]
    chain: Chain
    place: int
    head: RequestHead
    session: Session
    parts: tuple[Any, ...]

    @property
    def named(self) -> str:
        """The filter, in words."""
        return in_words(self.chain.requests[self.place][0])

    def resume(self, answer: object) -> RequestHead | Reply | Pause:
        """Go on with what the filter answered in the end. Raises `FilterFailed`."""
        one = self.chain.requests[self.place][0]
        try:
            _check_untouched(one, self.head, self.parts)
            checked = _judged(one, answer, self.head)
        except FilterFailed as failed:
            return self.failed(failed)
        if isinstance(checked, Reply):
            return checked
        return self.chain.request(checked, self.session, after=self.place + 1)

    def failed(self, failed: FilterFailed) -> RequestHead | Reply | Pause:
        """Go on without the filter, since it failed so. Raises `FilterFailed`."""
        restore(self.head, self.parts)
        self.chain.skip(failed)
        return self.chain.request(self.head, self.session, after=self.place + 1)


def chain_of(filters: Sequence[Any], skipped: Skipped | None = None) -> Chain | None:
    """The chain that the filters of a route make, functions among them; None without any."""
    if not filters:
        return None
    return Chain(
        _working((one, getattr(one, "request", one)) for one in filters),
        _working((one, getattr(one, "response", None)) for one in reversed(filters)),
        _working((one, getattr(one, "body", None)) for one in filters),
        skipped,
    )


def _response_step(one: Any, step: Callable[..., Any], head: ResponseHead, session: Session) -> ResponseHead | Reply:
    """What one filter makes of the head of an answer. Raises `FilterFailed`."""
    answer, _ = _called(one, step, head, session)
    return _judged(one, answer, head)


def _working(steps: Iterable[Step | tuple[Any, None]]) -> tuple[Step, ...]:
    """The steps that there are, without those inherited from `Filter`, which do nothing."""
    there = ((one, step) for one, step in steps if step is not None)
    return tuple((one, step) for one, step in there if getattr(step, "__func__", None) not in _IDLE)


def _parts(head: RequestHead | ResponseHead) -> tuple[Any, ...]:
    """What goes onto the wire of a head, part of it unchecked, since it was read from one."""
    if isinstance(head, ResponseHead):
        return head.status, head.phrase, head.fields, head.length
    return head.method, head.target, head.authority, head.fields, head.length


def restore(head: RequestHead | ResponseHead, parts: tuple[Any, ...]) -> None:
    """Undo what was changed of it in place: `parts` are what goes onto the wire, as they were."""
    if isinstance(head, ResponseHead):
        head.status, head.phrase, head.fields, head.length = parts
    else:
        head.method, head.target, head.authority, head.fields, head.length = parts


def _check_untouched(one: Any, head: RequestHead | ResponseHead, parts: tuple[Any, ...]) -> None:
    if _parts(head) != parts:
        restore(head, parts)
        raise FilterFailed("changed a head in place; return a copy, as of head.with_field(...)", named=in_words(one))


def _called(one: Any, step: Callable[..., Any], head: AnyHead, session: Session) -> tuple[Any, tuple[Any, ...]]:
    """What a step makes of a head, and the parts of that. A stranger's code may raise anything, `SystemExit` too."""
    parts = _parts(head)
    try:
        answer = step(head, session)
    except BaseException as error:
        restore(head, parts)
        raise FilterFailed(f"raised {type(error).__name__}", named=in_words(one)) from error
    _check_untouched(one, head, parts)
    return answer, parts


def _judged(one: Any, answer: object, head: AnyHead) -> AnyHead | Reply:
    """What a step answered, if it can be sent."""
    try:
        if isinstance(answer, Coroutine):
            answer.close()  # or it would complain that nobody awaited it
        return _fit_reply(answer) if isinstance(answer, Reply) else fit(answer, head)
    except BaseException as error:  # what is no text, or no pair, fails in ways of its own
        raise FilterFailed(str(error), named=in_words(one)) from error


def fit(answer: object, head: AnyHead) -> AnyHead:
    """What a plugin made of a head, fit for the wire in all that it changed, so that no plugin can smuggle.

    Raises whatever comes of an answer that is not fit, `ValueError` or `TypeError` for the likely mistakes.
    """
    if answer is head:
        return head
    if not isinstance(answer, type(head)):
        raise TypeError(f"answered a {type(answer).__name__}; expected a {type(head).__name__} or a Reply")
    if answer.fields is not head.fields:
        _check_fields(answer.fields, head.fields)
    _check_start(answer, head)
    changed: AnyHead = answer if answer.length == head.length else attrs.evolve(answer, length=head.length)
    return changed


def _check_fields(fields: Fields, before: Fields) -> None:
    known = set(before)
    for name, value in fields:
        if (name, value) not in known and _checked(name, value) != name:
            raise ValueError(f"field name {name!r} is not in lower case")


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
        if same == 101 != head.status:
            raise ValueError("a 101 is no answer to be changed; give a Reply in its place")
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
