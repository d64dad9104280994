"""One request and its answer on their way through filters, as a route sends them; knows no pool and no connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from balancer.core.filters import Chain, Pause, chain_of
from balancer.core.messages import END, Fields, Message, RequestHead, ResponseHead
from balancer.core.session import Session
from balancer.core.transforms import Transforms
from balancer.errors import FilterFailed
from balancer.interfaces import Kind, Reply

Passed = tuple[RequestHead, bytes] | Reply
Answered = tuple[ResponseHead, bytes] | Reply


class MemoryExchange:
    """An exchange of a route with these filters, for tests of a filter: first `request`, then `answer`.

    `session` is what the filters are given; its client and captures can be said. Whatever goes wrong in a filter, and
    what would be a 500 in service, raises `FilterFailed`, which names it.
    """

    def __init__(
        self, *filters: Any, client: tuple[str, int] = ("192.0.2.1", 50000), captures: Mapping[str, str] | None = None
    ) -> None:
        self.session = Session(Kind.HTTP, client, 0.0, captures=MappingProxyType(dict(captures or {})))
        self._chain = chain_of(filters) or Chain((), (), ())

    def request(
        self,
        target: str = "/",
        body: bytes = b"",
        *,
        method: str = "GET",
        host: str = "example.com",
        fields: Fields = (),
    ) -> Passed:
        """The head and body as the backend would get them, or the `Reply` of a filter. Field names are in lower case.

        What a filter awaits must have happened already: there is no time here.
        """
        head: Any = RequestHead(method, target, host, fields=fields, length=len(body))
        self.session.become(request=head)
        passed = self._chain.request(head, self.session)
        while isinstance(passed, Pause):
            passed = passed.resume(_result(passed))
        if isinstance(passed, Reply):
            return passed
        passed, transforms = self._chain.request_body(passed, self.session)
        self.session.become(request=passed)
        return passed, _through(transforms, body)

    def answer(self, status: int = 200, body: bytes = b"", *, fields: Fields = ()) -> Answered:
        """The same of the answer to that request, as the client would get it."""
        head, transforms = self._chain.answer(ResponseHead(status, fields=fields, length=len(body)), self.session)
        return head if isinstance(head, Reply) else (head, _through(transforms, body))


def _result(pause: Pause) -> Any:
    """What a filter that takes its time answers."""
    awaited: Any = pause.awaitable
    deferred = awaited if isinstance(awaited, Deferred) else ensureDeferred(awaited)
    told: list[Any] = []
    failed: list[Any] = []
    deferred.addCallbacks(told.append, failed.append)
    if failed:
        raise FilterFailed(f"raised {failed[0].type.__name__}", named=pause.named) from failed[0].value
    if not told:
        deferred.cancel()
        raise FilterFailed("waits for what has not happened; give it what it waits for beforehand", named=pause.named)
    return told[0]


def _through(transforms: Transforms | None, body: bytes) -> bytes:
    """What becomes of a body, whole."""
    messages: Iterable[Message] = [body, END] if body else [END]
    passed = messages if transforms is None else transforms.all_passed(messages)
    return b"".join(message for message in passed if isinstance(message, bytes))
