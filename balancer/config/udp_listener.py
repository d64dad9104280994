"""The listener of UDP, as a user writes it; refuses to bind or serve anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import attrs

from balancer.config.backends import Backend
from balancer.config.mistakes import (
    as_tuple,
    choice,
    count,
    provides,
    seconds,
    shown,
    sound,
)
from balancer.config.routed import Routed
from balancer.config.routes import Route
from balancer.interfaces import IFlowKey, Kind


def _default_requests(listener: UDPListener) -> int | None:
    """What `per_packet` stands for."""
    return 1 if listener.per_packet is True else None


def _optional_count(field: str, value: Any, *, least: int = 1) -> Iterator[str]:
    return iter(()) if value is None else count(field, value, least=least)


@attrs.frozen(eq=False)
class UDPListener(Routed):
    """Relays datagrams. Raises `ConfigError`.

    Give `routes`, or `pool` in place of a single route without a matcher; `routes` is always filled. A flow's first
    datagram, which matchers see whole as `session.peek`, chooses its route; one that no route takes is dropped.

    A flow, which is one client's address and port, ends after `idle` seconds of silence. With `replies` it also ends
    when each of its datagrams has had so many, 0 being none, and when it ends by silence with some missing, its backend
    has failed. After `requests` datagrams the client's next one begins another flow, perhaps on another backend; until
    then no number of replies ends it. `per_packet=True` is `requests=1`. At most `max_flows` live at once: a new one
    takes the room of the one that has been silent longest. Of one source, an IPv4 address or the /64 of an IPv6
    address, there are at most `max_flows_per_source`; what would be more is dropped.

    With a `key`, such as `QUICConnectionID()`, a client whose address has changed stays on its backend, by a flow of
    its own. With `send_proxy="v2"` each datagram to a backend opens with a PROXY header; one that has no room left for
    that is dropped.

    With `reuse_port` other processes that ask for the same may bind the port as well: each client is one's.
    """

    kind: ClassVar[Kind] = Kind.UDP
    session: ClassVar[str] = "flow"
    matcher_like: ClassVar[str] = "DNSName('*.a.example')"

    idle: float = attrs.field(default=60.0, kw_only=True)
    max_flows: int = attrs.field(default=10000, kw_only=True)
    max_flows_per_source: int | None = attrs.field(default=None, kw_only=True)
    replies: int | None = attrs.field(default=None, kw_only=True)
    per_packet: bool = attrs.field(default=False, kw_only=True)
    requests: int | None = attrs.field(default=attrs.Factory(_default_requests, takes_self=True), kw_only=True)
    key: IFlowKey | None = attrs.field(default=None, kw_only=True)
    send_proxy: Literal["v2"] | None = attrs.field(default=None, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        yield from seconds("idle", self.idle, like=60)
        yield from count("max_flows", self.max_flows)
        yield from _optional_count("replies", self.replies, least=0)
        yield from choice("per_packet", self.per_packet, (True, False))
        yield from _optional_count("requests", self.requests)
        if self.per_packet is True and self.requests != 1:
            yield "requests: cannot stand beside per_packet, which is requests=1; give one of them"
        yield from self._wrong_share()
        if self.send_proxy is not None:
            yield from choice("send_proxy", self.send_proxy, ("v2",))
        if self.key is not None:
            yield from provides("key", self.key, IFlowKey, "give one such as QUICConnectionID()")
            yield from self._clashes_with_key()

    def _clashes_with_key(self) -> Iterator[str]:
        """What a key would take the meaning from, and names that it cannot mean."""
        if self.requests is not None:
            setting = "per_packet" if self.per_packet is True else "requests"
            yield f"{setting}: would be ignored, for `key` keeps datagrams together; give one of them"
        known = {one.name for pool in self.pools for one in sound(pool.backends, Backend)}
        for name in as_tuple(getattr(self.key, "backends", ())):
            if name not in known:
                yield f"key: {shown(self.key)}: no pool has a backend named {name!r}; write Backend(..., name={name!r})"

    def _misused(self, route: Route) -> Iterator[str]:
        yield from super()._misused(route)
        if route.filters:
            yield "filters: would be ignored, for they change requests, of which UDP has none; leave them out"
        if route.max_body is not None:
            yield "max_body: would be ignored, for it bounds requests, of which UDP has none; leave it out"
        if route.upgrades != attrs.fields(Route).upgrades.default:
            yield "upgrades: would be ignored, for they are of HTTP connections; leave them out"

    def _wrong_share(self) -> Iterator[str]:
        """The cap for one source means nothing above the cap for all."""
        cap, room = self.max_flows_per_source, self.max_flows
        wrong = list(_optional_count("max_flows_per_source", cap))
        yield from wrong
        if not wrong and cap is not None and isinstance(room, int) and cap > room:
            yield f"max_flows_per_source: {cap} would be ignored, for max_flows is {room}; give less, or leave it out"
