"""The protocols that a route lets connections change to, as a user names them; refuses to speak any."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from balancer.config.mistakes import as_tuple, repeated, shown, sound

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")
_HTTP: Final = frozenset({"h2", "h2c", "h3", "http"})


def upgrades(given: str | Iterable[str]) -> tuple[str, ...]:
    """The names as a tuple."""
    return as_tuple(given)


def wrong_upgrades(names: tuple[Any, ...]) -> Iterator[str]:
    """Expect names of protocols other than HTTP, in lower case and each once (RFC 9110 7.8)."""
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            yield f"upgrades: {shown(name)} is not the name of a protocol in lower case; give one such as 'websocket'"
        elif name in _HTTP:
            yield f"upgrades: {name!r} is HTTP itself, and would go past the routes; leave it out"
    for name in repeated(sound(names, str)):
        yield f"upgrades: {name!r} is there twice; give it once"
