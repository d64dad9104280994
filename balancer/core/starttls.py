"""How a client asks in the clear for the TLS that follows: the first messages of PostgreSQL.

Refuses to know what TLS is, and to let anybody go on without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

import attrs

from balancer.core.hello import HANDSHAKE
from balancer.errors import StartTLSRefused

_HEAD: Final = 8
"""Bytes of a message that tell what it is: its length and a number, four each (PostgreSQL, "Message Formats")."""
_LONGEST: Final = 10000
"""Bytes that PostgreSQL takes for the first message of a client."""
_TLS: Final = 80877103
_GSS: Final = 80877104
_CANCEL: Final = 80877102
_YES: Final = b"S"
_NO: Final = b"N"


@attrs.frozen
class Step:
    """What comes of the bytes fed: what to answer, and the first bytes of TLS, once that begins behind the answer."""

    answer: bytes = b""
    tls: bytes | None = None


class Opening(Protocol):
    """How one connection begins."""

    def feed(self, data: bytes) -> Step:
        """Take the bytes that have come. Raises `StartTLSRefused`. Not to be called once TLS begins."""


class PostgresOpening:
    """A client of PostgreSQL asks whether it may use TLS (SSLRequest), or begins with it.

    It may ask before whether it may use GSSAPI, which it may not. Whatever comes behind a question before it is
    answered may have been put there by somebody else, who wants it to pass for what came encrypted (CVE-2021-23222).
    """

    def __init__(self) -> None:
        self._held, self._asked = b"", False

    def feed(self, data: bytes) -> Step:
        """See `Opening`."""
        self._held += data
        if self._held.startswith(HANDSHAKE) and not self._asked:
            return Step(tls=self._held)
        if not self._held.startswith(b"\0\0"[: len(self._held)]):
            raise StartTLSRefused("its first bytes are no message of PostgreSQL")
        return self._answer() if len(self._held) >= _HEAD else Step()

    def _answer(self) -> Step:
        size, what = int.from_bytes(self._held[:4]), int.from_bytes(self._held[4:_HEAD])
        if what not in {_TLS, _GSS}:
            raise _in_the_clear(size, what)
        if size != _HEAD or len(self._held) > _HEAD:
            raise StartTLSRefused("it sent more than its question before it was answered, which may be an attack")
        if what == _TLS:
            return Step(_YES, tls=b"")
        if self._asked:
            raise StartTLSRefused("it asked for GSSAPI twice")
        self._held, self._asked = b"", True
        return Step(_NO)


def _in_the_clear(size: int, what: int) -> StartTLSRefused:
    """Why a client may not go on that does not ask; PostgreSQL's own are told so."""
    if not _HEAD <= size <= _LONGEST or (what >> 16 != 3 and what != _CANCEL):
        return StartTLSRefused("its first message is none of PostgreSQL's")
    asks = "cancel a query" if what == _CANCEL else "start a session"
    return StartTLSRefused(f"it wants to {asks} without TLS", answer=_NEEDED)


def _error(**fields: str) -> bytes:
    """An ErrorResponse: each field is a letter and a text; an empty one ends it."""
    told = b"".join(name.encode() + text.encode() + b"\0" for name, text in fields.items()) + b"\0"
    return b"E" + (4 + len(told)).to_bytes(4) + told


_NEEDED: Final = _error(
    S="FATAL", V="FATAL", C="28000", M="connections must use TLS", H="Connect with sslmode=require or verify-full."
)
"""What a client is told in the way it shows to its user: 28000 is invalid_authorization_specification."""

OPENINGS: Final[Mapping[str, Callable[[], Opening]]] = {"postgres": PostgresOpening}
"""By what a listener calls them."""
