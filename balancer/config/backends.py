"""A backend as a user writes it; refuses to know how it is reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import attrs

from balancer.config.endpoints import Endpoint, Place, backend_endpoint, endpoint_or_none
from balancer.config.mistakes import (
    Noun,
    as_tuple,
    choice,
    count,
    instance,
    parsed,
    positive,
    shown,
    word,
)
from balancer.config.upstream_tls import server_name


def _strings(given: Iterable[str]) -> tuple[str, ...]:
    return as_tuple(given)


def _default_name(backend: Backend) -> str:
    return str(endpoint_or_none(backend_endpoint, backend.address) or backend.address)


def _default_tier(backend: Backend) -> int:
    return 1 if backend.backup else 0


@attrs.frozen
class Backend(Noun):
    """One server of a pool.

    `address` is "tcp:host:port", "udp:host:port", bare "host:port" (either) or "unix:/path"; an IPv6 host stands in
    brackets. `name` is unique in the pool; without one it is the address. `weight` is its share relative to the others,
    above 0. `zone` and `tags` are for algorithms to look at; the built-in ones do not. Tier 0 is used first, a higher
    one only when the lower cannot serve; `backup=True` is tier 1. It takes `max_connections` at once, or any number if
    that is None: TCP connections, HTTP requests and UDP flows together; what comes on top goes to others or waits, see
    `Pool`. Where only HTTP listeners use the pool, `max_requests` is another name for that. `start="down"` keeps it out
    until a health check finds it well; its host may be unknown until then. `server_name` is its name where its pool
    speaks TLS, see `UpstreamTLS`. It is checked at the address `check`, and its agent is at `agent`, if these are not
    where the pool's `Health` and `Agent` say. Raises `ConfigError`.
    """

    address: str
    name: str = attrs.field(default=attrs.Factory(_default_name, takes_self=True), kw_only=True)
    weight: float = attrs.field(default=1.0, kw_only=True)
    backup: bool = attrs.field(default=False, kw_only=True)
    tier: int = attrs.field(default=attrs.Factory(_default_tier, takes_self=True), kw_only=True)
    zone: str = attrs.field(default="", kw_only=True)
    tags: tuple[str, ...] = attrs.field(default=(), converter=_strings, kw_only=True)
    max_connections: int | None = attrs.field(default=None, kw_only=True)
    max_requests: int | None = attrs.field(default=None, kw_only=True)
    start: Literal["up", "down"] = attrs.field(default="up", kw_only=True)
    server_name: str | None = attrs.field(default=None, kw_only=True)
    check: str | None = attrs.field(default=None, kw_only=True)
    agent: str | None = attrs.field(default=None, kw_only=True)

    @property
    def endpoint(self) -> Endpoint:
        """The address taken apart; raises only for an address that was reported as a mistake."""
        return backend_endpoint(self.address)

    @property
    def place(self) -> Place:
        """(host, port), or the path of a unix socket."""
        return self.endpoint.place

    @property
    def limit(self) -> int | None:
        """What it takes at once, by whichever name."""
        return self.max_connections if self.max_requests is None else self.max_requests

    def __str__(self) -> str:
        return f"Backend {self.name if isinstance(self.name, str) else str(self.address)!r}"

    def _mistakes(self) -> Iterator[str]:
        yield from parsed("address", self.address, backend_endpoint)
        if self.name != _default_name(self):
            yield from word("name", self.name)
        yield from positive("weight", self.weight, like=1)
        yield from choice("backup", self.backup, (True, False))
        yield from count("tier", self.tier, least=0)
        if self.backup is True and self.tier != 1:
            yield f"tier: {shown(self.tier)} contradicts backup=True, which is tier 1; leave one of them out"
        yield from instance("zone", self.zone, str, "give a name in quotes")
        for tag in self.tags:
            yield from word("tags", tag)
        yield from self._wrong_limits()
        yield from choice("start", self.start, ("up", "down"))
        if self.server_name is not None:
            yield from parsed("server_name", self.server_name, server_name)
        for name in ("check", "agent"):
            yield from () if getattr(self, name) is None else parsed(name, getattr(self, name), backend_endpoint)

    def _wrong_limits(self) -> Iterator[str]:
        for name in ("max_connections", "max_requests"):
            if getattr(self, name) is not None:
                yield from count(name, getattr(self, name))
        if self.max_connections is not None and self.max_requests is not None:
            yield "max_requests: cannot stand beside max_connections, which is the same for HTTP; give one of them"
