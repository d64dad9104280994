"""Matchers on the request head: by host, by path, and the one that always matches.

What a client sends is compared as it came, never decoded or tidied up: a matcher must judge the very form that is
passed on. These know nothing of routes, and nothing they are asked about can make them raise.
"""

from __future__ import annotations

import re
from typing import Any, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.errors import ConfigError
from balancer.interfaces import IMatcher, IMatcherPlugin, ISession, Kind, Matcher

_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_HOST: Final = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9a-f:.]+\]", re.ASCII | re.IGNORECASE)
_REMEDY: Final = (
    "is not a host name; write 'example.com', or '*.example.com' for any one label in front, without scheme, port and "
    "path, international names in their xn-- form"
)
_PATH: Final = re.compile(r"/[!-~]*")


def _checked_names(names: tuple[Any, ...]) -> frozenset[str]:
    """The names in the form in which requests give them, see `RequestHead.host`."""
    wrong = [name for name in names if not isinstance(name, str) or not _HOST.fullmatch(name)]
    if wrong or not names:
        raise ConfigError(f"Host: names: {name!r} {_REMEDY}" for name in wrong or [names])
    return frozenset(name.lower().removesuffix(".").strip("[]") for name in names)


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(init=False)
class Host(Matcher):
    """Matches requests to one of these hosts: `Host("example.com", "*.example.com")`.

    Case, port and a trailing dot are of no account (RFC 9110 4.2.3). As in certificates, `*` stands for exactly one
    label: `*.example.com` matches `a.example.com`, neither `a.b.example.com` nor `example.com` (RFC 9525 6.3). An IPv6
    address is written as in a URL, `[::1]`. Raises `ConfigError` for what cannot be a host.
    """

    names: frozenset[str] = attrs.field(converter=_checked_names, repr=lambda names: str(sorted(names)))
    peek = 0
    always = False
    kinds = frozenset({Kind.HTTP})

    def __init__(self, *names: str) -> None:
        self.__attrs_init__(names)

    def matches(self, session: ISession) -> bool:
        if session.request is None:
            return False
        host = session.request.host
        label, _, parent = host.partition(".")
        return host in self.names or (label != "" and f"*.{parent}" in self.names)


def _check_prefix(_path: Path, _attribute: Any, prefix: Any) -> None:
    mistake = _mistake_in(prefix)
    if mistake:
        raise ConfigError([f"Path: prefix: {prefix!r} {mistake}"])


def _mistake_in(prefix: Any) -> str:
    if not isinstance(prefix, str):
        return "is not a text; write '/v1'"
    if not prefix.startswith("/"):
        return f"does not start with a slash; write {'/' + prefix!r}"
    if "?" in prefix or "#" in prefix:
        return f"goes beyond the path; write {re.split('[?#]', prefix)[0]!r}"
    return "" if _PATH.fullmatch(prefix) else "holds what no request can have in its path; percent-encode it"


def _check_end(path: Path, _attribute: Any, exact: bool) -> None:
    bare = path.prefix.rstrip("/") or "/"
    if path.prefix != bare and not exact:
        raise ConfigError([f"Path: prefix: {path.prefix!r} ends with a slash; write {bare!r}, or add exact=True"])


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen
class Path(Matcher):
    """Matches a path and all below it, by whole segments: `/v1` matches `/v1`, `/v1/` and `/v1/x`, never `/v1x`.

    `/` matches every path. With `exact` only the path itself matches, and a slash at its end counts. The query is
    no part of the path. Raises `ConfigError` for a prefix that could match nothing.
    """

    prefix: str = attrs.field(validator=_check_prefix)
    exact: bool = attrs.field(default=False, kw_only=True, validator=_check_end)
    peek = 0
    always = False
    kinds = frozenset({Kind.HTTP})

    def matches(self, session: ISession) -> bool:
        if session.request is None:
            return False
        path = session.request.path
        if self.exact:
            return path == self.prefix
        return f"{path}/".startswith(f"{self.prefix.rstrip('/')}/")


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen
class Always(Matcher):
    """Matches every session, of any kind."""

    peek = 0
    always = True

    def matches(self, session: ISession) -> bool:
        return True
