"""What the author of a plugin claims, and how long the kit may take to disprove it; knows no plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from balancer.errors import ConfigError


@attrs.frozen
class Profile:
    """How hard a promise is tried: `examples` of stories, within so many CPU `seconds`; and how many `seeds`."""

    examples: int
    seconds: float
    seeds: int


PROFILES: Final = {
    "quick": Profile(examples=20, seconds=0.3, seeds=1),
    "default": Profile(examples=100, seconds=2.0, seeds=3),
    "thorough": Profile(examples=1500, seconds=20.0, seeds=10),
}


@attrs.frozen(kw_only=True)
class Claims:
    """See `conformance`. Raises `ConfigError` for what cannot be claimed."""

    load_bound: float | None = None
    affinity: Any = None
    movement: float | None = None
    weighted: bool = False
    seeded: bool = True
    healthy: Any = None
    profile: str = "default"

    def __attrs_post_init__(self) -> None:
        if wrong := [f"conformance: {line}" for line in self._mistakes()]:
            raise ConfigError(wrong)

    def _mistakes(self) -> Iterator[str]:
        if self.load_bound is not None and not _is_number(self.load_bound):
            yield f"load_bound: {self.load_bound!r} is not a number from 0 up; give 1 for least connections"
        if self.movement is not None and not (_is_number(self.movement) and self.movement < 1):
            yield f"movement: {self.movement!r} is not a share of all keys; give 0.02 for two in a hundred"
        if self.movement is not None and self.affinity in (None, False):
            yield f"movement: {self.movement!r} would be ignored, for no affinity is claimed; say what the key is"
        if not (self.affinity in (None, False, True) or isinstance(self.affinity, str) or callable(self.affinity)):
            yield f"affinity: {self.affinity!r} is no key; give a function of the session that returns it"
        if self.healthy is not None and not _is_script(self.healthy):
            remedy = "give bytes, a list of them, or a function that makes a Twisted protocol"
            yield f"healthy: {self.healthy!r} is nothing that a backend says; {remedy}"
        if self.profile not in PROFILES:
            yield f"profile: {self.profile!r} is not known; give one of {', '.join(PROFILES)}"

    @property
    def effort(self) -> Profile:
        """The profile that is meant."""
        return PROFILES[self.profile]

    def beyond(self, kind: str) -> Iterator[str]:
        """What is claimed that cannot be claimed of this kind."""
        asks = kind in ("health check", "signal source")
        for field in attrs.fields(Claims):
            fits = (field.name == "healthy") is asks and (asks or kind == "algorithm")
            if field.name != "profile" and not fits and getattr(self, field.name) != field.default:
                yield f"conformance: {field.name}: would be ignored, for this is {_a(kind)}; leave it out"


@attrs.frozen
class Subject:
    """What is tried: how to make one, what it calls itself, and what is claimed of it.

    `replayed` tells its choices in another process, or None where that cannot be done.
    """

    make: Callable[[], Any]
    name: str
    claims: Claims
    replayed: Callable[[], str | None] = lambda: None

    @property
    def effort(self) -> Profile:
        """How hard to try."""
        return self.claims.effort


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_script(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(piece, bytes) for piece in value)
    return isinstance(value, bytes) or callable(value)


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
