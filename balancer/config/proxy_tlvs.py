"""What a PROXY header may tell of a client beside its addresses, as a user writes it; refuses to make a header."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from balancer.config.mistakes import as_tuple, repeated, shown

Fact = Literal["authority", "alpn", "tls", "unique_id", "crc32c"]
ProxyTLV = Fact | Mapping[int, bytes]
"""The name of something that is known of a connection, or values of one's own by their types."""

FACTS_OF_TLS: Final[tuple[Fact, ...]] = ("authority", "alpn", "tls")
"""What is known where TLS ends."""
_FACTS: Final[tuple[Fact, ...]] = (*FACTS_OF_TLS, "unique_id", "crc32c")
_OWN: Final = range(0xE0, 0xF0)
"""The types that the specification leaves to its users (2.2.7)."""
_MOST: Final = 3072
"""Bytes of one's own in one header. With all else it then has 4096 at most, beyond which receivers may refuse it."""
_EXAMPLE: Final = "{0xE1: b'edge-1'}"


def proxy_tlvs(given: ProxyTLV | Iterable[ProxyTLV]) -> tuple[ProxyTLV, ...]:
    """The items of a list, none of which changes any more; one may stand without its list."""
    return tuple(dict(item) if isinstance(item, Mapping) else item for item in as_tuple(given))


def facts_of(items: Iterable[ProxyTLV]) -> tuple[Fact, ...]:
    """Those that are named."""
    return tuple(item for item in items if isinstance(item, str))


def own_of(items: Iterable[ProxyTLV]) -> tuple[tuple[int, bytes], ...]:
    """Those with a value of the user's own: type and value."""
    return tuple(pair for item in items if isinstance(item, Mapping) for pair in item.items())


def wrong_tlvs(items: Iterable[ProxyTLV]) -> Iterator[str]:
    """What is wrong with them, a line for each."""
    for item in items:
        if isinstance(item, Mapping):
            yield from _wrong_values(item)
        elif item not in _FACTS:
            yield f"proxy_tlvs: {shown(item)} is not a choice; give {', '.join(map(repr, _FACTS))} or {_EXAMPLE}"
    own = own_of(items)
    for what in repeated([*facts_of(items), *(f"0x{kind:X}" for kind, _ in own if isinstance(kind, int))]):
        yield f"proxy_tlvs: {what} stands there more than once; give each once"
    size = sum(3 + len(value) for _, value in own if isinstance(value, bytes))
    if size > _MOST:
        yield f"proxy_tlvs: types and values of your own take {size} bytes; give {_MOST} at most"


def _wrong_values(given: Mapping[Any, Any]) -> Iterator[str]:
    if not given:
        yield f"proxy_tlvs: {{}} would be ignored; give one such as {_EXAMPLE}, or leave it out"
    for kind, value in given.items():
        if not isinstance(kind, int) or kind not in _OWN:
            yield f"proxy_tlvs: {shown(kind)} is not a type of your own; give 0xE0 to 0xEF"
        elif not isinstance(value, bytes):
            yield f"proxy_tlvs: 0x{kind:X}: {shown(value)} is not bytes; give some such as b'edge-1'"
