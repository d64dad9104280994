"""Load that a backend reports in a header of its answers, as ORCA has it; refuses to know what is done with it.

The header is `endpoint-load-metrics`, and its value `TEXT cpu_utilization=0.3, named_metrics.kv=0.5`, or the same as
`JSON {"cpu_utilization": 0.3, "named_metrics": {"kv": 0.5}}` (the Open Request Cost Aggregation of Envoy and gRPC).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

HEADER: Final = "endpoint-load-metrics"
LONGEST: Final = 8192
"""Characters of a report that are read; a longer one is none."""

_LARGEST: Final = 1e300
_NAME: Final = re.compile(r"[A-Za-z_][\w.\-]*+")
_NUMBER: Final = re.compile(r"[-+]?+(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][-+]?+[0-9]++)?+")


def load_report(value: str) -> dict[str, float]:
    """The numbers in the header's value, by name, with dots between the names of what is within one another.

    Raises `ValueError` for what is no report.
    """
    form, _, said = value.strip(" \t").partition(" ")
    if len(value) > LONGEST or form not in ("TEXT", "JSON"):
        raise ValueError(
            f"{len(value)} characters that begin with {form[:16]!r} are no report; TEXT or JSON begins one"
        )
    return _from_json(said) if form == "JSON" else dict(_pairs(said))


def _pairs(said: str) -> Iterator[tuple[str, float]]:
    for part in said.split(","):
        name, _, number = (piece.strip(" \t") for piece in part.partition("="))
        if not _NAME.fullmatch(name) or not _NUMBER.fullmatch(number):
            raise ValueError("a report in TEXT is no row of name=number")
        if abs(float(number)) < _LARGEST:
            yield name, float(number)


def _from_json(said: str) -> dict[str, float]:
    try:
        found = json.loads(said)
    except RecursionError:
        found = None
    return dict(_numbers(found, "")) if isinstance(found, dict) else {}


def _numbers(found: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    """Those in the object, and in the objects in it."""
    for name, value in found.items():
        if isinstance(value, dict) and not prefix:
            yield from _numbers(value, f"{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST:
            yield prefix + name, float(value)
