"""The values that a request gives to one name, in its cookies or in its query; refuses to judge them.

What is looked for is compiled once. A client may repeat a name: all its values count, up to `MOST`. Text that is no
UTF-8 does not raise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Final
from urllib.parse import unquote_plus

from balancer.core.messages import RequestHead

MOST: Final = 100
"""Values of one name that are looked at."""

Values = Callable[[RequestHead], Iterator[str]]
"""The values in order."""


def cookie_values(name: str) -> Values:
    """Those of a cookie of that name, case counting, as the client wrote them (RFC 6265 4.2)."""
    found = re.compile(rf"(?:^|;)[ \t]*+{re.escape(name)}[ \t]*+=[ \t]*+([^;]*+)")

    def values(request: RequestHead) -> Iterator[str]:
        matches = chain.from_iterable(map(found.finditer, request.get_all("cookie")))
        return (match[1].rstrip(" \t") for match in islice(matches, MOST))

    return values


def query_values(name: str) -> Values:
    """Those of a parameter of that name, decoded as those of a form are; one without a `=` has an empty value."""
    spelled = "".join(map(_spellings, name.encode("utf-8", "surrogatepass")))
    found = re.compile(rf"(?:^|&){spelled}(?:=([^&]*+))?+(?=&|\Z)")

    def values(request: RequestHead) -> Iterator[str]:
        return (unquote_plus(match[1] or "") for match in islice(found.finditer(request.query), MOST))

    return values


def _spellings(byte: int) -> str:
    """All ways in which a query may hold that byte of a name, so that names need not be decoded to be compared."""
    plain = chr(byte)
    if plain == " ":
        return r"(?:\+|%20)"
    if plain == "%":
        return "%(?:25|(?![0-9A-Fa-f]{2}))"  # one that escapes nothing stands for itself
    encoded = rf"(?i:%{byte:02x})"
    return encoded if plain in "&+=" or not plain.isascii() else rf"(?:{re.escape(plain)}|{encoded})"
