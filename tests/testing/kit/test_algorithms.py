"""The kit on algorithms: every faulty one is caught with its message, and no sound one is refused."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from balancer.plugins.algorithms import LeastConnections, RoundRobin
from balancer.testing import FakeBackend, conformance
from balancer.testing.kit.algorithms import finished
from tests.testing.faulty.answering import ANSWERING, NeverMade
from tests.testing.faulty.claiming import CLAIMING
from tests.testing.faulty.coming_again import COMING_AGAIN
from tests.testing.faulty.lasting import LASTING
from tests.testing.faulty.morals import MORALS
from tests.testing.faulty.sharing import SHARING
from tests.testing.kit.told import broken_by, story_of

TestLeast = conformance(LeastConnections, load_bound=1, weighted=True, profile="quick")


class OnlyWhatIsAsked:
    """No interface is declared; a name and a picker are all there is, in a file that cannot be imported by name."""

    name = "only"

    def picker(self, backends: Any, random: Random) -> Any:
        """See `IAlgorithm`."""
        return lambda _session: random.choice(backends)


TestOnlyWhatIsAsked = conformance(OnlyWhatIsAsked, profile="quick")


@pytest.mark.parametrize("faulty", [*ANSWERING, *CLAIMING, *LASTING, *SHARING, *COMING_AGAIN], ids=str)
def test_every_faulty_algorithm_is_caught(faulty: Any) -> None:
    """The promise that a faulty algorithm breaks is named, and what came instead."""
    assert tuple(broken_by(faulty).splitlines()) == MORALS[str(faulty)]


def test_a_story_is_told_step_by_step() -> None:
    """A counterexample is a list of numbered steps, then what was promised, then what came; and it is short."""
    story = story_of(CLAIMING[0].factory, "load_bound", load_bound=1)
    lines = story.splitlines()
    assert lines[:2] == ["a promise is broken", "  1. a pool of 3 backends, all up, of weight 1"]
    assert [line.split(".")[0].strip() for line in lines[1:-2]] == [str(n) for n in range(1, len(lines) - 2)]
    assert (lines[-2][:9], lines[-1][:5]) == ("promised:", "came:")
    assert len(lines) < 14


@pytest.mark.parametrize(
    ("attribute", "value", "told"),
    [
        ("name", 7, "its name is a text"),
        ("picker", None, "IAlgorithm"),
        ("picker", lambda _backends, _random: None, "which cannot be called"),
    ],
)
def test_shape_is_judged(attribute: str, value: Any, told: str) -> None:
    """What has no name, no picker, or makes what is none, is told so."""

    def make() -> Any:
        algorithm: Any = OnlyWhatIsAsked()
        setattr(algorithm, attribute, value)
        return algorithm

    made = conformance(make) if attribute != "picker" or value else None
    assert made is None or told in story_of(make, "shape")


def picking(**members: Any) -> Any:
    """An algorithm whose pickers have these members besides."""

    class Picker:
        def __init__(self, backends: Any) -> None:
            self.backends = backends
            vars(self).update(members)

        def __call__(self, _session: Any) -> Any:
            return self.backends[0]

    class Made:
        name = "made"

        def picker(self, backends: Any, random: Any) -> Any:
            return Picker(backends)

    return Made


async def never(_session: Any) -> None:
    """Answer nothing anybody waits for."""


@pytest.mark.parametrize(
    ("members", "level", "told"),
    [
        ({"released": lambda _backend: None}, "shape", "released of a picker is called with 2 arguments"),
        ({"explain": never}, "shape", "explain of a picker answers at once"),
        ({"explain": lambda _session: "b0"}, "safety", "explain() answers a list of (backend, score, note)"),
        ({"explain": lambda _session: [("b0", 1.0, 2)]}, "safety", "explain() answers a list"),
        ({"responded": max}, "shape", ""),
    ],
)
def test_optional_members_are_judged(members: Any, level: str, told: str) -> None:
    """What a picker has besides is called as the pool calls it, and must answer what the pool expects."""
    story = story_of(picking(**members), level)
    assert told in story
    assert bool(story) is bool(told)


def test_a_picker_made_in_slices() -> None:
    """A generator is run to its end."""
    backends = (FakeBackend("a"),)

    def slices() -> Any:
        yield
        return RoundRobin().picker(backends, Random(1))

    assert finished(slices())(None) is backends[0]


@pytest.mark.parametrize("level", ["safety", "load_bound", "affinity", "weights", "determinism", "memory", "budget"])
def test_a_picker_without_end_holds_nothing_up(level: str) -> None:
    """Every promise ends on a picker that is never made, and says why."""
    assert "there is no picker after 100000 slices" in story_of(
        NeverMade, level, load_bound=1, affinity=True, weighted=True
    )
