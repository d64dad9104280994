"""How a backend that comes back gets its share of the sessions, as a user writes it; refuses to know the time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from balancer.config.mistakes import Noun, is_number, part, positive, seconds


@attrs.frozen
class SlowStart(Noun):
    """A backend that comes back has less than its share of the sessions, which grows to all of it in `window` seconds.

    After t seconds it is `(t / window) ** (1 / aggression)`, and never less than `least`: Envoy's curve, which is a
    straight line with an `aggression` of 1, and grows sooner above that. Raises `ConfigError`.
    """

    window: float
    aggression: float = attrs.field(default=1.0, kw_only=True)
    least: float = attrs.field(default=0.1, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        yield from seconds("window", self.window, like=30, least=1.0)
        yield from positive("aggression", self.aggression, like=1)
        yield from part("least", self.least, like=0.1)


def given_slow_start(given: Any) -> Any:
    """A number of seconds stands for a `SlowStart` with all its defaults."""
    return SlowStart(given) if is_number(given) else given
