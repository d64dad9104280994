"""What listeners of connections say about how many there may be, how often and for how long; refuses to count any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import attrs

from balancer.config.listeners import OF_A_PORT
from balancer.config.mistakes import count, positive, seconds
from balancer.config.proxied import Proxied


@attrs.frozen(eq=False)
class Limited(Proxied):
    """The limits of a listener, none of which holds unless it is given; see `TCPListener`."""

    max_connections: int | None = attrs.field(default=None, kw_only=True, metadata=OF_A_PORT)
    max_connections_per_source: int | None = attrs.field(default=None, kw_only=True, metadata=OF_A_PORT)
    max_rate: float | None = attrs.field(default=None, kw_only=True, metadata=OF_A_PORT)
    max_rate_per_source: float | None = attrs.field(default=None, kw_only=True, metadata=OF_A_PORT)
    max_lifetime: float | None = attrs.field(default=None, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        yield from self._wrong_pair("max_connections", count)
        yield from self._wrong_pair("max_rate", partial(positive, like=100))
        if self.max_lifetime is not None:
            yield from seconds("max_lifetime", self.max_lifetime, like=3600)

    def _wrong_pair(self, field: str, check: Callable[[str, Any], Iterator[str]]) -> Iterator[str]:
        """What is wrong with a limit or with that of one source, which may also be in vain."""
        share = f"{field}_per_source"
        given = {name: getattr(self, name) for name in (field, share) if getattr(self, name) is not None}
        wrong = [line for name, value in given.items() for line in check(name, value)]
        yield from wrong
        if wrong or share not in given:
            return
        if str(self.endpoint).startswith("unix:"):
            yield f"{share}: would be ignored, for nobody has an address on a unix socket; leave it out"
        elif given[share] > given.get(field, given[share]):
            yield f"{share}: {given[share]} would be ignored, for {field} is {given[field]}; give less, or leave it out"
