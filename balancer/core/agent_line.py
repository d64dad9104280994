"""The line by which a backend's agent says how it is to be treated: HAProxy's, and numbers for algorithms beside it.

Words stand in any order, between spaces, tabs and commas, in any case; what follows a `#` is the reason, for people.
Refuses to know how the line comes, and what follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import attrs

LONGEST: Final = 1024
"""Bytes of a line."""

_SIGNALS: Final = 32
"""Numbers on one line that are taken."""

_NUMBER: Final = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_SHARE: Final = re.compile(rf"(?:weight:)?({_NUMBER})%")
_WEIGHT: Final = re.compile(rf"weight:({_NUMBER})")
_LIMIT: Final = re.compile(r"maxconn:([0-9]{1,9})")
_SIGNAL: Final = re.compile(
    r"signal:([a-z0-9_.:/-]{1,64})=(-?[0-9]{1,18}(?:\.[0-9]{1,18})?(?:e[+-]?[0-9]{1,2})?)", re.IGNORECASE
)
_UP: Final[Mapping[str, bool]] = {"up": True, "down": False, "fail": False, "failed": False, "stopped": False}
_MODES: Final = ("ready", "drain", "maint")


@attrs.frozen
class AgentLine:
    """What one line says; what it does not speak of is None, and stays as it was.

    `share` scales the configured weight, `weight` stands in its place, of which a line has one at most: the later.
    `limit` is of sessions at once, 0 the configured one. `unknown` are the words that mean nothing here.
    """

    text: str = ""
    mode: str | None = None
    up: bool | None = None
    reason: str = ""
    share: float | None = None
    weight: float | None = None
    limit: int | None = None
    signals: Mapping[str, float] = attrs.field(factory=dict)
    unknown: tuple[str, ...] = ()


def agent_line(line: bytes) -> AgentLine:
    """What a line says, its end included or not; what a terminal would obey is a question mark."""
    text = " ".join(line[:LONGEST].decode("ascii", "replace").split())
    text = "".join(mark if mark.isprintable() else "?" for mark in text)
    words, _, reason = text.partition("#")
    said: dict[str, Any] = {}
    signals: dict[str, float] = {}
    unknown = []
    for word in re.split(r"[ ,]+", words.strip(" ,")):
        signal = _SIGNAL.fullmatch(word)
        meant = _meant(word.lower())
        if signal is not None and len(signals) < _SIGNALS:
            signals[signal[1]] = float(signal[2])
        elif meant is None:
            unknown += [word] if word else []
        else:
            said.update(meant)
    return AgentLine(text, reason=reason.strip(), signals=signals, unknown=tuple(unknown), **said)


def _meant(word: str) -> dict[str, Any] | None:
    """What one word says, in terms of the line."""
    if word in _MODES:
        return {"mode": word}
    if word in _UP:
        return {"up": _UP[word]}
    if share := _SHARE.fullmatch(word):
        return {"share": float(share[1]) / 100, "weight": None}
    if weight := _WEIGHT.fullmatch(word):
        return {"weight": float(weight[1]), "share": None}
    if limit := _LIMIT.fullmatch(word):
        return {"limit": int(limit[1])}
    return None


@attrs.frozen
class AgentState:
    """What an agent has said so far, of which only another line of its takes anything back."""

    mode: str = "ready"
    up: bool = True
    reason: str = ""
    share: float = 1.0
    weight: float | None = None
    limit: int | None = None

    def after(self, line: AgentLine) -> AgentState:
        """The same, once it has said that, too. A reason is that of the line which takes the backend out."""
        weighed = line.share is not None or line.weight is not None
        out = line.up is False or line.mode == "maint"
        return AgentState(
            mode=line.mode or self.mode,
            up=self.up if line.up is None else line.up,
            reason=line.reason if out else self.reason,
            share=(1.0 if line.share is None else line.share) if weighed else self.share,
            weight=line.weight if weighed else self.weight,
            limit=self.limit if line.limit is None else line.limit or None,
        )

    @property
    def objection(self) -> str:
        """Why it lets no session in, in its own words; empty while it does."""
        if self.up and self.mode != "maint":
            return ""
        word = "maint" if self.mode == "maint" else "down"
        return f"{word} ({self.reason})" if self.reason else word

    @property
    def drains(self) -> bool:
        """Whether what is alive may go on, and nothing new is to come."""
        return self.mode == "drain"
