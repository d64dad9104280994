"""One client's connection, datagram flow or request, as far as a decision may see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from zope.interface import implementer

from balancer.core.messages import RequestHead
from balancer.core.proxy_protocol import NOTHING_TOLD, ProxyHeader
from balancer.core.secured import ClientCertificate, Secured
from balancer.errors import BalancerError
from balancer.interfaces import ISession, Kind

NO_CAPTURES: Final[Mapping[str, str]] = MappingProxyType({})


@implementer(ISession)
class Session:
    """What policies look at and the engine keeps up to date; see `ISession` for the members.

    What the client said may be secret, so its `repr` does not tell.
    """

    secured: Secured | None = None
    """The TLS of the client's connection, if it is terminated here."""
    server_name: str | None = None
    alpn: str | None = None
    peek = b""
    captures = NO_CAPTURES
    proxy: ProxyHeader = NOTHING_TOLD
    attempt = 1
    retries: tuple[str, ...] = ()
    """Why it was tried again: the reason each time."""

    def __init__(
        self,
        kind: Kind,
        client: tuple[str, int],
        now: float,
        request: RequestHead | None = None,
        tried: Iterable[Any] = (),
        **told: Any,
    ) -> None:
        """`told` are other members, where they are not as the class has them."""
        self.kind, self.client, self.now, self.request = kind, client, now, request
        self.tried: tuple[Any, ...] = tuple(tried)
        if told:
            for name, value in told.items():
                setattr(self, name, value)

    @property
    def tls(self) -> bool:
        """See `ISession`."""
        return self.secured is not None

    @property
    def tls_version(self) -> str | None:
        """See `ISession`."""
        return None if self.secured is None else self.secured.version

    @property
    def cipher(self) -> str | None:
        """See `ISession`."""
        return None if self.secured is None else self.secured.cipher

    @property
    def tls_expires(self) -> float | None:
        """See `ISession`."""
        return None if self.secured is None else self.secured.expires

    @property
    def certificate(self) -> ClientCertificate | None:
        """See `ISession`."""
        return None if self.secured is None else self.secured.certificate

    def again(self, error: BalancerError) -> None:
        """Another attempt is made, after one that failed so."""
        self.attempt += 1
        self.retries += (error.reason,)

    def not_again(self) -> None:
        """The attempt was not made after all: nobody was left to make it on."""
        self.attempt -= 1
        self.retries = self.retries[:-1]

    def __repr__(self) -> str:
        return f"Session(kind={self.kind}, client={self.client!r}, attempt={self.attempt}, tried={self.tried!r})"
