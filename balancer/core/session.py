"""One client's connection, datagram flow or request, as far as a decision may see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypedDict, Unpack

from zope.interface import implementer

from balancer.core.messages import RequestHead
from balancer.core.proxy_protocol import NOTHING_TOLD, ProxyHeader
from balancer.core.sealing import SealedSession, put
from balancer.core.secured import ClientCertificate, Secured
from balancer.interfaces import ISession, Kind

if TYPE_CHECKING:
    from balancer.core.backend import Backend

NO_CAPTURES: Final[Mapping[str, str]] = MappingProxyType({})


class Told(TypedDict, total=False):
    """What is told of some sessions; see there."""

    secured: Secured | None
    server_name: str | None
    alpn: str | None
    peek: bytes
    captures: Mapping[str, str]
    proxy: ProxyHeader
    attempt: int
    retries: tuple[str, ...]


class Facts(Told, total=False):
    """What may become of a session."""

    client: tuple[str, int]
    now: float
    request: RequestHead | None
    tried: tuple[Any, ...]


@implementer(ISession)
class Session:
    """What policies look at and the engine keeps up to date; see `ISession` for the members.

    `secured` is the TLS of the client's connection, if it is terminated here; `retries` tell why it was tried again,
    the reason each time. What the client said may be secret, so its `repr` does not tell.
    """

    __slots__ = (
        "__weakref__",
        "alpn",
        "attempt",
        "captures",
        "client",
        "kind",
        "now",
        "peek",
        "proxy",
        "request",
        "retries",
        "secured",
        "server_name",
        "tried",
    )

    sealed: ClassVar[type[Session]]
    """What one is once it is made, of the same layout."""

    def __init__(
        self,
        kind: Kind,
        client: tuple[str, int],
        now: float,
        request: RequestHead | None = None,
        tried: Iterable[Any] = (),
        **told: Unpack[Told],
    ) -> None:
        """`told` are other members, where there is more to tell than of any session."""
        self.kind, self.client, self.now, self.request = kind, client, now, request
        self.tried: tuple[Any, ...] = tuple(tried) if tried else ()
        self.secured: Secured | None = None
        self.server_name: str | None = None
        self.alpn: str | None = None
        self.peek, self.captures, self.proxy = b"", NO_CAPTURES, NOTHING_TOLD
        self.attempt = 1
        self.retries: tuple[str, ...] = ()
        self.__class__ = self.sealed  # noqa: PLE0237  every object has one
        if told:
            self.become(**told)

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

    def become(self, **facts: Unpack[Facts]) -> None:
        """Be so from now on."""
        for name, value in facts.items():
            put(self, name, value)

    def at(self, now: float) -> None:
        """It is that time now, and a decision is to be made."""
        put(self, "now", now)

    def arrive(self, proxy: ProxyHeader, secured: Secured | None) -> None:
        """Its connection came so; what was agreed with the client here counts before what a PROXY header says."""
        known: ProxyHeader | Secured = proxy if secured is None else secured
        put(self, "proxy", proxy)
        put(self, "secured", secured)
        put(self, "server_name", known.server_name)
        put(self, "alpn", known.alpn)

    def capture(self, found: Mapping[str, str]) -> None:
        """A matcher has captured that; what it does to its mapping later changes nothing here."""
        put(self, "captures", MappingProxyType(dict(found)))

    def tried_on(self, backend: Backend) -> None:
        """That one has failed or refused it."""
        put(self, "tried", (*self.tried, backend))

    def again(self, reason: str) -> None:
        """Another attempt is made, for that reason."""
        put(self, "attempt", self.attempt + 1)
        put(self, "retries", (*self.retries, reason))

    def not_again(self) -> None:
        """The attempt was not made after all: nobody was left to make it on."""
        put(self, "attempt", self.attempt - 1)
        put(self, "retries", self.retries[:-1])

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        slots = (
            name for kind in type(self).__mro__ for name in getattr(kind, "__slots__", ()) if name != "__weakref__"
        )
        for name in slots:
            put(twin, name, getattr(self, name))
        return twin

    def __repr__(self) -> str:
        return f"Session(kind={self.kind}, client={self.client!r}, attempt={self.attempt}, tried={self.tried!r})"


class _Sealed(Session, SealedSession):
    """What a session is once it is made."""

    __slots__ = ()


Session.sealed = _Sealed
