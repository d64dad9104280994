"""What befalls a pool while it serves: sessions that come and end, backends that leave, return and weigh otherwise.

The steps are values, so that Hypothesis makes them, shortens them, and anyone can read them; each can be taken in any
state. Refuses to judge what an algorithm makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Final

import attrs

from balancer.core.backend import Backend
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.pool import Lease
from balancer.core.session import Session
from balancer.errors import BalancerError, DownstreamGone, NoBackend, PolicyFailed, PoolFull, Side, UpstreamGone
from balancer.interfaces import Kind, Phase
from balancer.testing.kit.stories import Story, listed
from balancer.testing.pools import MemoryPool
from balancer.testing.strategies import hypothesis_strategies

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


class Happens(Enum):
    """What a step is about."""

    COME = "sessions come"
    END = "a session ends well"
    FAIL_EARLY = "a request fails before the first byte and is tried again"
    FAIL_LATE = "a request fails after the first byte"
    ANSWER_503 = "a request is answered 503"
    CLIENT_LEAVES = "a client leaves"
    ALL_END = "all sessions end"
    BUSIEST_LEAVES = "the busiest backend leaves"
    LEAVE = "a backend leaves"
    RETURN = "a backend that left comes back"
    ALL_LEAVE = "everything goes down"
    ALL_RETURN = "everything comes back"
    WEIGH = "a weight is changed"
    DRAIN = "a backend drains, or no longer does"
    REBUILD = "the picker is rebuilt"
    WAIT = "time passes"


@attrs.frozen
class Step:
    """One thing that happens; `number` says how many, or to which of those there are."""

    happens: Happens
    number: int = 0


def churn(max_size: int = 40) -> SearchStrategy[list[Step]]:
    """Lists of steps, of all that can befall a pool. Raises `ModuleNotFoundError` without Hypothesis."""
    strategies = hypothesis_strategies()
    common = [Happens.COME] * 6 + [Happens.END] * 3
    step = strategies.builds(Step, strategies.sampled_from([*common, *Happens]), strategies.integers(0, 15))
    steps: SearchStrategy[list[Step]] = strategies.lists(step, max_size=max_size)
    return steps


@attrs.define
class Served:
    """A session that is alive on a backend."""

    name: str
    session: Session
    lease: Lease


class _Waiting:
    """A session that waits for room; it joins those that are alive once it is served."""

    def __init__(self, run: Run, name: str, session: Session) -> None:
        self._run, self._name, self._session = run, name, session

    def served(self, lease: Lease) -> None:
        """See `core.pool.Seeker`."""
        self._run.alive.append(Served(self._name, self._session, lease))

    def not_served(self, error: BalancerError) -> None:
        """See `core.pool.Seeker`."""


class Run:
    """Takes steps in a `MemoryPool` and tells the story; `weights` are those to change to, `alive` the sessions."""

    weights: tuple[float, ...] = (1, 2, 3, 0.5, 0)

    def __init__(self, memory: MemoryPool, story: Story) -> None:
        self.memory, self.story = memory, story
        self.alive: list[Served] = []
        self.come = 0

    def take(self, step: Step) -> None:
        """Let this happen, and what comes of it at once."""
        _STEPS[step.happens](self, step.number)
        self.memory.turn()

    def picked(self, session: Session) -> Lease | None:
        """Have the pool choose; None where it refuses. A waiting session is served later."""
        try:
            return self.memory.pick(session)
        except PoolFull:
            self._wait(session)
        except (NoBackend, PolicyFailed):
            pass
        return None

    def next_session(self) -> Session:
        """Another client's session: a TCP connection or an HTTP request."""
        self.come += 1
        client, now = (f"198.51.100.{self.come % 200 + 1}", 40000 + self.come), self.memory.clock.seconds()
        if self.come % 2:
            return Session(Kind.TCP, client, now)
        return Session(Kind.HTTP, client, now, RequestHead("GET", f"/{self.come % 5}", "example.com"))

    def arrive(self) -> str:
        """One session comes; tell where it goes."""
        session = self.next_session()
        name = f"s{self.come}"
        lease = self.picked(session)
        if lease is None:
            return "nowhere"
        self.alive.append(Served(name, session, lease))
        return lease.backend.name

    def end(self, served: Served, phase: Phase, error: BalancerError | None, status: int | None = None) -> None:
        """A session that was alive is over; one that is answered has its head seen by the algorithm."""
        self.alive.remove(served)
        answered = phase in (Phase.DONE, Phase.DATA)
        if answered:
            served.lease.answered()
        if answered and served.lease.has_say and served.session.request is not None:
            try:
                served.lease.responded(ResponseHead(status or 200))
            except PolicyFailed as failed:
                error = failed
        served.lease.end(phase, status=status, error=error)

    def chosen(self, number: int) -> Served | None:
        """One of the sessions alive."""
        return self.alive[number % len(self.alive)] if self.alive else None

    def told(self, what: str) -> None:
        """One step of the story, with what is busy afterwards."""
        busy = listed([f"{one.name}: {one.active}" for one in self.memory.backends if one.active])
        self.story.tell("; ".join([f"{what} (active: {busy})", *self.memory.changes]))
        self.memory.changes.clear()

    def _wait(self, session: Session) -> None:
        with suppress(PoolFull):
            self.memory.pool.wait(session, _Waiting(self, f"s{self.come}", session))


def _come(run: Run, number: int) -> None:
    places = [run.arrive() for _ in range(number % 4 + 1)]
    run.told(f"{len(places)} sessions come and go to {listed(places)}")


def _end(run: Run, number: int) -> None:
    served = run.chosen(number)
    if served:
        run.end(served, Phase.DONE, None)
        run.told(f"{served.name} on {served.lease.backend.name} ends well")


def _fail_early(run: Run, number: int) -> None:
    served = run.chosen(number)
    if served is None:
        return
    backend, session = served.lease.backend, served.session
    error = UpstreamGone("closed without an answer")
    run.end(served, Phase.REQUEST, error)
    session.tried_on(backend)
    session.again(error.reason)
    lease = run.picked(session)
    if lease is not None:
        run.alive.append(Served(served.name, session, lease))
    where = lease.backend.name if lease else "nowhere"
    run.told(f"{served.name} on {backend.name} fails before the first byte, and is tried again on {where}")


def _fail_late(run: Run, number: int) -> None:
    served = run.chosen(number)
    if served:
        run.end(served, Phase.DATA, UpstreamGone("closed in the middle of an answer"))
        run.told(f"{served.name} on {served.lease.backend.name} fails after the first byte")


def _answer_503(run: Run, number: int) -> None:
    served = run.chosen(number)
    if served:
        run.end(served, Phase.DONE, None, status=503)
        run.told(f"{served.name} is answered 503 by {served.lease.backend.name}")


def _client_leaves(run: Run, number: int) -> None:
    served = run.chosen(number)
    if served:
        gone = DownstreamGone("client left")
        assert gone.side is Side.DOWNSTREAM
        run.end(served, Phase.RESPONSE, gone)
        run.told(f"the client of {served.name} leaves {served.lease.backend.name} before there is an answer")


def _all_end(run: Run, _number: int) -> None:
    for served in [*run.alive]:
        run.end(served, Phase.DONE, None)
    run.told("all sessions end well")


def _busiest_leaves(run: Run, _number: int) -> None:
    up = [one for one in run.memory.backends if one.up]
    if up:
        _leaves(run, max(up, key=lambda one: one.active), "the busiest")


def _leave(run: Run, number: int) -> None:
    backends = run.memory.backends
    _leaves(run, backends[number % len(backends)], "which goes down")


def _leaves(run: Run, backend: Backend, why: str) -> None:
    if backend.up:
        run.memory.set_up(backend, up=False)
        run.told(f"{backend.name}, {why}, leaves")


def _return(run: Run, number: int) -> None:
    gone = [one for one in run.memory.backends if not one.up]
    if gone:
        backend = gone[number % len(gone)]
        run.memory.set_up(backend, up=True)
        run.told(f"{backend.name} comes back")


def _all_leave(run: Run, _number: int) -> None:
    run.memory.set_up(*run.memory.backends, up=False)
    run.told("everything goes down")


def _all_return(run: Run, _number: int) -> None:
    for backend in run.memory.backends:
        backend.become(draining=False)
    run.memory.set_up(*run.memory.backends, up=True)
    run.told("everything is up")


def _weigh(run: Run, number: int) -> None:
    backend = run.memory.backends[number % len(run.memory.backends)]
    weight = run.weights[number // len(run.memory.backends) % len(run.weights)]
    run.memory.set_weight(backend, weight)
    run.told(f"the weight of {backend.name} is {weight:g} from now on")


def _drain(run: Run, number: int) -> None:
    backend = run.memory.backends[number % len(run.memory.backends)]
    backend.become(draining=not backend.draining)
    run.memory.rebuild()
    run.told(f"{backend.name} {'drains' if backend.draining else 'no longer drains'}")


def _rebuild(run: Run, _number: int) -> None:
    run.memory.rebuild()
    run.told("the picker is rebuilt")


def _wait(run: Run, number: int) -> None:
    run.memory.wait(number)
    run.told(f"{number} s pass")


_STEPS: Final[Mapping[Happens, Callable[[Run, int], None]]] = {
    Happens.COME: _come,
    Happens.END: _end,
    Happens.FAIL_EARLY: _fail_early,
    Happens.FAIL_LATE: _fail_late,
    Happens.ANSWER_503: _answer_503,
    Happens.CLIENT_LEAVES: _client_leaves,
    Happens.ALL_END: _all_end,
    Happens.BUSIEST_LEAVES: _busiest_leaves,
    Happens.LEAVE: _leave,
    Happens.RETURN: _return,
    Happens.ALL_LEAVE: _all_leave,
    Happens.ALL_RETURN: _all_return,
    Happens.WEIGH: _weigh,
    Happens.DRAIN: _drain,
    Happens.REBUILD: _rebuild,
    Happens.WAIT: _wait,
}
