"""The promises that every algorithm makes, whatever it claims: its shape, and safety whatever comes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from inspect import isawaitable, iscoroutinefunction, signature
from random import Random
from time import process_time
from typing import Any, Final

import attrs
from zope.interface import Invalid
from zope.interface.verify import verifyObject

from balancer.core import slices
from balancer.core.messages import RequestHead, ResponseHead
from balancer.errors import Side, UpstreamGone
from balancer.interfaces import IAlgorithm, Kind, Outcome, Phase
from balancer.testing.ending import bounded
from balancer.testing.fakes import FakeBackend, FakeSession
from balancer.testing.kit.churning import Happens, Run, Step, churn
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.searching import search
from balancer.testing.kit.setups import TRIED_FIRST, SetUp, setups
from balancer.testing.kit.stories import LOOKS_ONLY, Story, in_words, listed
from balancer.testing.kit.watching import (
    CHOOSES,
    MADE,
    Watched,
    close,
    differences,
    misfit,
    photo,
    put_back,
    tell_wrong,
)
from balancer.testing.sessions import sessions
from balancer.testing.strategies import hypothesis_strategies, snapshots

OPTIONAL: Final = {"released": 2, "responded": 3, "requested": 3, "explain": 1, "belongs": 2}
"""What a picker may have besides, and with how many arguments it is called."""

ENDS: Final = (
    Outcome(1.0, 0.5, 0.1),
    Outcome(1.0, 0.5, 0.1, status=503),
    Outcome(1.0, 0.0, phase=Phase.PICK),
    Outcome(1.0, 0.5, None, Phase.CONNECT, Side.UPSTREAM, None, UpstreamGone("refused")),
    Outcome(1.0, 0.5, 0.2, Phase.DATA, Side.DOWNSTREAM),
)

MANY: Final = 70_000
"""How many sessions a picker is asked for, if there is time; and how many in any case."""
FEW: Final = 300

COME, BUSIEST_LEAVES, ALL_END = Step(Happens.COME, 3), Step(Happens.BUSIEST_LEAVES), Step(Happens.ALL_END)
RETURN, ALL_RETURN, REBUILD = Step(Happens.RETURN), Step(Happens.ALL_RETURN), Step(Happens.REBUILD)
SCRIPTS: Final = (
    [COME, COME, BUSIEST_LEAVES, ALL_END, RETURN, COME, COME],
    [COME, COME, BUSIEST_LEAVES, COME, RETURN, COME, COME, ALL_END, COME, COME, COME],
    [COME, Step(Happens.FAIL_EARLY), Step(Happens.FAIL_LATE, 1), REBUILD, COME, ALL_END, COME, COME],
    [COME, Step(Happens.ALL_LEAVE), COME, ALL_END, ALL_RETURN, COME, COME, COME],
    [COME, Step(Happens.WEIGH, 9), COME, Step(Happens.LEAVE), Step(Happens.LEAVE, 1), COME, ALL_RETURN, COME],
    [COME, COME, *[Step(Happens.FAIL_EARLY)] * 4, COME, Step(Happens.WAIT, 6), COME, COME, ALL_END, COME],
)
"""What has broken policies before, tried first."""


def shape(subject: Subject) -> None:
    """It has a `name`, and a `picker` that makes, from backends and a Random, something to call; nothing to await."""
    story = Story()
    algorithm = story.asked("an algorithm can be made without arguments", "the factory", subject.make)
    story.tell(f"{subject.name} is made")
    try:
        verifyObject(IAlgorithm, algorithm, tentative=True)
    except Invalid as error:
        story.broken("it has what IAlgorithm asks for", str(error))
    if not isinstance(algorithm.name, str) or not algorithm.name:
        story.broken("its name is a text", repr(algorithm.name))
    offered = (FakeBackend("b0"), FakeBackend("b1"))
    story.tell("a picker is made for b0 and b1")
    picker = story.asked(MADE, "picker()", lambda: finished(algorithm.picker(offered, Random(0))))
    if not callable(picker):
        close(picker)
        story.broken(MADE, f"{picker!r}, which cannot be called")
    for name, count in OPTIONAL.items():
        _check_member(story, picker, name, count)
    answer = picker(FakeSession(tried=())) if iscoroutinefunction(picker) or _is_async(picker) else None
    if isawaitable(answer):
        story.broken(CHOOSES, misfit(answer, offered))


def _is_async(picker: Any) -> bool:
    return iscoroutinefunction(type(picker).__dict__.get("__call__"))


def _check_member(story: Story, picker: Any, name: str, count: int) -> None:
    member = getattr(picker, name, None)
    if member is None:
        return
    try:
        signature(member).bind(*[None] * count)
    except TypeError as error:
        story.broken(f"{name} of a picker is called with {count} arguments", in_words(error))
    except ValueError:
        return  # what is written in C does not tell
    if iscoroutinefunction(member):
        story.broken(f"{name} of a picker answers at once", "a coroutine function, which nobody waits for")


def finished(made: Any) -> Any:
    """The picker, however many slices it takes to make. Raises `EndlessPicker`."""
    return slices.finished(bounded(made)) if isinstance(made, Generator) else made


def safety(subject: Subject) -> None:
    """Whatever comes, it answers a backend that was offered, or None, changes nothing it is given, and never raises."""
    st = hypothesis_strategies()
    strangers = snapshots().flatmap(lambda some: st.tuples(st.just(some), st.lists(sessions(some), max_size=6)))
    search(strangers, lambda case: _asked_directly(subject, *case), subject.effort, first=_strangers())
    whole = st.tuples(setups(), churn())
    first = [(setup, script) for setup in TRIED_FIRST for script in SCRIPTS]
    search(whole, lambda case: _in_a_pool(subject, *case), subject.effort, first=first)
    _asked_for_long(subject)


def _strangers() -> list[tuple[Any, ...]]:
    """What has broken policies before: few backends, light ones, no request, and all of them tried."""
    cases: list[tuple[Any, ...]] = []
    for weights in ((1.0,), (0.5,), (0.5, 0.1), (1.0, 1.0, 1.0)):
        offered = tuple(FakeBackend(f"b{place}", weight=weight) for place, weight in enumerate(weights))
        head = RequestHead("GET", "/", "example.com")
        told = [FakeSession(), FakeSession(kind=Kind.HTTP, request=head), FakeSession(kind=Kind.UDP)]
        tried = [FakeSession(attempt=2, tried=kind(offered[:1])) for kind in (tuple, frozenset, list)]
        cases.append((offered, [*told, *tried, FakeSession(tried=offered), *_clients()]))
    return cases


def _clients() -> list[FakeSession]:
    """Clients on a unix socket, and over IPv6 with a scope."""
    return [FakeSession(client=("", 0)), FakeSession(client=("fe80::1%eth0", 1))]


def _asked_directly(subject: Subject, offered: tuple[FakeBackend, ...], several: Sequence[FakeSession]) -> None:
    """One picker and these sessions, on backends that are as they are; each pick is given back, or its end told."""
    story, algorithm = Story(), subject.make()
    story.tell(f"a picker is made for {listed(_described(one) for one in offered)}")
    picker = story.asked(MADE, "picker()", lambda: finished(algorithm.picker(offered, Random(0))))
    for number, session in enumerate(several):
        story.tell(f"it is asked for {_told(session)}")
        before = photo(session.request)
        answer = story.asked(CHOOSES, "the picker", partial(picker, session))
        if came := misfit(answer, offered):
            story.broken(CHOOSES, came)
        if changed := differences(before, session.request):
            put_back(before, session.request)
            story.broken(LOOKS_ONLY, f"the picker changed {changed}")
        if answer is not None:
            _tell_the_end(story, picker, session, answer, ENDS[number % len(ENDS)])


def _asked_for_long(subject: Subject) -> None:
    """One picker, and more sessions than a byte can count; than two bytes can, if there is time."""
    offered, until = tuple(FakeBackend(f"b{place}") for place in range(3)), process_time() + subject.effort.seconds / 4
    picker = finished(subject.make().picker(offered, Random(0)))
    release = getattr(picker, "released", None)
    for number in range(MANY):
        session, story = FakeSession(client=(f"10.0.{number >> 8 & 255}.{number & 255}", 40000)), Story()
        story.steps = ["a picker is made for b0, b1, b2", f"it is asked for {number + 1} sessions, which end well"]
        answer = story.asked(CHOOSES, "the picker", partial(picker, session))
        if came := misfit(answer, offered):
            story.broken(CHOOSES, came)
        if release is not None and answer is not None:
            release(answer, attrs.evolve(ENDS[0], session=session))
        if number > FEW and process_time() > until:
            return


def _tell_the_end(story: Story, picker: Any, session: FakeSession, backend: Any, outcome: Outcome) -> None:
    respond, release = getattr(picker, "responded", None), getattr(picker, "released", None)
    if respond is not None and session.request is not None:
        promised = "responded() answers the head to send on"
        story.tell(f"{backend.name} answers 200")
        head = story.asked(promised, "responded()", lambda: respond(session, backend, ResponseHead(200)))
        if not isinstance(head, ResponseHead):
            story.broken(promised, f"{head!r}, which is a {type(head).__name__}")
    if release is not None:
        story.tell(f"the session ends on {backend.name} in phase {outcome.phase.value}")
        ended = attrs.evolve(outcome, session=session)
        story.asked("released() takes every end that a session can have", "released()", lambda: release(backend, ended))
    explain = getattr(picker, "explain", None)
    if explain is not None:
        _check_words(story, story.asked("explain() never raises", "explain()", lambda: explain(session)))


def _check_words(story: Story, words: Any) -> None:
    fit = isinstance(words, list | tuple) and all(isinstance(each, tuple) and len(each) == 3 for each in words)
    if not fit or not all(isinstance(score, int | float) and isinstance(note, str) for _, score, note in words):
        story.broken("explain() answers a list of (backend, score, note)", repr(words))


def _in_a_pool(subject: Subject, setup: SetUp, steps: Sequence[Step]) -> None:
    """The whole life of a pool as in production."""
    story, watched = Story(), Watched(subject.make())
    story.tell(str(setup))
    memory = setup.made(watched)
    run = Run(memory, story)
    tell_wrong(watched, story, memory.faults)
    for step in (*steps, ALL_END):
        run.take(step)
        tell_wrong(watched, story, memory.faults)


def _described(backend: FakeBackend) -> str:
    return f"{backend.name} (weight {backend.weight:g}, active {backend.active})"


def _told(session: FakeSession) -> str:
    about = f" {session.request.method} {session.request.target!r}" if session.request is not None else ""
    kind = f"{session.kind.name}{about} of {session.client[0] or 'a unix socket'}"
    tried = listed(sorted(one.name for one in session.tried))
    return f"{kind}, which tried {tried} ({type(session.tried).__name__})"
