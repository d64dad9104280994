"""Whose turn it is: sources in turn, first come first served within each, and nobody kept from room that is of use."""

from __future__ import annotations

from collections import Counter

import attrs
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.backend import Backend
from balancer.core.queue import Queue
from tests.core.policies import backend

A, B = backend("a"), backend("b")


@attrs.define(eq=False)
class Waiting:
    """Somebody who waits."""

    source: str
    number: int
    useless: frozenset[Backend] = frozenset()
    never: frozenset[Backend] = frozenset()


def queued(*sources: str, useless: frozenset[Backend] = frozenset()) -> tuple[Queue[Waiting], list[Waiting]]:
    """A queue of waiters of these sources, who came in this order."""
    queue, waiters = (
        Queue[Waiting](),
        [Waiting(source, number, useless, useless) for number, source in enumerate(sources)],
    )
    for waiter in waiters:
        queue.add(waiter)
    return queue, waiters


def served(queue: Queue[Waiting], backend: Backend = A) -> list[Waiting]:
    """All who can use that backend, in the order in which they are served."""
    order = []
    while (waiter := queue.first(backend)) is not None:
        queue.remove(waiter, in_turn=True)
        order.append(waiter)
    return order


def rounds(sources: list[str]) -> list[int]:
    """The order as the rule tells it: round after round, the next waiter of each source that is left."""
    waiting = {source: [n for n, other in enumerate(sources) if other == source] for source in sources}
    order = []
    while any(waiting.values()):
        order += [waiters.pop(0) for waiters in waiting.values() if waiters]
    return order


@given(st.lists(st.sampled_from("abcde"), max_size=20))
def test_sources_take_turns(sources: list[str]) -> None:
    """Each source has one waiter served in a round, in the order in which the sources and their waiters came."""
    queue, _ = queued(*sources)
    assert [waiter.number for waiter in served(queue)] == rounds(sources)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_no_source_is_served_twice_while_another_waits(steps: list[tuple[str, bool]]) -> None:
    """However others come and are served, a source that waits is overtaken by each of the others once at most."""
    queue, waiting = Queue[Waiting](), Counter[str]()
    overtaken: dict[str, Counter[str]] = {}  # by those who wait: who was served since they came, or since their turn
    for number, (source, serve) in enumerate(steps):
        if not serve:
            queue.add(Waiting(source, number))
            overtaken.setdefault(source, Counter())
            waiting[source] += 1
        elif (waiter := queue.first(A)) is not None:
            queue.remove(waiter, in_turn=True)
            waiting[waiter.source] -= 1
            overtaken.pop(waiter.source)
            for seen in overtaken.values():
                seen[waiter.source] += 1
            if waiting[waiter.source]:
                overtaken[waiter.source] = Counter()
        assert all(times == 1 for seen in overtaken.values() for times in seen.values())


@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=12), st.data())
def test_who_leaves_is_not_missed(sources: list[str], data: st.DataObject) -> None:
    """Those who leave change nothing for those of their own source who stay, and gain it no turn."""
    queue, waiters = queued(*sources)
    leaving = data.draw(st.lists(st.sampled_from(waiters), unique=True))
    for waiter in leaving:
        queue.remove(waiter, in_turn=False)
    staying = [waiter for waiter in waiters if waiter not in leaving]
    order = served(queue)
    for source in "ab":
        expected = [waiter.number for waiter in staying if waiter.source == source]
        assert [waiter.number for waiter in order if waiter.source == source] == expected
    assert not queue.takes_any


def test_useless_room_is_for_the_next() -> None:
    """Who has no use for a backend is passed over for it, and comes first when another is free."""
    queue, (first, second) = queued("x", "y")
    queue.pass_over(first, A)
    assert first.useless == {A}
    assert queue.takes_any
    assert queue.first(B) is first
    assert served(queue, A) == [second]
    assert not queue.takes_any
    assert queue.first(A) is None
    assert served(queue, B) == [first]


def test_to_be_passed_over_is_a_turn() -> None:
    """Who is passed over does not keep the room for others of its source: the next source has its turn."""
    queue, waiters = queued("x", "x", "y")
    queue.pass_over(waiters[0], A)
    assert [waiter.source for waiter in served(queue, A)] == ["y", "x"]


def test_what_was_passed_over_is_reconsidered() -> None:
    """When the backends have changed, room that was passed over is offered again; what was no use at first is not."""
    queue, (first, second) = queued("x", "y", useless=frozenset({B}))
    queue.pass_over(first, A)
    assert served(queue, A) == [second]
    queue.reconsider()
    assert queue.first(B) is None
    assert served(queue, A) == [first]


@given(st.permutations([frozenset[Backend](), frozenset({B}), frozenset({B, backend("c")})]))
def test_who_waits_for_least_comes_first(useless: list[frozenset[Backend]]) -> None:
    """Of those who can use a room, they come first who have the fewest others to wait for, whoever was here first."""
    queue = Queue[Waiting]()
    for number, backends in enumerate(useless):
        queue.add(Waiting("x", number, backends, backends))
    assert [len(waiter.useless) for waiter in served(queue)] == [2, 1, 0]
