"""A health check over HTTP: one request, and what its answer must show; refuses to know how it is sent and read."""

from __future__ import annotations

import json as notation
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
"""The most bytes of a body: of that which is sent, and of the answer's in which something is looked for."""

_STREAMS: Final = frozenset({Kind.TCP, Kind.HTTP})
_SHOWN: Final = 60
_SCALARS: Final = str | int | float | bool | None
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


def _check_json(check: HTTPCheck, _attribute: Any, wanted: Any) -> None:
    if check.method == "HEAD":
        raise _mistake(
            "json", dict(wanted), "can never be found, as HEAD has no body in its answer; write method='GET'"
        )


def _values(wanted: Any) -> tuple[tuple[str, Any], ...] | None:
    """The paths and what is to be there, in a form that cannot change afterwards."""
    if wanted is None:
        return None
    paths = isinstance(wanted, Mapping) and wanted and all(isinstance(path, str) and path for path in wanted)
    if not paths or not all(isinstance(value, _SCALARS) for value in wanted.values()):
        raise _mistake(
            "json",
            wanted,
            "is no mapping of paths to texts, numbers, True, False or None; write {'checks.db.status': 'ok'}",
        )
    return tuple(wanted.items())


def _content(send: Any) -> bytes:
    """The body as it is sent."""
    content = send.encode() if isinstance(send, str) else send
    if not isinstance(content, bytes) or len(content) > BODY:
        raise _mistake("send", send, f"is no text or bytes of at most {BODY} bytes; give one such as '{{}}'")
    return content


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
    is named. `body` is a regular expression, looked for in the first 64 KiB, read as UTF-8. `json` tells what is to be
    where in a JSON document of at most 64 KiB: `{"status": "ok", "checks.0.healthy": True}`; a path is of keys and, for
    lists, numbers. `host` replaces in the Host field the backend's host:port, or the localhost that stands for a unix
    socket. The request has the body `send`, if any, and is of `version` "1.1" or "1.0". Raises `ConfigError` for a
    setting that could not work.
    """

    protocols: ClassVar[frozenset[Kind]] = _STREAMS

    path: str = attrs.field(
        default="/", validator=_text(r"/[!\"$-~]*", "is not a path; write '/healthz', percent-encoded where needed")
    )
    method: str = attrs.field(
        default="GET",
        kw_only=True,
        validator=_text(r"(?!CONNECT$)[A-Z0-9_!#$%&'*+.^`|~-]+", "is not a method; write 'GET'"),
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

    json: tuple[tuple[str, Any], ...] | None = attrs.field(
        default=None, kw_only=True, converter=_values, validator=attrs.validators.optional(_check_json)
    )
    send: bytes = attrs.field(default=b"", kw_only=True, converter=_content, repr=False)
    version: str = attrs.field(
        default="1.1", kw_only=True, validator=_text(r"1\.[01]", "is no version; write '1.1' or '1.0'")
    )

    async def check(self, target: ICheckTarget) -> None:
        wanted = 0 if self.body is None and self.json is None else BODY
        asking = Asking(self._request(target.address), wanted=wanted, body=self.send)
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
        length = len(self.send)
        return RequestHead(
            self.method, self.path, host, fields=tuple(fields.items()), length=length, version=self.version
        )

    def _judge(self, status: int, body: bytes) -> None:
        if not any(status in statuses for statuses in _ranges(self.expect)):
            raise CheckFailed(f"status {status}, expected {self.expect}")
        if self.body is not None and not re.search(self.body, body.decode(errors="replace")):
            raise CheckFailed(f"body does not match {self.body!r}")
        if self.json is not None:
            document = _document(body)
            for path, wanted in self.json:
                _compare(path, wanted, _at(path, document))


def _document(body: bytes) -> Any:
    try:
        return notation.loads(body)
    except (ValueError, RecursionError):
        raise CheckFailed(f"body is no JSON document of at most {BODY} bytes") from None


def _at(path: str, document: Any) -> Any:
    """What is there. Raises `CheckFailed` when there is nothing."""
    for key in path.split("."):
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and key.isdecimal() and int(key) < len(document):
            document = document[int(key)]
        else:
            raise CheckFailed(f"JSON has no {path!r}")
    return document


def _compare(path: str, wanted: Any, found: Any) -> None:
    """Numbers are equal by value, and none of them is True or False."""
    if found != wanted or isinstance(found, bool) is not isinstance(wanted, bool):
        raise CheckFailed(f"JSON has {_shown(found)} at {path!r}, expected {_shown(wanted)}")


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = notation.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
