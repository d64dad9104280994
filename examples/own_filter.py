"""Filters of one's own: a mark on requests, a question to another service, and a word replaced in passing.

Run it with `twist balancer --config examples/own_filter.py`, then `curl http://127.0.0.1:8080/headers`, the same with
`-H "Authorization: me"`, and `curl -H "X-Plan: secret" http://127.0.0.1:8081/headers`.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.web.client import Agent, readBody
from twisted.web.http_headers import Headers

from balancer import Backend, Config, HTTPListener, Pool, Route
from balancer.core.messages import RequestHead, ResponseHead
from balancer.demo import DemoBackends
from balancer.interfaces import Direction, Filter, ISession, Reply


class Beta(Filter):
    """Marks requests."""

    def request(self, head: RequestHead, session: ISession) -> RequestHead:
        return head.with_field("x-env", "beta")


class Accounts(Service, Filter):
    """Asks an account service who it is that comes with a token; a companion as well, to be given the reactor."""

    agent: Any

    def with_reactor(self, reactor: Any) -> None:
        self.agent = Agent(reactor)

    async def request(self, head: RequestHead, session: ISession) -> RequestHead | Reply:
        token = head.get("authorization")
        if token is None:
            return Reply(401, fields=(("www-authenticate", "Bearer"),))
        return head.without("authorization") if await self.status_of(token) == 200 else Reply(403)

    async def status_of(self, token: str) -> int:
        """What the account service, for which a demo backend stands, says of a token."""
        asking = Headers({b"authorization": [token.encode("latin-1")]})
        answer = await self.agent.request(b"GET", b"http://127.0.0.1:9001/healthz", asking)
        await readBody(answer)
        return int(answer.code)


class Replace(Filter):
    """Replaces a word in the bodies of answers that are text."""

    def __init__(self, word: bytes, other: bytes) -> None:
        self.word, self.other = word, other

    def request(self, head: RequestHead, session: ISession) -> RequestHead:
        return head.without("accept-encoding")  # a compressed body has no words

    def body(self, head: RequestHead | ResponseHead, session: ISession, direction: Direction) -> Replacing | None:
        is_text = (head.get("content-type") or "").startswith("text/")
        return Replacing(self.word, self.other) if direction is Direction.RESPONSE and is_text else None


class Replacing:
    """One body of which the word is replaced; holds back an end that may be the beginning of it."""

    def __init__(self, word: bytes, other: bytes) -> None:
        self.word, self.other, self.held = word, other, b""

    def feed(self, data: bytes) -> bytes:
        *done, rest = (self.held + data).split(self.word)
        kept = next(size for size in range(len(self.word) - 1, -1, -1) if rest.endswith(self.word[:size]))
        self.held = rest[len(rest) - kept :]
        return self.other.join([*done, rest[: len(rest) - kept]])

    def finish(self) -> bytes:
        return self.held


def quiet(head: RequestHead, _session: ISession) -> RequestHead:
    """A filter that is a function: nothing on the way tells who the client's program is."""
    return head.without("user-agent")


site = Pool("site", backends=[Backend("127.0.0.1:9001", name="b1"), Backend("127.0.0.1:9002", name="b2")])
accounts = Accounts()

config = Config(
    [
        HTTPListener(
            "tcp:8080:interface=127.0.0.1",
            routes=[Route(pool=site, filters=[Beta(), accounts])],
            filter_timeout=2,
        ),
        HTTPListener(
            "tcp:8081:interface=127.0.0.1",
            routes=[Route(pool=site, filters=[quiet, Replace(b"secret", b"******")])],
        ),
    ],
    companions=[DemoBackends(), accounts],
)
