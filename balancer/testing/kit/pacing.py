"""The promise of time of what reads strangers' text: a longer one takes longer, and never many times as long.

Texts grow from a few characters to 8 KiB, and of any that seems slow the best of several tries counts, in CPU time: a
busy machine makes nobody slow. Refuses to know what a plugin does with a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import product
from time import thread_time
from typing import Any, Final

import attrs

from balancer.testing.kit.constants import mentioned
from balancer.testing.kit.stories import Story

PROMISED: Final = "twice as much of what a stranger sends takes about twice as long, and a little of it no time"
SHORT: Final = (8, 12, 16, 20, 24, 28, 40, 64, 128)
"""Characters of what takes twice as long with each of them, or with a few."""
LONG: Final = (128, 256, 512, 1024, 2048, 4096, 8192)
"""Characters of what takes four times as long with twice as many."""
SLOW: Final = 0.005
"""CPU seconds from which on it matters how time grows."""
STALL: Final = 0.1
"""CPU seconds that are too many for any of these."""
GROWTH: Final = 2.6
"""How often as long the next length may take, which is at most twice as much."""
TRIES: Final = 3

PUMPS: Final = (
    *("a", "0", "A", " ", "\t", "/", "-", ".", "=", ",", ";", "_", "%", "+", "&", ":", '"', "(", "<", "[", "{"),
    *("a ", "a-", "a.", "a/", "a=", "a,", "a;", "a&", "a_", "a1", "/a", "//", "a=1; ", "a=1&", "../", "%20", '\\"'),
)
"""What is repeated, the most telling first."""
ENDS: Final = ("!", "")
"""What comes last: what makes a pattern go back and try again, or nothing."""
MOST_KNOWN: Final = 12
"""How many pieces are taken of what a plugin mentions."""


@attrs.frozen
class Text:
    """One piece over and over, between a beginning and an end."""

    begin: str
    pump: str
    end: str

    def of(self, length: int) -> str:
        """It, as long as that at least, and at most by a piece longer."""
        return f"{self.begin}{self.pump * -(-length // len(self.pump))}{self.end}"

    def __str__(self) -> str:
        before, after = (
            f" {word} {text!r}" if text else "" for word, text in (("after", self.begin), ("before", self.end))
        )
        return f"{self.pump!r} over and over{before}{after}"


def texts(plugin: Any, begins: Sequence[str] = ("",)) -> list[Text]:
    """The texts that it is tried on: those that begin so, and then those that begin with what it mentions."""
    known = list(_pieces(plugin))[:MOST_KNOWN]
    pumps = (*PUMPS[:4], *known, *PUMPS[4:])
    ways = [(group, pump, end) for group in (begins, known) for end, pump in product(ENDS, pumps)]
    return [Text(begin, pump, end) for group, pump, end in ways for begin in group]


def _pieces(plugin: Any) -> Iterable[str]:
    """What is to be taken literally of all that it mentions, be it a pattern."""
    words = [word.decode("latin-1") for word in mentioned(plugin)]
    pieces = [piece for word in words for piece in (word, *re.split(r"\\.|\[.*?\]|[\^$|?*+(){}.]+", word))]
    return dict.fromkeys(piece for piece in pieces if piece and piece.isprintable())


def climb(what: str, text: Text, lengths: Sequence[int], prepared: Callable[[str], Callable[[], object]]) -> None:
    """Have it read the text in one length after the other; `prepared` makes ready to read one once. Raises `Broken`."""
    times = dict[int, float]()
    for before, length in zip((lengths[0], *lengths), lengths, strict=False):
        times[length] = _least(partial(prepared, text.of(length)))
        if _is_too_slow(times[before], times[length]):  # it is looked at once more: a busy machine may have been slow
            times[before] = max(times[before], _least(partial(prepared, text.of(before))))
            times[length] = min(times[length], _least(partial(prepared, text.of(length))))
        if _is_too_slow(times[before], times[length]):
            story, last = Story(), list(times.items())[-4:]
            story.tell(f"{what} is {text}")
            story.tell("; ".join(f"{size} characters of it take {taken * 1000:.2f} ms" for size, taken in last))
            story.broken(PROMISED, f"{length} characters take {times[length] * 1000:.0f} ms")


def _is_too_slow(before: float, taken: float) -> bool:
    """Whether that is, by itself or next to the length before."""
    return taken > STALL or taken > max(SLOW, GROWTH * before)


def _least(ready: Callable[[], Callable[[], object]]) -> float:
    """CPU seconds; of what seems slow those of the best try."""
    taken = _seconds(ready())
    return taken if taken < SLOW else min(taken, *(_seconds(ready()) for _ in range(TRIES - 1)))


def _seconds(once: Callable[[], object]) -> float:
    """CPU seconds; whether it fails is another promise."""
    began = thread_time()
    with suppress(Exception):
        once()
    return thread_time() - began
