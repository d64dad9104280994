"""What listeners of connections say about PROXY headers; refuses to read one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import attrs

from balancer.config.endpoints import network
from balancer.config.listeners import OF_A_PORT
from balancer.config.mistakes import as_tuple, choice, parsed, seconds
from balancer.config.routed import Routed


def _sources(given: str | Iterable[str]) -> tuple[str, ...]:
    return as_tuple(given)


@attrs.frozen(eq=False)
class Proxied(Routed):
    """What listeners of connections say about the PROXY headers that may open these; see `TCPListener`."""

    accept_proxy: tuple[str, ...] = attrs.field(default=(), converter=_sources, kw_only=True, metadata=OF_A_PORT)
    proxy: Literal["required", "optional"] = attrs.field(default="required", kw_only=True, metadata=OF_A_PORT)
    proxy_timeout: float = attrs.field(default=3.0, kw_only=True, metadata=OF_A_PORT)

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        for source in self.accept_proxy:
            yield from parsed("accept_proxy", source, network)
        yield from choice("proxy", self.proxy, ("required", "optional"))
        yield from seconds("proxy_timeout", self.proxy_timeout, like=3)
        yield from self._ignored()

    def _ignored(self) -> Iterator[str]:
        """What of it would change nothing."""
        if self.accept_proxy:
            if str(self.endpoint).startswith("unix:"):
                yield "accept_proxy: would be ignored, for nobody has an address on a unix socket; leave it out"
            return
        for name in () if self.unheeded else ("proxy", "proxy_timeout"):
            if getattr(self, name) != getattr(attrs.fields(Proxied), name).default:
                yield f"{name}: would be ignored without accept_proxy; give that, or leave this out"
