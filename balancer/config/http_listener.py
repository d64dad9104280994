"""The listener of HTTP, as a user writes it; refuses to bind or serve anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final, Literal

import attrs

from balancer.config.access_log import AccessLog
from balancer.config.measured import Measured
from balancer.config.mistakes import (
    choice,
    instance,
    seconds,
    shown,
    sound,
)
from balancer.config.routes import Route
from balancer.config.tls import TLS
from balancer.interfaces import Kind

_PROTOCOLS: Final = ("http/1.1", "http/1.0")


@attrs.frozen(eq=False)
class HTTPListener(Measured):
    """Serves HTTP and chooses by request. Raises `ConfigError`.

    Give `routes`, or `pool` in place of a single route without a matcher; `routes` is always filled. A client has
    `request_timeout` seconds for a whole request head, may be silent for `body_timeout` seconds within a body, and for
    `idle` seconds between two requests or while it takes nothing of its answer. One that has closed its sending side
    has `half_closed` seconds to see its answer begin: whether it still listens cannot be told.

    A request line has at most `max_line` bytes (else 414), a head `max_head` bytes and `max_fields` fields, the
    trailers behind a body `max_trailers` bytes (else 431), and a body `max_body` bytes (else 413; None is no limit, and
    that of a `Route` counts first). After `max_requests` requests a connection is closed.

    `trusted_proxies` lists addresses and networks, such as '10.0.0.0/8', of proxies in front: what these say in
    X-Forwarded-For, -Proto, -Host, -Port or Forwarded of who asks, and how, is believed and continued. 'unix' stands
    for whoever connects over a unix socket. From all others such claims are dropped. Backends are always told in
    X-Forwarded-For, -Proto, -Host and -Port, with `forwarded` in Forwarded (RFC 7239) too. `via` is the name that is
    put into Via; with None that field is left alone. With `request_id` every request has an X-Request-Id: that of the
    client if it has 1 to 128 letters, digits or -._~+/=:@ and nothing else, or a new one of 32 hexadecimal digits.

    With `paths="normal"` each path is brought into one form before it is matched, and forwarded so: dot segments are
    resolved, and what need not be percent-encoded is decoded. One that climbs above the root, or that holds a
    backslash, a NUL, an escape that is none, or a dot segment at an encoded slash or before a `;`, is refused with 400.
    `%2F`, `//` and `;` stay as they are. With "as-is" paths are neither changed nor refused. The query is left alone in
    any case.

    What the balancer answers itself names the failure in a word, in a body that is text, HTML or JSON, as the client
    accepts it; with `reason_header` in the field X-Balancer-Reason, too. `access_log` has a line for each request.

    Once a connection has changed to another protocol, such as WebSocket, it is closed when nothing moves on it for
    `upgrade_idle` seconds; `Route` says which protocols may be changed to.

    `accept_proxy`, `proxy` and `proxy_timeout` are those of `TCPListener`; X-Forwarded-For tells of the client that the
    header tells of. There is no `send_proxy`: connections to backends carry the requests of many clients.

    `max_connections`, `max_rate`, both of these `_per_source`, and `reuse_port` are those of `TCPListener`, too. A
    connection that is `max_lifetime` seconds old is closed after the answer under way, or at once if there is none; one
    that has changed to another protocol is cut.

    With `tls=TLS(...)` clients speak TLS, which ends here.

    The filters of a request that take their time have `filter_timeout` seconds for it together.
    """

    kind: ClassVar[Kind] = Kind.HTTP
    session: ClassVar[str] = "request"
    matcher_like: ClassVar[str] = "Path('/v1')"

    request_timeout: float = attrs.field(default=10.0, kw_only=True)
    body_timeout: float = attrs.field(default=30.0, kw_only=True)
    idle: float = attrs.field(default=75.0, kw_only=True)
    half_closed: float = attrs.field(default=1.0, kw_only=True)
    upgrade_idle: float = attrs.field(default=3600.0, kw_only=True)
    reason_header: bool = attrs.field(default=False, kw_only=True)
    access_log: AccessLog | None = attrs.field(default=None, kw_only=True)
    filter_timeout: float = attrs.field(default=5.0, kw_only=True)
    paths: Literal["normal", "as-is"] = attrs.field(default="normal", kw_only=True)

    @property
    def _spoken(self) -> tuple[str, ...]:
        return ("http/1.1",)

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        yield from seconds("request_timeout", self.request_timeout, like=10)
        yield from seconds("body_timeout", self.body_timeout, like=30)
        yield from seconds("idle", self.idle, like=75)
        yield from seconds("half_closed", self.half_closed, like=1)
        yield from choice("reason_header", self.reason_header, (True, False))
        if self.access_log is not None:
            yield from instance("access_log", self.access_log, AccessLog, "give one such as AccessLog('-')")
        yield from self._wrong_times_of_routes()
        yield from choice("paths", self.paths, ("normal", "as-is"))
        if isinstance(self.tls, TLS):
            for protocol in self.tls.alpn:
                if protocol not in _PROTOCOLS:
                    remedy = f"give {' or '.join(map(repr, _PROTOCOLS))}, or leave it out"
                    yield f"tls: {self.tls}: alpn: {shown(protocol)} is not spoken here; {remedy}"

    def _wrong_times_of_routes(self) -> Iterator[str]:
        """Times that count only where some route has what they are for."""
        defaults, routes = attrs.fields(HTTPListener), sound(self.routes, Route)
        yield from seconds("filter_timeout", self.filter_timeout, like=5)
        if self.filter_timeout != defaults.filter_timeout.default and not any(route.filters for route in routes):
            yield "filter_timeout: would be ignored, for no route has filters; leave it out"
        yield from seconds("upgrade_idle", self.upgrade_idle, like=3600)
        if self.upgrade_idle != defaults.upgrade_idle.default and not any(route.upgrades for route in routes):
            yield "upgrade_idle: would be ignored, for no route has upgrades; leave it out"

    def _misused(self, route: Route) -> Iterator[str]:
        if not route.peeks:
            yield from super()._misused(route)
            return
        yield (
            f"{shown(route.matcher)} looks at the first bytes of a TCP connection, "
            f"which are not there for a request; give a matcher such as {self.matcher_like}"
        )
