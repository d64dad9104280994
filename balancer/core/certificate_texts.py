"""What a client's certificate says, as one line of visible ASCII, so that it fits into any field; judges none of it.

Text is escaped so that no two are written alike, and none of a list can pass for two.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Final

_TO_ESCAPE: Final = re.compile(r"\\(.)|[^ -~]", re.DOTALL)
_UNFIT: Final = re.compile(r"[^!-+\--~]")


def distinguished(name: str) -> str:
    r"""A distinguished name with a backslash and two digits for each byte of UTF-8 that is not plain (RFC 4514 2.4)."""
    return _TO_ESCAPE.sub(_hexadecimal, name)


def _hexadecimal(found: re.Match[str]) -> str:
    """An escape as it is, unless it is of a space, which at an end would be lost, or of what is not plain."""
    char = found[1] or found[0]
    if found[1] is not None and "!" <= char <= "~":
        return found[0]
    return "".join(f"\\{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


def listed(names: Iterable[str]) -> str:
    """Alternative names with commas between; what else looks like one, or is not plain, is percent-encoded."""
    return ", ".join(_UNFIT.sub(_percent, name) for name in names)


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))


def byte_sequence(value: bytes) -> str:
    """Bytes as an item of a structured field (RFC 8941 3.3.5)."""
    return f":{b64encode(value).decode()}:"
