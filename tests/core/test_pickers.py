"""Policies contained: prepared at once or in slices, asked, told, and counted when they fail."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.messages import ResponseHead
from balancer.core.pickers import Policy, Ports, Snapshot
from balancer.core.session import Session
from balancer.errors import PolicyFailed
from balancer.interfaces import Kind, Outcome
from tests.core.policies import Steered, Turns, backend

SESSION = Session(Kind.TCP, ("192.0.2.1", 1), 0.0)
BACKENDS = [backend("a"), backend("b")]
HEAD = ResponseHead(200, "OK", fields=(("server", "x"),), length=5)

odd = st.sampled_from(["raise", "raise in slices", "not callable", "broken"])
fine = st.sampled_from(["at once", "in slices"])


def made(algorithm: Any, turns: Turns | None = None) -> Policy:
    """A policy around the algorithm."""
    return Policy(algorithm, "site", (turns or Turns()).ports())


def snapshot(policy: Policy) -> Snapshot:
    """Its picker over two backends."""
    found = policy.compile(BACKENDS)
    assert found is not None
    return found


@given(fine)
def test_a_picker_is_made_for_exactly_these(making: str) -> None:
    """A policy that works gives a snapshot of what it was given, unless that takes time: there is none."""
    for look in (0.0, 0.002):
        found = made(Steered(making=making), Turns(look)).compile(BACKENDS)
        assert (found is None) == (making == "in slices" and look > 0)
        assert found is None or found.backends == set(BACKENDS)


@given(odd)
def test_a_failure_to_make_a_picker_is_named(making: str) -> None:
    """Whatever goes wrong in making a picker is one error, counted, which names pool and algorithm."""
    turns = Turns()
    algorithm = Steered()
    policy = made(algorithm, turns)
    policy.prepare(BACKENDS)
    algorithm.making = making
    policy.prepare(BACKENDS)
    turns.run(9)
    assert (policy.snapshot, policy.beginning, policy.faults.count) == (None, False, 1)
    if making != "raise in slices":
        with pytest.raises(PolicyFailed, match="pool 'site': algorithm 'steered'"):
            policy.compile(BACKENDS)
        assert policy.faults.count == len(turns.reports) == 2
    assert all("pool 'site': algorithm 'steered'" in report for report in turns.reports)


@given(st.integers(0, 12), fine)
def test_slices_take_turns(slices: int, making: str) -> None:
    """A picker in slices is given once, when it is done, and each turn does a step of it, however slow the clock."""
    turns = Turns()
    policy = made(Steered(making=making, slices=slices), turns)
    policy.prepare(BACKENDS)
    needed = 0
    while turns.queue and needed < 99:
        assert (policy.snapshot, policy.beginning) == (None, True)
        turns.run()
        needed += 1
    assert policy.snapshot is not None
    assert policy.snapshot.backends == set(BACKENDS)
    assert not policy.beginning
    assert needed == (slices if making == "in slices" else 0)


def test_a_turn_takes_as_many_steps_as_its_millisecond_holds() -> None:
    """Short steps share a turn, so that a picker is not late for being built politely."""
    turns = Turns(look=0.0004)
    policy = made(Steered(making="in slices", slices=8), turns)
    policy.prepare(BACKENDS)
    turns.run()
    assert policy.beginning
    turns.run()
    assert not policy.beginning
    assert policy.snapshot is not None


class Endless:
    """An algorithm whose picker is never ready; `steps` counts what was done for it."""

    name = "endless"

    def __init__(self) -> None:
        self.steps = 0

    def picker(self, backends: Any, random: Any) -> Generator[None, None, Any]:
        """Take one step after another."""
        while True:
            self.steps += 1
            yield


@given(st.floats(0.01, 1))
def test_no_picker_holds_up_the_rest(first: float) -> None:
    """A picker that is never ready gets its first seconds, then a millisecond a turn, and serves nobody."""
    turns, algorithm = Turns(look=0.0005), Endless()
    policy = made(algorithm, turns)
    policy.prepare(BACKENDS, first=first)
    assert algorithm.steps == pytest.approx(first / turns.look, abs=2)
    before = algorithm.steps
    turns.run(9)
    assert algorithm.steps <= before + 9 * 3
    assert (policy.snapshot, policy.beginning, len(turns.queue)) == (None, True, 1)


def test_later_work_drops_the_earlier() -> None:
    """Only the last of several rebuilds comes to an end, and none after it was given up."""
    turns = Turns()
    policy = made(Steered(making="in slices", slices=5), turns)
    policy.prepare(BACKENDS)
    policy.prepare(BACKENDS[:1])
    turns.run(9)
    assert policy.snapshot is not None
    assert policy.snapshot.backends == set(BACKENDS[:1])
    policy.prepare(BACKENDS)
    policy.give_up()
    turns.run(9)
    assert policy.snapshot is None
    assert turns.queue == []


class Fatal:
    """An algorithm, and a picker, that raises what must not end a process wherever it is told to."""

    name = "fatal"

    def __init__(self, error: BaseException, where: str) -> None:
        self.error, self.where = error, where

    def picker(self, backends: Any, random: Any) -> Any:
        """Be a picker itself, at once or in slices."""
        self._raise("picker()")
        return self._slices() if self.where == "slices" else self

    def _slices(self) -> Generator[None, None, Any]:
        yield
        self._raise("slices")

    def __call__(self, session: Any) -> Any:
        """Choose."""
        self._raise("call")

    def released(self, one: Any, outcome: Any) -> None:
        """Hear of an end."""
        self._raise("released")

    def responded(self, session: Any, one: Any, head: ResponseHead) -> ResponseHead:
        """See an answer."""
        self._raise("responded")
        return head

    def _raise(self, where: str) -> None:
        if where == self.where:
            raise self.error


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), BaseException()], ids=repr)
@pytest.mark.parametrize("where", ["picker()", "slices", "call", "released", "responded"])
def test_nothing_that_a_policy_raises_gets_out(error: BaseException, where: str) -> None:
    """What would end a process elsewhere is here a failure of the policy like any other."""
    turns = Turns()
    policy = made(Fatal(error, where), turns)
    policy.prepare(BACKENDS)
    turns.run(3)
    found = policy.snapshot or Snapshot(BACKENDS, lambda _session: None)
    policy.tell(found, BACKENDS[0], Outcome(1.0, 1.0))
    for step in (lambda: policy.compile(BACKENDS), lambda: policy.ask(found, SESSION)):
        with suppress(PolicyFailed):
            step()
    with suppress(PolicyFailed):
        policy.respond(found, SESSION, BACKENDS[0], HEAD)
    assert policy.faults.count == (2 if where == "picker()" else 1)


def test_a_pool_that_nobody_listens_to_is_contained_too() -> None:
    """Reports may go nowhere, and an algorithm may have no name."""

    class Nameless:
        def picker(self, backends: Any, random: Any) -> Any:
            raise ValueError

        def __repr__(self) -> str:
            return "Nameless()"

    policy = Policy(Nameless(), "site", Ports(Random(0), lambda: 0.0, lambda _call: None))  # type: ignore[arg-type]  # nameless
    with pytest.raises(PolicyFailed, match="Nameless"):
        policy.compile(BACKENDS)


def test_a_twin_is_another_policy_of_the_same_algorithm() -> None:
    """It has a picker of its own where there is one, no fault of the other's, and what it does wrong is its own."""
    algorithm = Steered()
    policy, ports = made(algorithm), Turns().ports()
    assert policy.twin(BACKENDS, ports).snapshot is None
    policy.prepare(BACKENDS)
    twin = policy.twin(BACKENDS[:1], ports)
    assert (twin.title, twin.keeps) == ("steered", False)
    assert twin.snapshot is not None
    assert twin.snapshot.backends == {BACKENDS[0]}
    algorithm.making = "raise"
    twin.prepare(BACKENDS)
    assert [bool(one.snapshot) for one in (policy, twin)] == [True, False]
    assert [one.faults.count for one in (policy, twin)] == [0, 1]


def test_a_picker_that_takes_long_is_not_begun_again() -> None:
    """Once a picker took longer than a slice none is tried at once, until the next is prepared."""
    turns, algorithm = Turns(look=0.002), Steered(making="in slices")
    policy = made(algorithm, turns)
    assert policy.compile(BACKENDS) is policy.compile(BACKENDS) is None


def test_a_twin_has_a_picker_of_its_own() -> None:
    """A twin chooses by the same algorithm, where that has a picker, with other faults and other chance."""
    turns, algorithm = Turns(look=0.0), Steered("raise")
    policy = made(algorithm, turns)
    assert policy.twin(BACKENDS, turns.ports()).snapshot is None
    policy.prepare(BACKENDS)
    twin = policy.twin(BACKENDS, turns.ports())
    assert twin.snapshot is not None
    assert twin.snapshot.picker is not (policy.snapshot and policy.snapshot.picker)
    with pytest.raises(PolicyFailed):
        twin.ask(twin.snapshot, SESSION)
    assert (twin.faults.count, policy.faults.count) == (1, 0)


class Unstill:
    """One that keeps itself, and cannot be asked without learning."""

    name = "unstill"

    def keeper(self) -> Any:
        """Itself."""
        return self

    def picker(self, backends: Any, others: Any, random: Any = None) -> Any:
        """Any picker."""
        return lambda _session: backends[0]

    def still(self) -> Any:
        """Fail."""
        raise SystemExit


def test_a_keeper_that_cannot_be_still() -> None:
    """A twin of it has no picker, and the fault is the twin's alone."""
    turns = Turns(look=0.0)
    policy = made(Unstill(), turns)
    policy.prepare(BACKENDS)
    twin = policy.twin(BACKENDS, turns.ports())
    assert (twin.snapshot, twin.faults.count, policy.faults.count) == (None, 1, 0)
    assert policy.snapshot is not None
