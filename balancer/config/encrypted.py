"""What listeners of connections say about TLS; refuses to encrypt a byte."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from balancer.config.limited import Limited
from balancer.config.mistakes import instance
from balancer.config.tls import TLS


@attrs.frozen(eq=False)
class Encrypted(Limited):
    """With `tls` a listener's clients speak TLS, which ends there; see `TLS`."""

    tls: TLS | None = attrs.field(default=None, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        if self.tls is not None:
            yield from instance("tls", self.tls, TLS, "give one such as TLS('/etc/balancer/certs')")
