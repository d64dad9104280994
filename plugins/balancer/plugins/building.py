"""Pickers of parts: made at once where that takes no more than a slice; refuses to know what they choose by."""

from __future__ import annotations

import random as chance
from collections.abc import Generator, Sequence

from balancer.interfaces import IAlgorithm, IBackend, Picker

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
