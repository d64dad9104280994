"""What becomes of a request's head on its way through one listener: read, forwarded, filtered; chooses no route."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from random import Random
from typing import Any, Final

import attrs
from twisted.internet.defer import Deferred

from balancer import config as nouns
from balancer.assembly.http import forwarding, head_limits, other_hosts
from balancer.core.allowance import allowance
from balancer.core.arrival import Arrival
from balancer.core.conversation import AT_THE_LAST_HOP
from balancer.core.faults import named
from balancer.core.filters import Chain, Pause, chain_of
from balancer.core.headers import may_travel
from balancer.core.http1 import RequestDecoder, RequestEncoder
from balancer.core.messages import RequestHead
from balancer.core.paths import path_policy
from balancer.core.session import Session
from balancer.core.upgrade import asking
from balancer.explain.question import Question
from balancer.interfaces import Reply

_SEED: Final = 1
"""Of what stands in for the numbers of requests."""


class Passage:
    """One request's way through a listener that has it, by way of TLS or in the clear."""

    def __init__(self, listener: nouns.HTTPListener, tls: nouns.TLS | None, asked: Question, port: int) -> None:
        """It came in at `port`, 0 where there is none."""
        self._listener, self._tls, self._asked, self._port = listener, tls, asked, port

    def arrive(self, arrived: Arrival | None) -> tuple[RequestHead, RequestHead, tuple[str, int]]:
        """The request as it comes, as it may go on, and who asks for it. Raises `RequestRefused`."""
        heads = [self._read(), self._read()]
        scheme = "http" if arrived is None else arrived.scheme
        forwarder = forwarding(self._listener, Random(_SEED)).for_client(self._asked.client, self._port, scheme)
        return heads[0], forwarder.forward(heads[1]), forwarder.client

    def _read(self) -> RequestHead:
        head = RequestDecoder(head_limits(self._listener)).receive(self._asked.wire)[0]
        assert isinstance(head, RequestHead)
        return head

    def judge(self, came: RequestHead, head: RequestHead, arrived: Arrival | None) -> RequestHead | Reply:
        """The request in the form in which it is matched, or what it is answered. Raises what refuses it."""
        wrong = None if arrived is None else arrived.misdirected(head, other_hosts(self._tls))
        if wrong is not None:
            raise wrong
        if came.method in AT_THE_LAST_HOP and not may_travel(came):
            return AT_THE_LAST_HOP[came.method]
        target = path_policy(self._listener.paths)(head.target)
        return head if target is head.target else attrs.evolve(head, target=target)

    def filtered(self, route: nouns.Route, session: Session, notes: list[str]) -> tuple[Reply | None, RequestHead]:
        """What a filter of the route answers, if any does, and the head that goes on otherwise. Raises what refuses it.

        Noted is what a filter that fails is passed over for, and of one that takes its time that nothing is known.
        """
        head = session.request
        assert head is not None
        most = self._listener.max_body if route.max_body is None else route.max_body
        if most is not None:
            allowance(most, head)
        chain = _chain(route, notes)
        if chain is not None:
            answer = chain.request(head, session)
            if isinstance(answer, Pause):
                slow = named(chain.requests[answer.place][0])
                notes.append(f"filter {slow} takes its time: what it does, and those behind it, is not known")
                _let_go(answer.awaitable)
                answer = answer.head
            if isinstance(answer, Reply):
                return answer, head
            head, _ = chain.request_body(answer, session)
        head = asking(head, route.upgrades) if head.upgrade else head
        if route.retry is not None and route.retry.attempt_header is not None:
            head = head.with_field(route.retry.attempt_header, "1")
        session.become(request=head)
        return None, head


def _chain(route: nouns.Route, notes: list[str]) -> Chain | None:
    """The filters of a route."""
    skipped = None if route.on_filter_error == "refuse" else lambda failed: notes.append(f"passed over: {failed}")
    return chain_of(route.filters, skipped)


def _let_go(awaitable: Awaitable[Any]) -> None:
    """Nobody will wait for it."""
    if isinstance(awaitable, Deferred):
        awaitable.addErrback(lambda _why: None)
        awaitable.cancel()
    elif isinstance(awaitable, Coroutine):
        awaitable.close()


def lines_sent(head: RequestHead) -> list[str]:
    """The head as it goes to a backend, a line each."""
    return RequestEncoder().head(head).decode("latin-1").splitlines()[:-1]
