"""Names of protocols that are agreed on as TLS begins (ALPN), as users give them; refuses to know which are spoken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from balancer.config.mistakes import shown

_MOST: Final = 255
"""Bytes of a name (RFC 7301 3.1)."""


def wrong_protocols(given: Iterable[Any]) -> Iterator[str]:
    """What is wrong with those of a setting `alpn`, a line for each."""
    for name in given:
        if not isinstance(name, str) or not name.isascii() or not name.isprintable() or not 0 < len(name) <= _MOST:
            yield f"alpn: {shown(name)} is no protocol's name; give one such as 'http/1.1'"
