"""A cookie of the balancer's own that says which backend its client belongs to, in words that only the balancer knows.

Nothing has to be remembered for it. Refuses to know which backends are up.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterator
from typing import Any, ClassVar, Final, Literal

import attrs

from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.named_values import cookie_values
from balancer.errors import ConfigError
from balancer.interfaces import IBackend, ISession, Kind
from balancer.plugins.settings import is_count, told
from balancer.plugins.stickiness import COOKIE, OF_HTTP, Memory, Plain, is_cookie

SECRET: Final = 16
"""The fewest bytes of a secret."""

_LONGEST_AGE: Final = 400 * 86400  # what browsers keep a cookie for, at most
_SAME_SITE: Final = ("Lax", "Strict", "None")
_PATH: Final = re.compile(r"/[!-:<-~]*+")
_DOMAIN: Final = re.compile(r"\.?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_NOT_SHARED: Final = re.compile(r"(?:^|[,\s])(?:private|no-store)(?![\w-])", re.IGNORECASE)


def _secret(given: Any) -> Any:
    return given.encode() if isinstance(given, str) else given


@attrs.frozen
class OwnCookie:
    """A cookie whose value is made of the backend's name by HMAC-SHA-256: `OwnCookie("lb", secret)`.

    The value tells nothing, and nobody without the secret can make one up. Processes and machines with the same secret
    agree, and none has to remember anything. It is sent to clients that do not bring it, or bring another backend's;
    backends do not see it. Give each pool of a site a cookie of its own name.

    `secret` is a text or bytes, 16 bytes or more. Clients keep the cookie for `max_age` seconds after they got it; None
    is until they are closed. It is `Secure` where the client comes over TLS, unless `secure` says something else. An
    answer that brings it is marked `Cache-Control: private`, lest a cache give it to others, unless `private` is False.
    Raises `ConfigError`.
    """

    name: str
    secret: bytes = attrs.field(converter=_secret, repr=False)
    max_age: int | None = attrs.field(default=None, kw_only=True)
    path: str = attrs.field(default="/", kw_only=True)
    domain: str | None = attrs.field(default=None, kw_only=True)
    same_site: Literal["Lax", "Strict", "None"] = attrs.field(default="Lax", kw_only=True)
    secure: bool | None = attrs.field(default=None, kw_only=True)
    http_only: bool = attrs.field(default=True, kw_only=True)
    private: bool = attrs.field(default=True, kw_only=True)
    kinds: ClassVar[frozenset[Kind]] = OF_HTTP

    def __attrs_post_init__(self) -> None:
        told(
            self,
            name=(is_cookie(self.name), COOKIE),
            max_age=(
                self.max_age is None or is_count(self.max_age, 1, _LONGEST_AGE),
                f"is not a number of seconds from 1 to {_LONGEST_AGE}",
            ),
            path=(_fits(_PATH, self.path), "is not a path; write one such as '/'"),
            domain=(self.domain is None or _fits(_DOMAIN, self.domain), "is not a domain; write 'example.com'"),
            same_site=(self.same_site in _SAME_SITE, "is not a choice; give 'Lax', 'Strict' or 'None'"),
            secure=(
                self.secure is not False or self.same_site != "None",
                "goes with no same_site='None', which browsers take over TLS alone; leave it out",
            ),
        )
        if not isinstance(self.secret, bytes) or len(self.secret) < SECRET:
            remedy = f"give {SECRET} bytes or more, such as secrets.token_hex() once printed, kept in a file"
            raise ConfigError([f"OwnCookie: secret: is no text and no bytes, or is too short; {remedy}"])

    def memory(self) -> Memory:
        """See `Stickiness`."""
        return _Signed(self)


def _fits(form: re.Pattern[str], text: Any) -> bool:
    return isinstance(text, str) and form.fullmatch(text) is not None


class _Signed(Plain):
    """The memory of `OwnCookie`: the value that each backend has.

    Values are looked up in a dictionary, whose time tells nothing of how much of a wrong one is right.
    """

    def __init__(self, settings: OwnCookie) -> None:
        self._settings = settings
        self._values: dict[str, str] = {}
        self._homes: dict[str, str] = {}
        self._brought = cookie_values(settings.name)

    def know(self, names: Collection[str]) -> None:
        """See `Memory`."""
        self._values = {name: self._values.get(name) or self._sign(name) for name in names}
        self._homes = {value: name for name, value in self._values.items()}

    def _sign(self, name: str) -> str:
        """16 bytes of the hash are enough that nobody finds one, and the cookie's name makes those of pools differ."""
        said = f"{self._settings.name}\0{name}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._settings.secret, said, "sha256")
        return urlsafe_b64encode(digest[:16]).decode().rstrip("=")

    def home(self, session: ISession) -> str | None:
        if session.request is None:
            return None
        return next(filter(None, map(self._homes.get, self._brought(session.request))), None)

    def requested(self, head: RequestHead) -> RequestHead:
        name = self._settings.name
        if not any(field == "cookie" and name in value for field, value in head.fields):
            return head
        return attrs.evolve(head, fields=tuple(_without(name, head.fields)))

    def responded(self, session: ISession, backend: IBackend, head: ResponseHead) -> ResponseHead:
        if self.home(session) == backend.name or session.request is None:
            return head
        head = head.with_added("set-cookie", self._cookie(self._values[backend.name], tls=session.tls))
        if self._settings.private and not any(map(_NOT_SHARED.search, head.get_all("cache-control"))):
            head = head.with_added("cache-control", "private")
        return head

    def _cookie(self, value: str, *, tls: bool) -> str:
        settings, secure = self._settings, tls if self._settings.secure is None else self._settings.secure
        attributes = {
            f"{settings.name}={value}": True,
            f"Path={settings.path}": True,
            f"Domain={settings.domain}": settings.domain is not None,
            f"Max-Age={settings.max_age}": settings.max_age is not None,
            f"SameSite={settings.same_site}": True,
            "HttpOnly": settings.http_only,
            "Secure": secure,
        }
        return "; ".join(attribute for attribute, wanted in attributes.items() if wanted)


def _without(name: str, fields: Collection[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The fields with no cookie of that name among them, and none that has no other."""
    for field, value in fields:
        if field != "cookie":
            yield field, value
            continue
        kept = [pair for pair in value.split(";") if pair.partition("=")[0].strip(" \t") != name]
        if kept:
            yield field, ";".join(kept).lstrip(" \t")
