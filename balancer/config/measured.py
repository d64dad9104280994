"""What listeners of HTTP say about the size and number of requests; refuses to measure any."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from balancer.config.forwarded import Forwarded
from balancer.config.mistakes import count, sound
from balancer.config.routes import Route


@attrs.frozen(eq=False)
class Measured(Forwarded):
    """How large a request may be, and how many may come over one connection; see `HTTPListener`."""

    max_line: int = attrs.field(default=8192, kw_only=True)
    max_head: int = attrs.field(default=32768, kw_only=True)
    max_fields: int = attrs.field(default=100, kw_only=True)
    max_trailers: int = attrs.field(default=8192, kw_only=True)
    max_body: int | None = attrs.field(default=None, kw_only=True)
    max_requests: int = attrs.field(default=10_000, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        yield from count("max_line", self.max_line, least=64)
        yield from count("max_head", self.max_head, least=1024)
        yield from count("max_fields", self.max_fields)
        yield from count("max_trailers", self.max_trailers, least=64)
        if self.max_body is not None:
            yield from count("max_body", self.max_body, least=0)
        yield from count("max_requests", self.max_requests)
        yield from self._never_reached()

    def _never_reached(self) -> Iterator[str]:
        """Limits that would change nothing, for others are there before."""
        if self.max_line != attrs.fields(Measured).max_line.default and self.max_line >= self.max_head:
            told = f"{self.max_line} would be ignored, for a whole head has max_head={self.max_head} at most"
            yield f"max_line: {told}; give less, or leave it out"
        routes = sound(self.routes, Route)
        if self.max_body is not None and routes and all(route.max_body is not None for route in routes):
            yield "max_body: would be ignored, for every route has its own; leave it out"
