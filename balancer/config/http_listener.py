"""The listener of HTTP, as a user writes it; refuses to bind or serve anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import attrs

from balancer.config.limited import Limited
from balancer.config.mistakes import (
    choice,
    count,
    seconds,
    shown,
)
from balancer.config.routes import Route
from balancer.interfaces import Kind


@attrs.frozen(eq=False)
class HTTPListener(Limited):
    """Serves HTTP and chooses by request. Raises `ConfigError`.

    Give `routes`, or `pool` in place of a single route without a matcher; `routes` is always filled. A client has
    `request_timeout` seconds for a whole request head, and may be silent for `idle` seconds between two requests and
    within a body. One that has closed its sending side has `half_closed` seconds to see its answer begin: whether it
    still listens cannot be told. A head has at most `max_head` bytes and `max_fields` fields.

    With `paths="normal"` each path is brought into one form before it is matched, and forwarded so: dot segments are
    resolved, and what need not be percent-encoded is decoded. One that climbs above the root, or that holds a
    backslash, a NUL or an escape that is none, is refused with 400. `%2F`, `//` and `;` stay as they are. With "as-is"
    paths are neither changed nor refused. The query is left alone in any case.

    `accept_proxy`, `proxy` and `proxy_timeout` are those of `TCPListener`; X-Forwarded-For tells of the client that the
    header tells of. There is no `send_proxy`: connections to backends carry the requests of many clients.

    `max_connections`, `max_rate`, both of these `_per_source`, and `reuse_port` are those of `TCPListener`, too. A
    connection that is `max_lifetime` seconds old is closed after the answer under way, or at once if there is none.
    """

    kind: ClassVar[Kind] = Kind.HTTP
    session: ClassVar[str] = "request"
    matcher_like: ClassVar[str] = "Path('/v1')"

    request_timeout: float = attrs.field(default=10.0, kw_only=True)
    idle: float = attrs.field(default=75.0, kw_only=True)
    half_closed: float = attrs.field(default=1.0, kw_only=True)
    max_head: int = attrs.field(default=32768, kw_only=True)
    max_fields: int = attrs.field(default=100, kw_only=True)
    paths: Literal["normal", "as-is"] = attrs.field(default="normal", kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        yield from seconds("request_timeout", self.request_timeout, like=10)
        yield from seconds("idle", self.idle, like=75)
        yield from seconds("half_closed", self.half_closed, like=1)
        yield from count("max_head", self.max_head, least=1024)
        yield from count("max_fields", self.max_fields)
        yield from choice("paths", self.paths, ("normal", "as-is"))

    def _misused(self, route: Route) -> Iterator[str]:
        if not route.peeks:
            yield from super()._misused(route)
            return
        yield (
            f"{shown(route.matcher)} looks at the first bytes of a TCP connection, "
            f"which are not there for a request; give a matcher such as {self.matcher_like}"
        )
