"""Tries a plugin on the promises of its kind, and tells a story where one is broken; knows no built-in plugin.

`claims` and `kinds` say what is tried, `stories` and `searching` how. The promises of algorithms are in `algorithms`,
`shares`, `keys`, `repeating` and `lasting`; those of other plugins in `matchers`, `filters`, `checks`, `well` and
`signal_sources`, and the budgets of these in `budgets`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final
from unittest import SkipTest

from balancer.errors import ConfigError
from balancer.testing.ending import EndlessPicker
from balancer.testing.kit import (
    algorithms,
    budgets,
    checks,
    filters,
    keys,
    lasting,
    matchers,
    repeating,
    shares,
    signal_sources,
    well,
)
from balancer.testing.kit.claims import Claims, Subject
from balancer.testing.kit.kinds import factory_of, kind_of
from balancer.testing.kit.replaying import called_from, elsewhere, note
from balancer.testing.kit.stories import Broken, in_words
from balancer.testing.kit.watching import MADE

__all__ = ["Broken", "conformance"]

Level = Callable[[Subject], None]


def conformance(
    factory: Callable[[], Any],
    *,
    load_bound: float | None = None,
    affinity: Any = None,
    movement: float | None = None,
    weighted: bool = False,
    seeded: bool = True,
    healthy: Any = None,
    profile: str = "default",
) -> type:
    """Make the tests that a plugin of its kind must pass; two lines in a test file are all it takes.

    `from balancer.testing import conformance`, and `TestMine = conformance(Mine)`.

    `factory` is a class, or anything else to be called without arguments. What is claimed of an algorithm is tried, and
    what is not claimed is not held against it:

    - `load_bound`: nobody is chosen whose active sessions, for its weight, are then so much above the least of those of
      the same weight. 1 is what least connections can claim; what does not look at loads should claim none.
    - `affinity`: the same key goes to the same backend. True is the client's address, a text the header of that name;
      else a function of the session that returns its key, or one that makes a session for a key, which is a text.
    - `movement`: the share of all keys that may move, though they need not, when a backend leaves or comes.
    - `weighted`: shares are those of the weights.
    - `seeded`: the same seed gives the same choices. False for what does not draw from the Random it is given.

    Of a health check, and of a signal source that asks, `healthy` is what a backend says that is well: bytes, which it
    says at once; a list of them, one for each time that it is asked something; or a function without arguments that
    makes its side of a connection, a Twisted protocol. Without it some usual answers are tried, and where the check
    passes on none of them, what needs a backend that is well is skipped.

    `profile` is "quick" (some two seconds), "default" or "thorough". Raises `ConfigError` for a mistake in these.
    """
    claims = Claims(
        load_bound=load_bound,
        affinity=affinity,
        movement=movement,
        weighted=weighted,
        seeded=seeded,
        healthy=healthy,
        profile=profile,
    )
    make = factory_of(factory)
    name = getattr(factory, "__name__", type(factory).__name__)
    kind = kind_of(make())
    if wrong := list(claims.beyond(kind)):
        raise ConfigError(wrong)
    call = called_from(sys._getframe(1))  # noqa: SLF001  there is no other way to know the file of a caller
    subject = Subject(make, name, claims, lambda: elsewhere(call))
    note(call, subject)
    tests = {f"test_{level}": _test(level, judge, subject) for level, judge in _LEVELS[kind](claims).items()}
    return type(f"Conformance of {name}", (), {"__doc__": f"What {name}, a {kind}, promises.", **tests})


def _of_algorithms(claims: Claims) -> dict[str, Level]:
    levels: dict[str, tuple[bool, Level]] = {
        "shape": (True, algorithms.shape),
        "safety": (True, algorithms.safety),
        "load_bound": (claims.load_bound is not None, shares.load_bound),
        "affinity": (claims.affinity not in (None, False), keys.affinity),
        "movement": (claims.movement is not None, keys.movement),
        "weights": (claims.weighted, shares.weights),
        "determinism": (claims.seeded, repeating.determinism),
        "hash_seeds": (claims.seeded, repeating.hash_seeds),
        "memory": (True, lasting.memory),
        "budget": (True, lasting.budget),
    }
    return {name: judge for name, (claimed, judge) in levels.items() if claimed}


_OF_MATCHERS: Final[Mapping[str, Level]] = {
    "hostile": matchers.hostile,
    "determinism": matchers.determinism,
    "untouched": matchers.untouched,
    "logic": matchers.logic,
    "hints": matchers.hints,
    "first_bytes": matchers.first_bytes,
    "memory": matchers.memory,
    "budget": budgets.matchers,
}

_OF_FILTERS: Final[Mapping[str, Level]] = {
    "heads": filters.heads,
    "fields": filters.fields,
    "untouched": filters.untouched,
    "cuts": filters.cuts,
    "bodies": filters.bodies,
    "buffer": filters.buffer,
    "memory": filters.memory,
    "budget": budgets.filters,
}

_OF_CHECKS: Final[Mapping[str, Level]] = {
    "shape": checks.shape,
    "cancelled": checks.cancelled,
    "refused": checks.refused,
    "garbage": checks.garbage,
    "splits": checks.splits,
    "evidence": checks.evidence,
    "blocking": checks.blocking,
    "flapping": well.flapping,
    "side_by_side": well.side_by_side,
    "budget": budgets.checks,
}

_OF_SIGNAL_SOURCES: Final[Mapping[str, Level]] = {
    "shape": signal_sources.shape,
    "heads": signal_sources.heads,
    "cancelled": signal_sources.cancelled,
    "refused": signal_sources.refused,
    "garbage": signal_sources.garbage,
    "splits": signal_sources.splits,
    "evidence": signal_sources.evidence,
    "blocking": signal_sources.blocking,
    "flapping": signal_sources.flapping,
    "side_by_side": signal_sources.side_by_side,
    "budget": budgets.sources,
}

_LEVELS: Final[Mapping[str, Callable[[Claims], Mapping[str, Level]]]] = {
    "algorithm": _of_algorithms,
    "matcher": lambda _claims: _OF_MATCHERS,
    "filter": lambda _claims: _OF_FILTERS,
    "health check": lambda _claims: _OF_CHECKS,
    "signal source": lambda _claims: _OF_SIGNAL_SOURCES,
}
"""The promises of each kind, those that are told soonest first."""


def _test(level: str, judge: Level, subject: Subject) -> Callable[[Any], None]:
    """One promise as a test method, with the promise as its docstring. Whatever a plugin raises there breaks it."""

    def test(_self: Any) -> None:
        try:
            judge(subject)
        except Broken as broken:
            raise Broken(str(broken), broken.steps) from None
        except EndlessPicker as endless:
            raise Broken(f"a promise is broken\npromised: {MADE}\ncame: {endless}") from None
        except SkipTest:
            raise
        except Exception as error:
            raise Broken(f"a promise is broken\npromised: {judge.__doc__}\ncame: {in_words(error)}") from error

    test.__name__ = test.__qualname__ = f"test_{level}"
    test.__doc__ = judge.__doc__
    return test
