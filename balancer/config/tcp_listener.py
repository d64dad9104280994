"""The listener of TCP, as a user writes it; refuses to bind or serve anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final, Literal

import attrs

from balancer.config.encrypted import Encrypted
from balancer.config.mistakes import (
    choice,
    seconds,
    sound,
)
from balancer.config.proxy_tlvs import FACTS_OF_TLS, Fact, ProxyTLV, facts_of, own_of, proxy_tlvs, wrong_tlvs
from balancer.config.routes import Route
from balancer.config.tls import TLS
from balancer.interfaces import Kind

_FROM_A_HELLO: Final = ("authority", "alpn")


def _default_tlvs(listener: TCPListener) -> tuple[ProxyTLV, ...]:
    """Whoever ends TLS says so to those behind, who can no longer see it."""
    return FACTS_OF_TLS if listener.tls is not None and listener.send_proxy == "v2" else ()


@attrs.frozen(eq=False)
class TCPListener(Encrypted):
    """Relays connections. Raises `ConfigError`.

    Give `routes`, or `pool` in place of a single route without a matcher; `routes` is always filled. Where a matcher
    looks at the first bytes of a connection, the client has `peek_timeout` seconds for them; then a route that is still
    undecided does not match.

    A connection on which neither side says anything for `idle` seconds is closed. Once one side has finished, the
    other may be silent for `linger` seconds, whatever `idle` is.

    With `send_proxy`, "v1" or "v2", each connection to a backend opens with a PROXY header that tells of the client,
    and each health check of the pool with one that tells of none. Version 2 also tells what `proxy_tlvs` lists:
    "authority" (the `server_name` of the session), "alpn" and "tls" (its version, cipher and the client's certificate)
    if they are known, "unique_id" (the one received, else 16 random bytes), "crc32c" (a checksum of the header), and
    values of your own for the types 0xE0 to 0xEF, such as `{0xE1: b"edge-1"}`. Where TLS ends here the first three are
    told unless a list says otherwise.

    `accept_proxy` lists addresses and networks, such as '10.0.0.0/8', whose PROXY headers, of either version, are
    believed: the client is where such a header says. With `proxy="required"` a connection from there that does not open
    with a header is cut, and one from elsewhere is refused; with "optional" either is served as it is. A listed source
    that begins a header and breaks its rules is cut all the same. A header has `proxy_timeout` seconds to come, and so
    has the first byte that tells that there is none.

    At most `max_connections` are alive at once, and of one source, an IPv4 address or the /64 of an IPv6 address, at
    most `max_connections_per_source`; at most `max_rate` new ones come in a second, and `max_rate_per_source` of one
    source, as many as that at once, and one in any case. Others are closed as soon as they connect. The source is the
    client that a PROXY header tells of; listed sources themselves are not limited each. A connection that is
    `max_lifetime` seconds old is cut.

    With `tls=TLS(...)` clients speak TLS, which ends here; what is relayed is the plain bytes. With
    `starttls="postgres"` clients of PostgreSQL may ask for it first, as most do, and whoever goes on without is told to
    use it. They have the handshake's time-out for that, and as long again for the handshake.

    With `reuse_port` other processes that ask for the same may bind the port as well: each connection is one's.
    """

    kind: ClassVar[Kind] = Kind.TCP
    session: ClassVar[str] = "connection"
    matcher_like: ClassVar[str] = "SNI('a.example')"

    peek_timeout: float = attrs.field(default=3.0, kw_only=True)
    idle: float = attrs.field(default=600.0, kw_only=True)
    linger: float = attrs.field(default=30.0, kw_only=True)
    send_proxy: Literal["v1", "v2"] | None = attrs.field(default=None, kw_only=True)
    proxy_tlvs: tuple[ProxyTLV, ...] = attrs.field(
        default=attrs.Factory(_default_tlvs, takes_self=True), converter=proxy_tlvs, kw_only=True
    )
    starttls: Literal["postgres"] | None = attrs.field(default=None, kw_only=True)

    @property
    def proxy_facts(self) -> tuple[Fact, ...]:
        """What is known of a connection that backends are told, by name."""
        return facts_of(self.proxy_tlvs)

    @property
    def proxy_own(self) -> tuple[tuple[int, bytes], ...]:
        """What backends are told of every connection alike: types and values."""
        return own_of(self.proxy_tlvs)

    @property
    def peeks(self) -> bool:
        """Whether a route looks at the first bytes of a connection."""
        return any(route.peeks for route in sound(self.routes, Route))

    @property
    def _spoken(self) -> tuple[str, ...]:
        return () if self.starttls is None else ("postgresql",)

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        yield from self._wrong_times()
        if self.send_proxy is not None:
            yield from choice("send_proxy", self.send_proxy, ("v1", "v2"))
        yield from list(wrong_tlvs(self.proxy_tlvs)) or self._untold()
        requests = any(one.kind is Kind.HTTP for one in self.within)
        if isinstance(self.tls, TLS) and self.tls.other_hosts and not requests:
            yield f"tls: {self.tls}: other_hosts would be ignored, for they are of HTTP requests; leave them out"
        yield from self._of_no_relay()
        if self.starttls is not None:
            yield from choice("starttls", self.starttls, ("postgres",))
            if self.tls is None:
                yield "starttls: would be ignored without tls; give tls=TLS(...), or leave it out"

    def _wrong_times(self) -> Iterator[str]:
        yield from seconds("peek_timeout", self.peek_timeout, like=3)
        if self.peek_timeout != attrs.fields(TCPListener).peek_timeout.default and not self.peeks:
            yield "peek_timeout: would be ignored, for no route looks at the first bytes; leave it out"
        yield from seconds("idle", self.idle, like=600)
        yield from seconds("linger", self.linger, like=30)

    def _misused(self, route: Route) -> Iterator[str]:
        yield from super()._misused(route)
        if route.filters:
            yield "filters: would be ignored, for they change requests, of which TCP has none; leave them out"
        if route.max_body is not None:
            yield "max_body: would be ignored, for it bounds requests, of which TCP has none; leave it out"
        if route.upgrades != attrs.fields(Route).upgrades.default:
            yield "upgrades: would be ignored, for they are of HTTP connections; leave them out"

    def _of_no_relay(self) -> Iterator[str]:
        """What is said of relays where there are none, since every route has another way."""
        routes, defaults = sound(self.routes, Route), attrs.fields_dict(TCPListener)
        if not routes or any(route.pool is not None or not route.turns_off for route in routes):
            return
        for name in ("idle", "linger", "send_proxy", "max_lifetime"):
            if getattr(self, name) != defaults[name].default:
                yield f"{name}: would be ignored, for no route has a pool; give it to the listener that serves"

    def _untold(self) -> Iterator[str]:
        """What of `proxy_tlvs` no backend would ever hear."""
        if self.proxy_tlvs and self.send_proxy != "v2":
            yield "proxy_tlvs: would be ignored without send_proxy='v2'; give that, or leave this out"
        elif not (self.accept_proxy or self.tls is not None or self.endpoint == ""):
            yield from (f"proxy_tlvs: {fact!r} would never be known, for {why}" for fact, why in self._unknown())

    def _unknown(self) -> Iterator[tuple[Fact, str]]:
        """What is not known where clients speak in the clear, and nobody tells of them before they do."""
        for fact in self.proxy_facts:
            if fact == "tls":
                yield fact, "TLS does not end here; give tls=TLS(...), or leave it out"
            elif fact in _FROM_A_HELLO and not self.peeks:
                remedy = "give a route such as Route(TLSHello(), pool), or leave it out"
                yield fact, f"no route looks at the first bytes; {remedy}"
