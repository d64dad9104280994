"""The listener of UDP, as a user writes it; refuses to bind or serve anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import attrs

from balancer.config.listeners import Listener
from balancer.config.mistakes import (
    choice,
    count,
    instance,
    seconds,
)
from balancer.config.pools import Pool
from balancer.config.routes import POOL
from balancer.interfaces import Kind


def _default_requests(listener: UDPListener) -> int | None:
    """What `per_packet` stands for."""
    return 1 if listener.per_packet is True else None


def _optional_count(field: str, value: Any, *, least: int = 1) -> Iterator[str]:
    return iter(()) if value is None else count(field, value, least=least)


@attrs.frozen(eq=False)
class UDPListener(Listener):
    """Relays datagrams. Raises `ConfigError`.

    A flow, which is one client's address and port, ends after `idle` seconds of silence. With `replies` it also ends
    when each of its datagrams has had so many, 0 being none, and when it ends by silence with some missing, its backend
    has failed. After `requests` datagrams the client's next one begins another flow, perhaps on another backend; until
    then no number of replies ends it. `per_packet=True` is `requests=1`. At most `max_flows` live at once, and of
    one source, an IPv4 address or the /64 of an IPv6 address, at most `max_flows_per_source`.
    """

    kind: ClassVar[Kind] = Kind.UDP

    pool: Pool = attrs.field(kw_only=True)
    idle: float = attrs.field(default=60.0, kw_only=True)
    max_flows: int = attrs.field(default=10000, kw_only=True)
    max_flows_per_source: int | None = attrs.field(default=None, kw_only=True)
    replies: int | None = attrs.field(default=None, kw_only=True)
    per_packet: bool = attrs.field(default=False, kw_only=True)
    requests: int | None = attrs.field(default=attrs.Factory(_default_requests, takes_self=True), kw_only=True)

    def _targets(self) -> list[Pool]:
        return [self.pool]

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        yield from instance("pool", self.pool, Pool, POOL)
        yield from seconds("idle", self.idle, like=60)
        yield from count("max_flows", self.max_flows)
        yield from _optional_count("replies", self.replies, least=0)
        yield from choice("per_packet", self.per_packet, (True, False))
        yield from _optional_count("requests", self.requests)
        if self.per_packet is True and self.requests != 1:
            yield "requests: cannot stand beside per_packet, which is requests=1; give one of them"
        yield from self._wrong_share()

    def _wrong_share(self) -> Iterator[str]:
        """The cap for one source means nothing above the cap for all."""
        cap, room = self.max_flows_per_source, self.max_flows
        wrong = list(_optional_count("max_flows_per_source", cap))
        yield from wrong
        if not wrong and cap is not None and isinstance(room, int) and cap > room:
            yield f"max_flows_per_source: {cap} would be ignored, for max_flows is {room}; give less, or leave it out"
