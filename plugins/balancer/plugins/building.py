"""Pickers of parts: made at once where that takes no more than a slice; refuses to know what they choose by."""

from __future__ import annotations

import random as chance
from collections.abc import Generator, Sequence
from typing import Any

import attrs

from balancer.interfaces import IAlgorithm, IBackend, Picker
from balancer.plugins.settings import is_algorithm


class Composed:
    """An algorithm some of whose settings are algorithms: it goes by the signals that they go by."""

    __slots__ = ()

    @property
    def signals(self) -> frozenset[str]:
        """See `IAlgorithm`."""
        settings: Any = type(self)
        parts = (getattr(self, setting.name) for setting in attrs.fields(settings))
        return frozenset[str]().union(*(getattr(part, "signals", ()) for part in parts if is_algorithm(part)))


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
