"""Pickers of parts: made at once where that takes no more than a slice; refuses to know what they choose by."""

from __future__ import annotations

import random as chance
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import attrs

from balancer.interfaces import IAlgorithm, IBackend, Kind, Picker
from balancer.interfaces.matching import ALL_KINDS
from balancer.plugins.settings import is_algorithm


class Composed:
    """An algorithm some of whose settings are algorithms: it goes by what they go by."""

    __slots__ = ()

    @property
    def signals(self) -> frozenset[str]:
        """See `IAlgorithm`."""
        return self._all("signals")

    @property
    def zones(self) -> frozenset[str]:
        """See `IAlgorithm`."""
        return self._all("zones")

    @property
    def kinds(self) -> frozenset[Kind]:
        """See `IAlgorithm`: those of which all settings can tell something."""
        return ALL_KINDS.intersection(*(getattr(part, "kinds", ALL_KINDS) for part in self._settings))

    def _all(self, names: str) -> frozenset[str]:
        """What any of its algorithms goes by."""
        return frozenset[str]().union(*(getattr(part, names, ()) for part in self._settings if is_algorithm(part)))

    @property
    def _settings(self) -> Iterator[Any]:
        made: Any = type(self)
        return (getattr(self, setting.name) for setting in attrs.fields(made))


Making = Generator[None, None, Picker]
"""Yields between slices of the work, and returns the picker."""


def at_once(making: Making) -> Picker | Making:
    """The picker if one slice makes it, else what is left of the work."""
    try:
        next(making)
    except StopIteration as finished:
        made: Picker = finished.value
        return made
    return making


def made(algorithm: IAlgorithm, backends: Sequence[IBackend], random: chance.Random) -> Making:
    """The picker of a part, in the slices it takes."""
    picker = algorithm.picker(backends, random)
    if isinstance(picker, Generator):
        picker = yield from picker
    return picker
