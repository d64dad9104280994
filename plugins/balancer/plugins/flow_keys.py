"""What a flow's datagrams call it, so that a client whose address changes stays on its backend: QUIC's ids, tokens.

For `UDPListener(key=...)`. None of them changes, decrypts or answers anything, and none can be made to raise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.core.quic import LONGEST_ID, read_long_header, short_id
from balancer.errors import ConfigError
from balancer.interfaces import IFlowKey, IFlowKeyPlugin

_UNROUTABLE: Final = 7  # of the configuration's three bits (draft-ietf-quic-load-balancers-19, 3.1)
_LONGEST_SERVER_ID: Final = 15  # bytes (the same, 3.2)


def _frozen(given: Any) -> Any:
    return MappingProxyType(dict(given)) if isinstance(given, Mapping) else given


def _is_count(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


@provider(IPlugin, IFlowKeyPlugin)
@implementer(IFlowKey)
@attrs.frozen(eq=False)
class QUICConnectionID:
    r"""Keeps QUIC connections on their backend by their ids, which are `length` bytes long where a backend chose them.

    A backend's ids are learned from its packets with long headers, while a connection begins: such a connection
    survives that its client gets another address. A client that changes its address on purpose uses an id that was
    given to it in secret (RFC 9000 9.5). So that such connections stay where they are, too, let the backends write
    who they are into their ids (draft-ietf-quic-load-balancers-19, in plaintext), and say so by their names:
    `server_ids={"b1": b"\x01", "b2": b"\x02"}`. Raises `ConfigError` for what cannot be.
    """

    length: int = 8
    server_ids: Mapping[str, bytes] = attrs.field(factory=dict, converter=_frozen, repr=lambda ids: str(dict(ids)))
    _names: Mapping[bytes, str] = attrs.field(init=False, repr=False)
    _width: int = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        wrong = list(_wrong_ids(self.length, self.server_ids))
        if wrong:
            raise ConfigError(f"QUICConnectionID: {line}" for line in wrong)
        names = {written: name for name, written in self.server_ids.items()}
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_width", len(next(iter(names), b"")))

    @property
    def backends(self) -> tuple[str, ...]:
        """See `IFlowKey`."""
        return tuple(self.server_ids)

    def key(self, datagram: bytes) -> bytes | None:
        """See `IFlowKey`."""
        header = read_long_header(datagram)
        return short_id(datagram, self.length) if header is None else header.destination or None

    def learn(self, datagram: bytes) -> tuple[bytes, ...]:
        """See `IFlowKey`."""
        header = read_long_header(datagram)
        return (header.source,) if header is not None and header.source else ()

    def backend(self, datagram: bytes) -> str | None:
        """See `IFlowKey`. What a client made up itself names nobody."""
        header = read_long_header(datagram)
        if header is not None and header.begins:
            return None
        written = short_id(datagram, self.length) if header is None else header.destination
        if not self._width or not written or written[0] >> 5 == _UNROUTABLE:
            return None
        return self._names.get(written[1 : 1 + self._width])


def _wrong_ids(length: Any, server_ids: Any) -> Iterator[str]:
    if not _is_count(length, 1, LONGEST_ID):
        yield f"length: {length!r} is not a number of bytes from 1 to {LONGEST_ID}"
        return
    if not isinstance(server_ids, Mapping):
        yield f"server_ids: {server_ids!r} does not tell ids by names; write {{'b1': b'\\x01'}}"
        return
    most = min(length - 1, _LONGEST_SERVER_ID)
    for name, written in server_ids.items():
        if not isinstance(name, str):
            yield f"server_ids: {name!r} is not the name of a backend; write it in quotes"
        if not isinstance(written, bytes) or not 1 <= len(written) <= most:
            yield f"server_ids: {name!r}: {written!r} is not an id of 1 to {most} bytes, one less than `length` at most"
        elif list(server_ids.values()).count(written) > 1:
            yield f"server_ids: {name!r}: {written!r} is given twice; give each backend its own"
    if len({len(written) for written in server_ids.values() if isinstance(written, bytes)}) > 1:
        yield "server_ids: they are not of one length; fill the shorter ones up"


@provider(IPlugin, IFlowKeyPlugin)
@implementer(IFlowKey)
@attrs.frozen
class TokenKey:
    """Keeps datagrams with the same `length` bytes at `offset` together, such as the token of a call or a game.

    Shorter datagrams are told apart by their address alone. Raises `ConfigError` for what cannot be.
    """

    offset: int
    length: int

    def __attrs_post_init__(self) -> None:
        wrong = []
        if not _is_count(self.offset, 0, 65506):
            wrong.append(f"TokenKey: offset: {self.offset!r} is not a number of bytes; give 0 for the first byte")
        if not _is_count(self.length, 1, 255):
            wrong.append(f"TokenKey: length: {self.length!r} is not a number of bytes from 1 to 255")
        if wrong:
            raise ConfigError(wrong)

    def key(self, datagram: bytes) -> bytes | None:
        """See `IFlowKey`."""
        token = datagram[self.offset : self.offset + self.length]
        return token if len(token) == self.length else None
