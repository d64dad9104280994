"""The bodies of the balancer's own error answers: text, HTML or JSON, by what the client accepts (RFC 9110 12.5.1).

They say the status and the reason in a word, and never quote the request or an error's message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from balancer.core.messages import Fields
from balancer.core.phrases import PHRASES

KINDS: Final = ("text/plain", "text/html", "application/json")
"""What there is, the first of equals first."""

LONGEST: Final = 1000
"""Characters of Accept beyond which nobody reads on: the answer is text."""

RANGE: Final = re.compile(r"[\t ]*([a-z0-9.+*-]+/[a-z0-9.+*-]+)[\t ]*((?:;[^;]*)*)")
QUALITY: Final = re.compile(r";[\t ]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[\t ]*(?:;|\Z)")


def kind_for(accepts: Sequence[str]) -> str:
    """The kind of body for a client that sent these Accept fields: that of the highest quality.

    Of equals the one whose range is the most specific, then whose range stands first; text where nothing is acceptable
    or nothing was said (RFC 9110 15.5.7 allows for it).
    """
    said = ",".join(accepts).lower()
    if not accepts or len(said) > LONGEST:
        return KINDS[0]
    ranges = [_range(item) for item in said.split(",")]
    return max(KINDS, key=lambda kind: _rank(kind, ranges))


def _range(item: str) -> tuple[str, float]:
    """A media range and its quality; what is none matches nothing."""
    found = RANGE.fullmatch(item)
    if found is None:
        return "", 0.0
    quality = QUALITY.search(found[2])
    return found[1], 1.0 if quality is None else float(quality[1])


def _rank(kind: str, ranges: Sequence[tuple[str, float]]) -> tuple[float, int, int]:
    """How welcome a kind is: the quality of the most specific range that takes it in, how specific, and how early."""
    names = ("*/*", f"{kind.partition('/')[0]}/*", kind)
    for specific in (2, 1, 0):
        for place, (name, quality) in enumerate(ranges):
            if name == names[specific]:
                return (quality, specific, -place) if quality else (0.0, 0, 0)
    return 0.0, 0, 0


@lru_cache(maxsize=512)
def error_page(kind: str, status: int, reason: str) -> tuple[bytes, Fields]:
    """The body of an error answer and the fields that belong to it. Nobody is to store it (RFC 9111 5.2.2.5)."""
    phrase = PHRASES.get(status, "")
    if kind == "text/html":
        title = f"{status} {phrase}"
        text = f"<!DOCTYPE html>\n<html><title>{title}</title><h1>{title}</h1><p>{reason}</p></html>\n"
    elif kind == "application/json":
        text = json.dumps({"status": status, "error": phrase, "reason": reason}) + "\n"
    else:
        text = f"{status} {phrase}: {reason}\n"
    charset = "" if kind == "application/json" else "; charset=utf-8"
    return text.encode(), (("content-type", f"{kind}{charset}"), ("cache-control", "no-store"))
