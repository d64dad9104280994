"""Threads for lookups: what they are told to do they do, so many at once, and nobody waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from socket import gaierror
from threading import Event, Thread, current_thread, main_thread
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from balancer.net.resolving import SystemNames
from balancer.net.threads import Aside, Threads, look_names_up_aside

PATIENCE = 10


@pytest.fixture
def aside(reactor: Any) -> Iterator[Any]:
    """A reactor that looks names up in such threads."""
    before = reactor.nameResolver
    look_names_up_aside(reactor)
    yield reactor
    reactor.installNameResolver(before)


async def test_what_is_called_is_told(reactor: Any) -> None:
    """A call is made in a thread that no exit waits for, and its result and its failure come back to the reactor."""
    pool: Any = Threads(1)
    thread = await deferToThreadPool(reactor, pool, current_thread)
    assert thread is not main_thread()
    assert thread.daemon
    assert await deferToThreadPool(reactor, pool, int, "12", base=8) == 10
    with pytest.raises(ValueError, match="invalid literal"):
        await deferToThreadPool(reactor, pool, int, "x")


def test_so_many_at_once() -> None:
    """What comes while all threads are taken waits for one, and is done in its turn."""
    threads, begun, go, ended = Threads(2), [Event() for _ in range(3)], Event(), [Event() for _ in range(3)]

    def work(number: int) -> int:
        begun[number].set()
        go.wait(PATIENCE)
        return number

    def told(_fine: bool, number: int) -> None:
        ended[number].set()

    for number in range(3):
        threads.callInThreadWithCallback(told, work, number)
    assert all(one.wait(PATIENCE) for one in begun[:2])
    assert not begun[2].is_set()
    go.set()
    assert all(one.wait(PATIENCE) for one in ended)


async def test_names(aside: Any) -> None:
    """A name is found by way of them, and an unknown one is unknown."""
    assert set((await SystemNames(aside).look_up("localhost")).hosts) <= {"127.0.0.1", "::1"}
    with pytest.raises(LookupError):
        await SystemNames(aside).look_up("nobody.invalid")


async def test_no_thread_to_be_had(aside: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the system has no thread left a name is unknown at once, and it is found when there is one again."""
    names, told = SystemNames(aside), list[Any]()

    def refuse(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as short:
        short.setattr(Thread, "start", refuse)
        Threads(1).callInThreadWithCallback(lambda *result: told.append(result), int)
        with pytest.raises(LookupError, match=r"unknown host 'localhost'$"):
            await names.look_up("localhost")
    ((fine, failure),) = told
    assert (fine, failure.type) == (False, gaierror)
    assert (await names.look_up("localhost")).hosts


async def test_work_that_is_done_aside(reactor: Any) -> None:
    """Work is done in a thread, one piece after the other, and what came of each is told on the reactor."""
    aside, ended = Aside(reactor), Deferred[None]()
    told: list[tuple[bool, Any, Thread]] = []

    def tell(fine: bool, result: Any) -> None:
        told.append((fine, result, current_thread()))
        if len(told) == 2:
            ended.callback(None)

    aside(current_thread, tell)
    aside(lambda: int("x"), tell)
    await ended
    (fine, worker, first), (failed, failure, second) = told
    assert (fine, first, second) == (True, main_thread(), main_thread())
    assert worker is not main_thread()
    assert failed is False
    assert failure.check(ValueError)
