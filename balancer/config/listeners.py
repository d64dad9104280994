"""What all listeners say, and what those of connections do; refuses to bind or serve anything."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal

import attrs

from balancer.config.endpoints import Endpoint, Place, listener_endpoint, network
from balancer.config.mistakes import (
    Noun,
    as_tuple,
    choice,
    parsed,
    seconds,
    shown,
    sound,
)
from balancer.config.pools import Pool
from balancer.interfaces import Kind


@attrs.frozen(eq=False)
class Listener(Noun):
    """What all listeners share: the endpoint they bind, in Twisted's grammar."""

    kind: ClassVar[Kind]

    endpoint: str

    @property
    def bound(self) -> Endpoint:
        """The endpoint taken apart; raises only for one that was reported as a mistake."""
        return listener_endpoint(self.endpoint)

    @property
    def place(self) -> Place:
        """(interface, port), the path of a unix socket, or the text after a type that only Twisted knows."""
        return self.bound.place

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The pools it sends to, in order, each once."""
        return tuple(dict.fromkeys(sound(self._targets(), Pool)))

    @abstractmethod
    def _targets(self) -> list[Pool]:
        """Where it may send a session, in order."""

    def __str__(self) -> str:
        return f"{type(self).__name__} {shown(self.endpoint)}"

    def _mistakes(self) -> Iterator[str]:
        yield from parsed("endpoint", self.endpoint, self._parse)

    def _parse(self, text: str) -> Endpoint:
        endpoint = listener_endpoint(text)
        if (endpoint.scheme == "udp") is not (self.kind is Kind.UDP):
            wanted = "udp:port" if self.kind is Kind.UDP else "tcp:port"
            raise ValueError(f"{text!r} does not carry {self.kind.name}; write it as {wanted}")
        return endpoint


def _sources(given: str | Iterable[str]) -> tuple[str, ...]:
    return as_tuple(given)


@attrs.frozen(eq=False)
class Proxied(Listener):
    """What listeners of connections say about the PROXY headers that may open these; see `TCPListener`."""

    accept_proxy: tuple[str, ...] = attrs.field(default=(), converter=_sources, kw_only=True)
    proxy: Literal["required", "optional"] = attrs.field(default="required", kw_only=True)
    proxy_timeout: float = attrs.field(default=3.0, kw_only=True)

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
        for name in ("proxy", "proxy_timeout"):
            if getattr(self, name) != getattr(attrs.fields(Proxied), name).default:
                yield f"{name}: would be ignored without accept_proxy; give that, or leave this out"
