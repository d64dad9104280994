"""What listeners of every kind say; refuses to bind or serve anything."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Final

import attrs

from balancer.config.endpoints import Endpoint, Place, endpoint_or_none, listener_endpoint
from balancer.config.mistakes import (
    Noun,
    choice,
    parsed,
    shown,
    sound,
)
from balancer.config.pools import Pool
from balancer.interfaces import Kind

OF_A_PORT: Final = {"of a port": True}
"""Marks a setting that is heeded only where a port is bound, and so not inside a route."""


@attrs.frozen(eq=False)
class Listener(Noun):
    """What all listeners share: the endpoint they bind, in Twisted's grammar; none inside a route of another one."""

    kind: ClassVar[Kind]

    endpoint: str = ""
    reuse_port: bool = attrs.field(default=False, kw_only=True, metadata=OF_A_PORT)

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
        """The pools it sends to itself, in order, each once."""
        return tuple(dict.fromkeys(sound(self._targets(), Pool)))

    @property
    def all_pools(self) -> tuple[Pool, ...]:
        """Its pools, and those of the listeners inside its routes."""
        return tuple(dict.fromkeys(pool for one in (self, *self.within) for pool in one.pools))

    @property
    def within(self) -> tuple[Listener, ...]:
        """The listeners inside its routes, and inside theirs, in order."""
        return ()

    @property
    def unheeded(self) -> tuple[str, ...]:
        """The settings that nothing looks at, since it binds no port of its own."""
        marked = (field.name for field in attrs.fields(type(self)) if field.metadata == OF_A_PORT)
        return () if self.endpoint != "" else tuple(marked)

    @abstractmethod
    def _targets(self) -> list[Pool | None]:
        """Where it may send a session, in order."""

    def __str__(self) -> str:
        named = type(self).__name__
        return f"{named} {shown(self.endpoint)}" if self.endpoint != "" else named

    def _mistakes(self) -> Iterator[str]:
        if self.endpoint != "":
            yield from parsed("endpoint", self.endpoint, self._parse)
        yield from choice("reuse_port", self.reuse_port, (True, False))
        bound = endpoint_or_none(listener_endpoint, self.endpoint)
        if self.reuse_port is True and bound is not None and not _can_be_shared(bound):
            yield "reuse_port: would be ignored, for only a port of tcp: or udp: that is not 0 is shared; leave it out"
        defaults = attrs.fields_dict(type(self))
        for name in self.unheeded:
            if getattr(self, name) != defaults[name].default:
                yield f"{name}: would be ignored without an endpoint; give it to the listener around this one"

    def _parse(self, text: str) -> Endpoint:
        endpoint = listener_endpoint(text)
        if (endpoint.scheme == "udp") is not (self.kind is Kind.UDP):
            wanted = "udp:port" if self.kind is Kind.UDP else "tcp:port"
            raise ValueError(f"{text!r} does not carry {self.kind.name}; write it as {wanted}")
        return endpoint


def _can_be_shared(bound: Endpoint) -> bool:
    """Whether several processes can have it at once."""
    return bound.scheme in {"tcp", "tcp6", "udp"} and bound.place[1] != 0
