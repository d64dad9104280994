"""Requests and responses in no particular version of HTTP; refuses to know how either looks on the wire.

Heads are text (latin-1, so that every byte survives the round trip), bodies are bytes. Field names are in lower case
always, as HTTP/2 demands and HTTP/1.1 permits. Heads are shared between parts and must not be changed: the `with_` and
`without` methods return copies, and refuse what could not be put on a wire (RFC 9110 5.1, 5.5). Fields and targets may
hold secrets, so neither the `repr` of a head nor an error quotes them.
"""

from __future__ import annotations

import re
from typing import Final, Self

import attrs

Fields = tuple[tuple[str, str], ...]
"""Header or trailer fields in the order received: (name in lower case, value without outer whitespace)."""

WORD: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
"""What RFC 9110 5.6.2 calls a token: names, methods and many values are one."""
NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]++")
VALUE: Final = re.compile(r"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")


def checked_field(name: str, value: str) -> tuple[str, str]:
    """Return the field with its name in lower case; raise `ValueError` when it is not one (RFC 9110 5.1, 5.5)."""
    lowered = name.lower()
    if not NAME.fullmatch(lowered):
        raise ValueError("field name is not a token; use letters, digits and hyphens")
    if not VALUE.fullmatch(value):
        raise ValueError(f"field {lowered!r}: its value holds a control, a wide character or outer whitespace")
    return lowered, value


Upward = tuple[Fields, str, bool]
"""What of a field section travels on, the same as lines, and whether a number of the request is among it."""


@attrs.define(eq=False, repr=False)
class Block:
    """A field section as it was read, kept since the next is often the same; and, in `upward`, how it travels on."""

    fields: Fields
    authority: str
    length: int | None
    expects_continue: bool = attrs.field(kw_only=True)
    persistent: bool = attrs.field(kw_only=True)
    upgrade: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    upward: Upward | None = attrs.field(default=None, init=False)


@attrs.define
class Head:
    """What requests and responses share.

    `fields` are (name in lower case, value), in order; `length` is the bytes of the body that follows: 0 when none
    does, None when only its end will tell. `version` is that of HTTP, as it came.
    """

    fields: Fields = attrs.field(default=(), kw_only=True, repr=False)
    version: str = attrs.field(default="1.1", kw_only=True)
    length: int | None = attrs.field(default=0, kw_only=True)

    def get(self, name: str) -> str | None:
        """The value of the first field of that name (lower case), or None."""
        for key, value in self.fields:
            if key == name:
                return value
        return None

    def get_all(self, name: str) -> list[str]:
        """The values of all fields of that name (lower case), in order."""
        return [value for key, value in self.fields if key == name]

    def without(self, *names: str) -> Self:
        """A copy without the fields of those names (lower case)."""
        return attrs.evolve(self, fields=tuple(field for field in self.fields if field[0] not in names))

    def with_field(self, name: str, value: str) -> Self:
        """A copy with one field of that name, and no other of that name; raises `ValueError` for a bad one."""
        field = checked_field(name, value)
        kept = tuple(other for other in self.fields if other[0] != field[0])
        return attrs.evolve(self, fields=(*kept, field))

    def with_added(self, name: str, value: str) -> Self:
        """A copy with one more field; raises `ValueError` for a bad one."""
        return attrs.evolve(self, fields=(*self.fields, checked_field(name, value)))


@attrs.define
class RequestHead(Head):
    """A request as far as its header section.

    `target` is the path with the query, or `*`; `authority` is the host with the port, as the client wrote it, and
    stands for the Host field, which is not among `fields`. `expects_continue`: the client waits for a 100. `upgrade`
    names the protocols that it asks to change the connection to, as it wrote them (RFC 9110 7.8).
    """

    method: str
    target: str
    authority: str = ""
    scheme: str = "http"
    expects_continue: bool = attrs.field(default=False, kw_only=True)
    upgrade: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    block: Block | None = attrs.field(default=None, init=False, eq=False, repr=False)
    """The section that `fields` were read from; a changed copy has none."""
    lines: str | None = attrs.field(default=None, init=False, eq=False, repr=False)
    """`fields` as they are to be sent, where that is known; a changed copy has none."""

    def __repr__(self) -> str:
        return f"RequestHead(method={self.method!r}, authority={self.authority!r})"

    @property
    def host(self) -> str:
        """The authority in lower case, without port, trailing dot or the brackets of an IPv6 address."""
        host = self.authority.lower()
        if host.startswith("["):
            return host[1 : host.find("]")]
        return host.partition(":")[0].removesuffix(".")

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the first question mark of the target, or an empty string."""
        return self.target.partition("?")[2]


@attrs.define
class ResponseHead(Head):
    """A response as far as its header section.

    A `status` below 200 is interim, save 101, after which the connection changes (RFC 9110 15.2).
    """

    status: int
    phrase: str = ""
    downward: ResponseHead | None = attrs.field(default=None, init=False, eq=False, repr=False)
    """This head as a client may see it, once that is known; a changed copy has none."""
    wire: bytes | None = attrs.field(default=None, init=False, eq=False, repr=False)
    """This head as it is sent on a connection that stays, once that is known; a changed copy has none."""
    last_wire: bytes | None = attrs.field(default=None, init=False, eq=False, repr=False)
    """The same on one that closes then."""
    dated: bool | None = attrs.field(default=None, init=False, eq=False, repr=False)
    """Whether it has a Date, once that is known; a changed copy does not know."""

    @property
    def interim(self) -> bool:
        """Whether another head for the same request follows."""
        return self.status < 200 and self.status != 101

    def copy(self) -> ResponseHead:
        """One that nobody shares, for those whose code may change what it is given."""
        return ResponseHead(self.status, self.phrase, fields=self.fields, version=self.version, length=self.length)


@attrs.frozen
class End:
    """The body is complete; `trailers` came behind it."""

    trailers: Fields = ()


END: Final = End()
"""The usual end: no trailers."""

Message = RequestHead | ResponseHead | bytes | End
"""What codecs speak: a head, then body bytes in pieces of any size, then an end."""
