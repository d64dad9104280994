"""Filters that answer themselves, so that no backend is asked: redirects and fixed answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final
from urllib.parse import quote

import attrs
from twisted.plugin import IPlugin
from zope.interface import provider

from balancer.core.messages import VALUE, RequestHead
from balancer.errors import ConfigError
from balancer.interfaces import Filter, IFilterPlugin, ISession, Reply
from balancer.plugins.templates import HOST, PATH, Template, misfit, template

_SCHEMES: Final = {"http": 80, "https": 443}
"""Each with the port that goes without saying (RFC 9110 4.2.1, 4.2.2)."""
_REDIRECTS: Final = (301, 302, 307, 308)
_BODILESS: Final = (204, 205, 304)
_SAFE_IN_PATHS: Final = "/%:@!$&'()*+,;="
"""What need not be escaped in a path; what was escaped already stays so (RFC 3986 3.3)."""


def _escaped(value: str) -> str:
    return quote(value, safe=_SAFE_IN_PATHS, encoding="latin-1")


@provider(IPlugin, IFilterPlugin)
@attrs.frozen
class Redirect(Filter):
    """Sends clients elsewhere: `Redirect(scheme="https")`, `Redirect(host="www.example.com", status=302)`.

    What is not given stays: host and path, the query always, and the port as long as the scheme stays; another scheme
    goes to its usual port. A request that is where it would be sent to passes. The scheme is what X-Forwarded-Proto
    says, which is this balancer's word or that of a trusted one before it. After 301 and 302 clients may make a GET of
    a POST, after 307 and 308 they must not; 301 and 308 may be remembered. Raises `ConfigError`.
    """

    scheme: str | None = attrs.field(default=None, kw_only=True)
    host: str | None = attrs.field(default=None, kw_only=True)
    port: int | None = attrs.field(default=None, kw_only=True)
    path: str | None = attrs.field(default=None, kw_only=True)
    status: int = attrs.field(default=308, kw_only=True)
    answers: ClassVar[bool] = True
    _host: Template | None = attrs.field(init=False, repr=False, eq=False)
    _path: Template | None = attrs.field(init=False, repr=False, eq=False)

    @_host.default
    def _read_host(self) -> Template | None:
        lines = [f"Redirect: {line}" for line in self._mistakes()]
        if lines:
            raise ConfigError(lines)
        return None if self.host is None else template(self.host)

    @_path.default
    def _read_path(self) -> Template | None:
        return None if self.path is None else template(self.path, _escaped)

    @property
    def captures(self) -> frozenset[str]:
        """See `IFilter`."""
        return frozenset[str]().union(*(each.captures for each in (self._host, self._path) if each is not None))

    def _mistakes(self) -> Iterator[str]:
        if self.scheme is not None and self.scheme not in _SCHEMES:
            yield f"scheme: {self.scheme!r} is not a choice; give 'http' or 'https'"
        if self.host is not None:
            yield from misfit("host", self.host, HOST, "write it as 'www.example.com', without a port")
        if self.port is not None and (type(self.port) is not int or not 1 <= self.port <= 65535):
            yield f"port: {self.port!r} is not a port; give 1 to 65535"
        if self.path is not None:
            yield from misfit("path", self.path, PATH, "write it as '/new', without a query")
        if self.status not in _REDIRECTS:
            yield f"status: {self.status!r} is not a choice; give {', '.join(map(str, _REDIRECTS[:-1]))} or 308"
        if {self.scheme, self.host, self.port, self.path} == {None}:
            yield "nowhere to send clients to; give scheme, host, port or path"

    def request(self, head: RequestHead, session: ISession) -> RequestHead | Reply:
        here = _place_of(head)
        there = self._place_from(here, session)
        if there == here:
            return head
        if HOST.fullmatch(there.host):
            query = f"?{head.query}" if head.query else ""
            return Reply(self.status, fields=(("location", there.uri + query),))
        if self._host is None:
            return Reply(400)  # the client named none, as HTTP/1.0 permits
        raise ValueError("what comes of the host is no host")

    def _place_from(self, here: _Place, session: ISession) -> _Place:
        scheme = self.scheme or here.scheme
        return _Place(
            scheme,
            here.host if self._host is None else self._host(session).lower(),
            self.port or (here.port if scheme == here.scheme else _SCHEMES[scheme]),
            here.path if self._path is None else self._path(session),
        )


@attrs.frozen
class _Place:
    """Where a request is, or is sent to, without the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def uri(self) -> str:
        """The same, as it is written."""
        port = "" if self.port == _SCHEMES[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.path}"


def _place_of(head: RequestHead) -> _Place:
    told = head.get("x-forwarded-proto")
    scheme = told if told in _SCHEMES else head.scheme
    host, mark, port = head.authority.rpartition(":")
    if not mark or "]" in port:
        host, port = head.authority, ""
    path = head.path if head.target.startswith("/") else "/"
    return _Place(scheme, host.lower().removesuffix("."), int(port or _SCHEMES[scheme]), path)


@provider(IPlugin, IFilterPlugin)
@attrs.frozen
class Respond(Filter):
    """Answers every request alike: `Respond(503, "back at noon")`. A text is sent in UTF-8. Raises `ConfigError`."""

    status: int = 200
    content: str | bytes = b""
    content_type: str | None = None
    answers: ClassVar[bool] = True
    _reply: Reply = attrs.field(init=False, repr=False, eq=False)

    @_reply.default
    def _made(self) -> Reply:
        lines = [f"Respond: {line}" for line in self._mistakes()]
        if lines:
            raise ConfigError(lines)
        if not self.content:
            return Reply(self.status)
        body = self.content.encode() if isinstance(self.content, str) else self.content
        usual = "text/plain; charset=utf-8" if isinstance(self.content, str) else "application/octet-stream"
        return Reply(self.status, body, (("content-type", self.content_type or usual),))

    def _mistakes(self) -> Iterator[str]:
        if type(self.status) is not int or not 200 <= self.status <= 599:
            yield f"status: {self.status!r} is not a final status; give 200 to 599"
        if not isinstance(self.content, str | bytes):
            yield f"content: {self.content!r} is neither a text nor bytes; write it in quotes"
        elif self.content and self.status in _BODILESS:
            yield f"content: would be ignored, for an answer with status {self.status} has none; leave it out"
        if self.content_type is None:
            return
        if not self.content:
            yield "content_type: would be ignored without content; leave it out"
        elif not isinstance(self.content_type, str) or not self.content_type or not VALUE.fullmatch(self.content_type):
            yield f"content_type: {self.content_type!r} is not one; write it as 'text/html'"

    def request(self, head: RequestHead, session: ISession) -> Reply:
        return self._reply
