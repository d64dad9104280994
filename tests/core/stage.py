"""A stage for exchanges: ports that write down what is said to them, a clock set by hand and a pool that is counted.

The transcript reads as a conversation: `>>` goes up to a backend, `<<` comes down to the client, one line for each
piece. The ports are strict: whoever talks to a connection that was given back, or to a client that has its answer,
fails.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random
from typing import Any

import attrs

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadlines
from balancer.core.exchange import LEFT_OVER_TIME, Exchange
from balancer.core.exchange_answer import Parting
from balancer.core.exchange_ports import Carried, Ended, Upstream
from balancer.core.filters import chain_of
from balancer.core.messages import END, Message, RequestHead, ResponseHead
from balancer.core.pickers import Ports
from balancer.core.pool import Lease, Pool
from balancer.core.retries import Budget, Retries, RetryPolicy
from balancer.core.routes import Route, Routes
from balancer.core.session import Session
from balancer.core.silence import Patience, Watch
from balancer.core.site import Destination, Site
from balancer.errors import BalancerError
from balancer.interfaces import Kind, Outcome, Picker, Reply
from tests.core.transcript import Port, Transcript, spelled
from tests.core.virtual_time import Call, VirtualTime

CLIENT = ("192.0.2.1", 5000)
UPGRADES = frozenset({"websocket"})
PATIENCE = Patience(body=20, reading=22, first=30, stall=33)
GET = RequestHead("GET", "/a", "example.com")
POST = RequestHead("POST", "/a", "example.com", length=None)
OK = ResponseHead(200, "OK", length=2)
ANSWER: tuple[Message, ...] = (OK, b"hi", END)


class FakeUpstream(Port):
    """A connection to a backend."""

    def __init__(self, transcript: Transcript, name: str, *, reused: bool) -> None:
        super().__init__(transcript, name, ">>")
        self.reused = reused

    def abort(self) -> None:
        self._end("cut")

    def release(self) -> None:
        assert not self.paused, f"{self.name} is given back deaf"
        self._end("kept")


class FakeLine(Port):
    """The client's side. `result` tells how its latest request fared, `stays` whether it goes on after that.

    `changed` is to be told how a change of protocol ended.
    """

    stays = False
    changed: Ended

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(transcript, "client", "<<")
        self.request: RequestHead | None = None
        self.result = ""
        self.done = self.sent = 0

    def begin(self, request: RequestHead | None) -> None:
        self.request = request
        self._transcript.say(f"client asks {request and spelled(request)}")
        self.over, self.result, self.said = False, "", []

    def refuse(self, error: BalancerError) -> None:
        self._settle(f"refused {error.status} {error.reason}")

    def reply(self, reply: Reply) -> None:
        self._transcript.cue("client send reply")
        self._settle(f"replied {reply.status}")

    def abort(self, error: BalancerError) -> None:
        self.over, self.result = True, "cut"
        self._transcript.say("client cut")

    def change(self, upstream: Upstream, ended: Ended) -> None:
        self._alive()
        assert isinstance(upstream, FakeUpstream)
        self.over = upstream.over = True
        self.changed = ended
        self._transcript.say(f"client and {upstream.name} change")

    def exchange_done(self, *, request_complete: bool) -> None:
        self.done += 1
        self.result = self.result or "answered"
        self.over = True
        self._transcript.say(f"client done{'' if request_complete else ', request unfinished'}")

    def _settle(self, result: str) -> None:
        assert not self.over
        assert not self.result
        self.result = result
        self._transcript.say(f"client {result}")


class First:
    """Chooses the first backend; counts picks and how they ended; `rewrites` is its say on heads."""

    name = "first"

    def __init__(self) -> None:
        self.sessions: list[Any] = []
        self.ends: list[Outcome] = []
        self.rewrites: Callable[[ResponseHead], ResponseHead] = lambda head: head

    def picker(self, backends: Sequence[Backend], random: Random) -> Picker:
        return FirstOf(self, backends[0])


class FirstOf:
    """The picker of `First`."""

    def __init__(self, algorithm: First, backend: Backend) -> None:
        self._algorithm, self._backend = algorithm, backend

    def __call__(self, session: Any) -> Backend:
        self._algorithm.sessions.append(session)
        return self._backend

    def released(self, backend: Backend, outcome: Outcome) -> None:
        self._algorithm.ends.append(outcome)

    def responded(self, session: Any, backend: Backend, head: ResponseHead) -> ResponseHead:
        return self._algorithm.rewrites(head)


class FakePending:
    """A connection on its way for one who waits."""

    lease: Lease | None = None

    def __init__(self, transcript: Transcript, waiting: list[Carried], carried: Carried) -> None:
        self._transcript, self._waiting, self._carried = transcript, waiting, carried

    def cancel(self) -> None:
        self._transcript.say("dial cancelled")
        if self._carried in self._waiting:
            self._waiting.remove(self._carried)

    def leave(self, backend: Backend, error: BalancerError) -> None:
        self._transcript.say(f"dial leaves {backend.name}")


class Theatre(Site):
    """A site with the one stage behind its one route, that writes down how exchanges end."""

    ends: list[BalancerError | None]
    watch: Watch

    def ended(self, exchange: Parting, error: BalancerError | None) -> None:
        self.ends.append(error)
        self.watch.stop()


class Stage:
    """Everything an exchange meets; also `core.exchange_ports.Upstreams`.

    `carried`: whom the latest connection serves; `others`: whether there are other backends. A `policy` is what the
    route says of retries; without one it says nothing.
    """

    name = "pool"
    max_body: int | None = None
    others = True
    carried: Carried

    def __init__(self, patience: Patience = PATIENCE, *, policy: RetryPolicy | None = None) -> None:
        self.patience = patience
        self.clock, self.transcript = VirtualTime(0.0), Transcript()
        self.deadlines = Deadlines(self.clock)
        self.line = FakeLine(self.transcript)
        self.algorithm = First()
        self.backend = Backend("b", "b:80", ("b", 80), seconds=self.clock.seconds)
        self.pool = Pool("pool", [self.backend], self.algorithm, ports=Ports(Random(0), self.clock.seconds, id))
        self.timers: list[Call] = []
        self.budget = Budget(lambda: self.backend.active)
        asked = policy is not None
        self.retries = Retries(policy or RetryPolicy(3), self.budget, Random(0), self.time, asked=asked)
        self.target = Destination(self, patience, self.retries, upgrades=UPGRADES)
        self.upstreams: list[FakeUpstream] = []
        self.waiting: list[Carried] = []
        self.at_once: list[Callable[[Carried], object]] = []
        self.ends: list[BalancerError | None] = []
        self.slow: list[tuple[Any, Callable[[object, BaseException | None], None]]] = []

    def later(
        self, awaitable: Awaitable[Any], done: Callable[[object, BaseException | None], None]
    ) -> Callable[[], None]:
        """What a filter awaits, for the test to take out and tell how it ends; a coroutine itself is never run."""
        if isinstance(awaitable, Coroutine):
            awaitable.close()
        self.slow.append(asked := (awaitable, done))
        self.transcript.say("filter waits")
        return lambda: self.transcript.say("filter cancelled") if asked in self.slow else None

    def time(self, seconds: float, call: Callable[[], None]) -> Call:
        """Call back once, that much later."""
        self.timers.append(self.clock.later(seconds, call))
        return self.timers[-1]

    @property
    def attempts(self) -> int:
        return self.retries.policy.attempts

    def spare(self, session: Session, backend: Backend) -> bool:
        return self.others

    def acquire(self, exchange: Carried, *, fresh: bool) -> FakePending | None:
        self.transcript.say("dial fresh" if fresh else "dial")
        if self.at_once:
            self.at_once.pop(0)(exchange)
            return None
        self.waiting.append(exchange)
        return FakePending(self.transcript, self.waiting, exchange)

    def connect(self, exchange: Carried | None = None, *, reused: bool = False) -> FakeUpstream:
        """The connection that an exchange waits for stands."""
        self.carried = exchange = self.waiting.pop(0) if exchange is None else exchange
        upstream = FakeUpstream(self.transcript, f"u{len(self.upstreams) + 1}", reused=reused)
        self.upstreams.append(upstream)
        exchange.connected(upstream, self.lease(exchange.session))
        return upstream

    def lease(self, session: Session) -> Lease:
        """A pick, as the port makes it; the one backend here stands for as many as it takes."""
        tried = session.tried
        session.become(tried=())
        lease = self.pool.pick(session)
        session.become(tried=tried)
        return lease

    def exchange(self, head: RequestHead = GET, *, filters: Sequence[Any] = ()) -> Exchange:
        """One that is ready to start."""
        target = attrs.evolve(self.target, max_body=self.max_body)
        routes = Routes([Route(None, target, chain_of(filters))])
        site = Theatre(routes, self.deadlines, self.clock.seconds, later=self.later)
        site.ends = self.ends
        exchange = Exchange(site, Session(Kind.HTTP, CLIENT, self.clock.seconds(), request=head), head, self.line)
        least = min(LEFT_OVER_TIME, self.patience.least)
        site.watch = Watch(self.deadlines, least, lambda: self._look(site.watch, exchange))
        return exchange

    def asked(self, *messages: Message, head: RequestHead = GET, filters: Sequence[Any] = ()) -> Exchange:
        """One that has been started with what came behind its head."""
        exchange = self.exchange(head, filters=filters)
        exchange.start(messages)
        return exchange

    def _look(self, watch: Watch, exchange: Exchange) -> float | None:
        """Look at the time as the edge does."""
        waits = exchange.waits()
        if waits is None:
            return self.patience.least
        since, limit, late = waits
        left = watch.left(since, limit)
        if not left:
            late()
        return left or None

    def at_rest(self) -> bool:
        """Whether nothing is left of what there was: no session, no timer, and an end for every pick."""
        picks = len(self.algorithm.sessions)
        timers = len(self.deadlines) + sum(timer in self.clock.calls for timer in self.timers)
        owed = self.backend.active + self.budget.under_way
        return owed == timers == 0 and picks == len(self.algorithm.ends)
