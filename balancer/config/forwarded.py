"""What listeners of HTTP say about who is believed and what backends are told; refuses to believe or tell anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from balancer.config.encrypted import Encrypted
from balancer.config.endpoints import endpoint_or_none, listener_endpoint, network
from balancer.config.mistakes import as_tuple, choice, parsed, shown

_UNIX: Final = "unix"
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?::[0-9]+)?")


def _proxies(given: str | Iterable[str]) -> tuple[str, ...]:
    return as_tuple(given)


@attrs.frozen(eq=False)
class Forwarded(Encrypted):
    """Whose word is taken for who asks, and in which fields backends are told of it; see `HTTPListener`."""

    trusted_proxies: tuple[str, ...] = attrs.field(default=(), converter=_proxies, kw_only=True)
    forwarded: bool = attrs.field(default=False, kw_only=True)
    via: str | None = attrs.field(default="balancer", kw_only=True)
    request_id: bool = attrs.field(default=True, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        for proxy in self.trusted_proxies:
            wrong = [] if proxy == _UNIX else list(parsed("trusted_proxies", proxy, network))
            yield from wrong or self._never_seen(proxy)
        yield from choice("forwarded", self.forwarded, (True, False))
        if self.via is not None and not (isinstance(self.via, str) and _NAME.fullmatch(self.via)):
            yield f"via: {shown(self.via)} is not a name without spaces; give one such as 'balancer', or None"
        yield from choice("request_id", self.request_id, (True, False))

    def _never_seen(self, proxy: str) -> Iterator[str]:
        """Only over a unix socket is anybody without an address, and there everybody is."""
        endpoint = endpoint_or_none(listener_endpoint, self.endpoint)
        scheme = "" if endpoint is None else endpoint.scheme
        if scheme == _UNIX and proxy != _UNIX:
            why = "nobody has an address on a unix socket"
            yield f"trusted_proxies: {proxy!r} would be ignored, for {why}; give 'unix'"
        elif scheme in {"tcp", "tcp6"} and proxy == _UNIX:
            yield "trusted_proxies: 'unix' would be ignored, for this is no unix socket; give addresses or networks"
