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

    @property
    def protocols(self) -> tuple[str, ...]:
        """What is agreed on by ALPN, the best first; none where it is not looked at."""
        return () if self.tls is None else self.tls.alpn or self._spoken

    @property
    def _spoken(self) -> tuple[str, ...]:
        """What is spoken behind the TLS, as far as that has a name (RFC 7301 6)."""
        return ()

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        if self.tls is not None:
            yield from instance("tls", self.tls, TLS, "give one such as TLS('/etc/balancer/certs')")
