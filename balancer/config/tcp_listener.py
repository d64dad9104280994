"""The listener of TCP, as a user writes it; refuses to bind or serve anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import attrs

from balancer.config.listeners import Proxied
from balancer.config.mistakes import (
    choice,
    instance,
    seconds,
)
from balancer.config.pools import Pool
from balancer.config.routes import POOL
from balancer.interfaces import Kind


@attrs.frozen(eq=False)
class TCPListener(Proxied):
    """Relays connections. Raises `ConfigError`.

    A connection on which neither side says anything for `idle` seconds is closed. Once one side has finished, the
    other may be silent for `linger` seconds, whatever `idle` is.

    With `send_proxy`, "v1" or "v2", each connection to a backend opens with a PROXY header that tells of the client,
    and each health check of the pool with one that tells of none.

    `accept_proxy` lists addresses and networks, such as '10.0.0.0/8', whose PROXY headers, of either version, are
    believed: the client is where such a header says. With `proxy="required"` a connection from there that does not open
    with a header is cut, and one from elsewhere is refused; with "optional" either is served as it is. A listed source
    that begins a header and breaks its rules is cut all the same. A header has `proxy_timeout` seconds to come, and so
    has the first byte that tells that there is none.
    """

    kind: ClassVar[Kind] = Kind.TCP

    pool: Pool = attrs.field(kw_only=True)
    idle: float = attrs.field(default=600.0, kw_only=True)
    linger: float = attrs.field(default=30.0, kw_only=True)
    send_proxy: Literal["v1", "v2"] | None = attrs.field(default=None, kw_only=True)

    def _targets(self) -> list[Pool]:
        return [self.pool]

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        if self.send_proxy is not None:
            yield from choice("send_proxy", self.send_proxy, ("v1", "v2"))
        yield from instance("pool", self.pool, Pool, POOL)
        yield from seconds("idle", self.idle, like=600)
        yield from seconds("linger", self.linger, like=30)
