"""What goes wrong with backends, and when, as a user writes it; does nothing to any."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Self

import attrs

from balancer.config.mistakes import Noun, choice, is_number, positive, seconds, shown, word
from balancer.errors import ConfigError

KINDS: Final = ("slow", "failing", "down", "hung", "back")
SLOWER: Final = 10.0
"""How many times as long a slow backend takes, unless it is said."""

_NUMBER: Final = r"(\d+(?:\.\d+)?)"
_WRITTEN: Final = re.compile(rf"(\S+) (\w+)(?: {_NUMBER})?(?: at {_NUMBER})?(?: for {_NUMBER})?( seen)?")


@attrs.frozen
class Fault(Noun):
    """What befalls one backend, from the second `at` on, for `lasts` seconds or, with None, to the end.

    `what` is "slow" (it takes `by` times as long), "failing" (it answers each request with an error at once), "down"
    (it breaks its connections, and takes none), "hung" (it takes connections and requests, and answers nothing) or
    "back" (it is well again). While it is failing health checks notice that only if it is `seen`: what they ask for may
    be well. Raises `ConfigError`.
    """

    backend: str
    what: str
    by: float = attrs.field(default=SLOWER, kw_only=True)
    at: float = attrs.field(default=0.0, kw_only=True)
    lasts: float | None = attrs.field(default=None, kw_only=True)
    seen: bool = attrs.field(default=False, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        yield from word("backend", self.backend)
        yield from choice("what", self.what, KINDS)
        yield from positive("by", self.by, like=SLOWER)
        yield from _wrong_start(self.at)
        if self.lasts is not None:
            yield from seconds("lasts", self.lasts, like=20)
            if self.what == "back":
                yield "lasts: would be ignored, for what is back stays so; leave it out"
        if self.by != SLOWER and self.what != "slow":
            yield "by: would be ignored, for it says how slow a backend is; leave it out"
        yield from choice("seen", self.seen, (True, False))
        if self.seen is True and self.what != "failing":
            yield "seen: would be ignored, for health checks see what else may be wrong; leave it out"

    @classmethod
    def parse(cls, text: str) -> Self:
        """From a line such as 'b2 slow 10 at 30 for 20' or 'b1 failing seen'. Raises `ConfigError`."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ConfigError([f"fault: {shown(text)} cannot be read; write it as 'b2 slow 10 at 30 for 20'"])
        backend, what, *numbers, seen = found.groups()
        given = {name: float(each) for name, each in zip(("by", "at", "lasts"), numbers, strict=True) if each}
        told: dict[str, Any] = {**given, "seen": True} if seen else given
        return cls(backend, what, **told)


def _wrong_start(at: Any) -> Iterator[str]:
    if not is_number(at) or at < 0:
        yield f"at: {shown(at)} is not a number of seconds from 0 up; give 0 for the start"
