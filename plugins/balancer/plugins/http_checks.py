"""A health check over HTTP: one request, and what its answer must show; refuses to know how it is sent and read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import attrs
from twisted.internet.protocol import Factory
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.core.messages import Fields, RequestHead, checked_field
from balancer.errors import CheckFailed, ConfigError
from balancer.interfaces import ICheckTarget, IHealthCheck, IHealthCheckPlugin, Kind
from balancer.plugins.http_asking import Asking

BODY: Final = 65536
"""The most bytes of an answer's body in which a pattern is looked for."""

_STREAMS: Final = frozenset({Kind.TCP, Kind.HTTP})
_FIXED: Final = frozenset({"connection", "content-length", "expect", "host", "transfer-encoding", "upgrade"})
_STATUSES: Final = r"[2-5]\d\d(?:-[2-5]\d\d)?"


def _mistake(field: str, value: object, remedy: str) -> ConfigError:
    return ConfigError([f"HTTPCheck: {field}: {value!r} {remedy}"])


def _text(pattern: str, remedy: str) -> Callable[[Any, Any, Any], None]:
    """A validator: takes texts of that form and has a remedy for all else."""

    def validate(_check: HTTPCheck, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            raise _mistake(attribute.name, value, remedy)

    return validate


def _ranges(expect: str) -> list[range]:
    bounds = [part.partition("-") for part in expect.split(",")]
    return [range(int(low), int(high or low) + 1) for low, _, high in bounds]


def _check_ranges(_check: HTTPCheck, _attribute: Any, expect: str) -> None:
    if not all(_ranges(expect)):
        raise _mistake("expect", expect, "has a range that ends before it starts; write '200-299'")


def _check_body(check: HTTPCheck, _attribute: Any, body: Any) -> None:
    if check.method == "HEAD":
        raise _mistake("body", body, "can never be found, as HEAD has no body in its answer; write method='GET'")
    try:
        re.compile(body).search("")
    except (re.error, TypeError) as error:
        raise _mistake("body", body, f"is not a regular expression for text ({error}); mend or escape it") from None


def _pairs(headers: Any) -> Fields:
    """The headers in a form that cannot change afterwards."""
    if not isinstance(headers, Mapping):
        raise _mistake("headers", headers, "is not a mapping; write {'accept': 'text/plain'}")
    return tuple(_pair(str(name), str(value)) for name, value in headers.items())


def _pair(name: str, value: str) -> tuple[str, str]:
    if name.lower() in _FIXED:
        raise _mistake("headers", name, "is set by the check itself; leave it out (for Host there is host='...')")
    try:
        return checked_field(name, value)
    except ValueError:
        raise _mistake("headers", name, "or its value could not stand in a header; write plain ASCII") from None


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen
class HTTPCheck:
    """Healthy when a request for `path` is answered with a status among `expect` and a body that shows `body`.

    `expect` is a status or a text of statuses and ranges: `"200-299,404"`; a redirect is no proof of health unless it
    is named. `body` is a regular expression, looked for in the first 64 KiB, read as UTF-8. `host` replaces in the
    Host field the backend's host:port, or the localhost that stands for a unix socket. Raises `ConfigError` for a
    setting that could not work.
    """

    protocols: ClassVar[frozenset[Kind]] = _STREAMS

    path: str = attrs.field(
        default="/", validator=_text(r"/[!\"$-~]*", "is not a path; write '/healthz', percent-encoded where needed")
    )
    method: str = attrs.field(
        default="GET", kw_only=True, validator=_text(r"(?!CONNECT$)[\w!#$%&'*+.^`|~-]+", "is not a method; write 'GET'")
    )
    headers: Fields = attrs.field(factory=dict, kw_only=True, converter=_pairs, repr=False)
    """Added to those of the check itself, or instead of them. Never shown: they may hold credentials."""
    expect: str = attrs.field(
        default="200-299",
        kw_only=True,
        converter=str,
        validator=[_text(f"{_STATUSES}(?:,{_STATUSES})*", "is no final status; write '200-299'"), _check_ranges],
    )
    body: str | None = attrs.field(default=None, kw_only=True, validator=attrs.validators.optional(_check_body))
    host: str | None = attrs.field(
        default=None,
        kw_only=True,
        validator=attrs.validators.optional(
            _text(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?", "is not a host; write 'example.com'")
        ),
    )

    async def check(self, target: ICheckTarget) -> None:
        asking = Asking(self._request(target.address), wanted=0 if self.body is None else BODY)
        await target.connect(Factory.forProtocol(lambda: asking))
        try:
            status, body = await asking.answer
        finally:
            asking.transport.loseConnection()
        self._judge(status, body)

    def _request(self, address: str) -> RequestHead:
        path = "/" in address or ":" not in address  # a unix socket has no name
        host = self.host or ("localhost" if path else address)
        fields = {"user-agent": "balancer", "accept": "*/*", **dict(self.headers), "connection": "close"}
        return RequestHead(self.method, self.path, host, fields=tuple(fields.items()))

    def _judge(self, status: int, body: bytes) -> None:
        if not any(status in statuses for statuses in _ranges(self.expect)):
            raise CheckFailed(f"status {status}, expected {self.expect}")
        if self.body is not None and not re.search(self.body, body.decode(errors="replace")):
            raise CheckFailed(f"body does not match {self.body!r}")
