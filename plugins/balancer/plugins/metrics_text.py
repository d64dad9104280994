"""Numbers out of the text in which programs expose their metrics to Prometheus; refuses to know where that came from.

The text may be anything: it is searched for the few metrics that are wanted, by expressions that never go back, and
what is no sample of them is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from math import isfinite
from typing import Final

import attrs

MOST_SERIES: Final = 10_000
"""Samples of one metric that are looked at."""

MOST_LABELS: Final = 1 << 18
"""Characters of their labels that are, so that nobody's metrics hold up the loop."""

_NAME: Final = r"[A-Za-z_:][A-Za-z0-9_:]*+"
_LABEL: Final = r'([A-Za-z_][A-Za-z0-9_]*+)[ \t]*+=[ \t]*+"((?:[^"\\\n]|\\.)*+)"'
_LABELS: Final = rf"\{{[ \t]*+(?:{_LABEL}[ \t]*+,?[ \t]*+)*+\}}"
_VALUE: Final = r"[-+]?+(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][-+]?+[0-9]++)?+"
_ASKED: Final = re.compile(rf"(?:(sum|max|min|avg)\()?+({_NAME})({_LABELS})?+(\))?+")
_EACH_LABEL: Final = re.compile(_LABEL)
_ESCAPES: Final = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


def _average(values: list[float]) -> float:
    return sum(values) / len(values)


_JOINED: Final[Mapping[str, Callable[[list[float]], float]]] = {"sum": sum, "max": max, "min": min, "avg": _average}


@attrs.frozen
class Metric:
    """Which number is wanted: of the samples of a metric that have these labels, `joined` into one."""

    name: str
    labels: frozenset[tuple[str, str]]
    joined: str
    _samples: re.Pattern[str] = attrs.field(init=False, repr=False, eq=False)

    @_samples.default
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(
            rf"^{self.name}(?P<labels>{_LABELS})?+[ \t]++(?P<value>{_VALUE})(?=[ \t\r\n]|\Z)", re.MULTILINE
        )

    def read(self, text: str) -> float | None:
        """The number in that text, if there is a sample."""
        values = list(self._values(text))
        number = _JOINED[self.joined](values) if values else None
        return number if number is not None and isfinite(number) else None

    def _values(self, text: str) -> Iterator[float]:
        room = MOST_LABELS
        for match in islice(self._samples.finditer(text), MOST_SERIES):
            if self.labels:
                labels = match["labels"] or ""
                room -= len(labels)
                if room < 0:
                    return
                if not self.labels <= _labels(labels):
                    continue
            yield float(match["value"])


def metric(asked: str) -> Metric:
    """What `name`, `name{label="value"}` or `max(name)` asks for; without sum, max, min or avg it is the sum.

    Raises `ValueError`.
    """
    match = _ASKED.fullmatch(asked)
    if match is None or (match[1] is None) is not (match[6] is None):
        raise ValueError(f"{asked!r} is no metric; write 'name', 'name{{label=\"value\"}}' or 'max(name)'")
    return Metric(match[2], _labels(match[3] or ""), match[1] or "sum")


def read_all(text: str, metrics: Iterable[tuple[str, Metric]]) -> dict[str, float]:
    """The numbers of all that are there, by the names that are given."""
    found = ((name, one.read(text)) for name, one in metrics)
    return {name: number for name, number in found if number is not None}


def _labels(text: str) -> frozenset[tuple[str, str]]:
    return frozenset((name, _unescaped(value)) for name, value in _EACH_LABEL.findall(text))


def _unescaped(value: str) -> str:
    return re.sub(r"\\.", lambda match: _ESCAPES.get(match[0], match[0]), value) if "\\" in value else value
