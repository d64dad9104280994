"""What a client hears that speaks HTTP in the clear where TLS is spoken; refuses to know that it does."""

from __future__ import annotations

from typing import Final

from balancer.core.dates import Dates

_BODY: Final = b"400 Bad Request: this port speaks TLS; use https://\n"
_HEAD: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n"
    b"connection: close\r\ncontent-length: %d\r\n" % len(_BODY)
)


def plain_hint(dates: Dates | None = None) -> bytes:
    """A whole answer, for a request that nobody has read; dated if there is a clock (RFC 9110 6.6.1)."""
    date = b"" if dates is None else dates.now()
    return b"%s%s\r\n%s" % (_HEAD, date, _BODY)
