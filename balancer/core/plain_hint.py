"""What a client hears that speaks HTTP in the clear where TLS is spoken; refuses to know that it does."""

from __future__ import annotations

import re
from typing import Final

from balancer.core.dates import Dates

_METHOD: Final = re.compile(rb"[A-Z]{1,32}(?: |\Z)")
_BODY: Final = b"400 Bad Request: this port speaks TLS; use https://\n"
_HEAD: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n"
    b"connection: close\r\ncontent-length: %d\r\n" % len(_BODY)
)


def plain_hint(data: bytes, dates: Dates | None = None) -> bytes:
    """A whole answer to what begins so, if that may be a request; dated if there is a clock (RFC 9110 6.6.1)."""
    if not _METHOD.match(data):
        return b""
    date = b"" if dates is None else dates.now()
    return b"%s%s\r\n%s" % (_HEAD, date, _BODY)
