"""What the corpus is written in: bytes, what is to come of them, and the section that says so."""

from __future__ import annotations

import attrs

from balancer.core.http1 import Limits
from balancer.core.messages import Fields

LIMITS = Limits(line=256, head=1024, fields=16, trailers=128, interim=4)
"""The bounds that the corpus is made for."""


@attrs.frozen
class Meaning:
    """A message that is accepted, in any reader's words: its start, its body, and its fields if they matter."""

    start: tuple[str | int, ...]
    body: bytes = b""
    fields: Fields | None = None
    trailers: Fields = ()


CUT = "cut"
"""The verdict over an answer whose head is fine, and what follows is not."""


@attrs.frozen
class Case:
    """Bytes from a peer, the verdict over them (a status, `CUT` or a meaning), and the section that asks for it.

    `ends` says that the peer then closes the connection.
    """

    data: bytes = attrs.field(repr=False)
    verdict: int | str | Meaning
    section: str
    ends: bool = False

    @property
    def title(self) -> str:
        """What a failing test calls it."""
        shown = repr(self.data)[2:-1]
        return shown if len(shown) <= 90 else f"{shown[:60]}...{len(self.data)}"


def lines(*given: str | bytes) -> bytes:
    """Lines of a head, and the empty one behind it."""
    return b"".join(
        line.encode("latin-1") + b"\r\n" if isinstance(line, str) else line + b"\r\n" for line in (*given, "")
    )


def asked(method: str = "GET", target: str = "/", authority: str = "a", body: bytes = b"", **more: Fields) -> Meaning:
    """A request that is accepted."""
    return Meaning((method, target, authority), body, **more)


def said(status: int = 200, body: bytes = b"", **more: Fields) -> Meaning:
    """An answer that is accepted."""
    return Meaning((status,), body, **more)
