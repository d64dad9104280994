"""The names of flows: where they lead, for how long, and that no stranger's key does harm."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface import implementer

from balancer.core.flow import Flow
from balancer.core.flow_keys import LONGEST, MOST_NAMES, FlowKeys
from balancer.interfaces import IFlowKey
from tests.core.flows import ALICE, BOB, House


@implementer(IFlowKey)
class Answers:
    """Answers what it was told to, to any question."""

    def __init__(self, key: Any = None, learn: Any = None, backend: Any = None) -> None:
        self.answers = {"key": key, "learn": learn, "backend": backend}

    def _answer(self, question: str) -> Any:
        answer = self.answers[question]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def key(self, datagram: bytes) -> Any:
        return self._answer("key")

    def learn(self, datagram: bytes) -> Any:
        return self._answer("learn")

    def backend(self, datagram: bytes) -> Any:
        return self._answer("backend")


@implementer(IFlowKey)
class Plain:
    """Only names what clients send."""

    def key(self, datagram: bytes) -> bytes:
        return datagram


@pytest.fixture
def house() -> House:
    """Backends to lead to."""
    return House()


def flow(house: House, client: tuple[str, int] = ALICE) -> Flow:
    """A flow that has a backend."""
    made = Flow(house.flows, client)
    made.pool, made.lease = house.pool, house.pool.pick(made.session)
    return made


def test_a_name_leads_to_its_flows_while_one_lives(house: House) -> None:
    """A name is known from its first flow to the end of its last, and all of them are in one place."""
    keys, home = FlowKeys(Plain(), [house.pool]), (house.pool, house.backends[1])
    first, second = flow(house), flow(house, BOB)
    keys.hold(first, home, b"k")
    keys.hold(first, home, b"k")
    keys.hold(second, home, b"k")
    keys.hold(second, (house.pool, house.backends[2]), b"k")
    keys.forget(first)
    assert (keys.home(b"k"), len(keys), list(keys)) == (home, 1, [b"k"])
    keys.forget(second)
    assert (keys.home(b"k"), len(keys)) == (None, 0)


def test_a_name_is_not_led_elsewhere(house: House) -> None:
    """While a name is known, a flow on another backend cannot take it over."""
    keys = FlowKeys(Plain(), [house.pool])
    mine, theirs = [(house.pool, backend) for backend in house.backends[:2]]
    first, thief = flow(house), flow(house, BOB)
    keys.hold(first, mine, b"k")
    keys.hold(thief, theirs, b"k")
    assert (keys.home(b"k"), thief.keys) == (mine, ())


def test_names_are_bounded(house: House) -> None:
    """Of one flow only so many names are kept, the first, and none that is empty or too long."""
    key = Answers(learn=[b"%d" % number for number in range(20)])
    keys, one = FlowKeys(key, [house.pool]), flow(house)
    for name in (b"", b"x" * (LONGEST + 1)):
        key.answers["key"] = name
        keys.hold(one, (house.pool, house.backends[0]), b"")
    assert len(keys) == 0
    keys.learn(one, b"")
    kept = [b"%d" % number for number in range(MOST_NAMES)]
    assert (list(keys), list(one.keys)) == (kept, kept)


@pytest.mark.parametrize("wrong", [None, "text", 7, [None], LookupError()])
def test_a_key_that_answers_nonsense_gives_no_name(house: House, wrong: Any) -> None:
    """Whatever a key answers or raises, datagrams are balanced as if it had said nothing, and failures are counted."""
    keys, one = FlowKeys(Answers(wrong, wrong, wrong), [house.pool]), flow(house)
    assert keys.home(b"") is None
    keys.hold(one, (house.pool, house.backends[0]), b"")
    keys.learn(one, b"")
    assert (len(keys), keys.faults.count) == (0, 4 if isinstance(wrong, LookupError) else 0)


def test_only_a_backend_that_is_up_is_asked_for_by_its_name(house: House) -> None:
    """A datagram that names its backend is sent there while that is up, draining or not; unknown names lead nowhere."""
    keys = FlowKeys(Answers(backend="b"), [house.pool])
    house.backends[1].become(draining=True)
    assert keys.home(b"") == (house.pool, house.backends[1])
    house.turn("b", up=False)
    assert keys.home(b"") is None
    assert FlowKeys(Answers(backend="x"), [house.pool]).home(b"") is None


def test_of_two_pools_the_first_has_the_name(house: House) -> None:
    """Where backends of two pools share a name, that of the earlier pool is meant."""
    other = House()
    assert FlowKeys(Answers(backend="a"), [other.pool, house.pool]).home(b"") == (other.pool, other.backends[0])


def test_what_comes_late_teaches_nothing(house: House) -> None:
    """A flow without a backend learns no name, and a key that does not learn is not asked."""
    keys = FlowKeys(Answers(learn=[b"x"]), [house.pool])
    keys.learn(Flow(house.flows, ALICE), b"")
    deaf = FlowKeys(Plain(), [house.pool])
    deaf.learn(flow(house), b"x")
    assert (len(keys), len(deaf), keys.learns, deaf.learns) == (0, 0, True, False)
