"""An algorithm: the least busy of a few that are drawn."""

from __future__ import annotations

import random as chance
from collections.abc import Sequence
from typing import ClassVar

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.errors import ConfigError
from balancer.interfaces import IAlgorithm, IAlgorithmPlugin, IBackend, ISession, Picker


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class LeastOf:
    """The least busy, for its weight, of `drawn` backends that are drawn by chance. Raises `ConfigError`.

    Settings are frozen: one object may serve many pools. What a picker remembers it keeps to itself.
    """

    drawn: int = 3

    name: ClassVar[str] = "least-of"

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.drawn, int) or self.drawn < 1:
            raise ConfigError([f"LeastOf: drawn: {self.drawn!r} is not a count; give a whole number from 1, such as 3"])

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker:
        """See `IAlgorithm`: chance comes from `random` alone, so that every run can be had again."""
        count = min(self.drawn, len(backends))

        def pick(_session: ISession) -> IBackend:
            return min(random.sample(backends, count), key=lambda backend: backend.active / backend.weight)

        return pick
