"""Matchers on host and path, and the one that always matches; those on all the rest of a request can be had here, too.

Each judges a request as it is forwarded, so that nothing else is matched than what the backend gets. None can be made
to raise by what a client sends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.core.paths import normal
from balancer.core.patterns import captured, compiled, groups
from balancer.errors import ConfigError, PathRefused
from balancer.interfaces import Found, IMatcher, IMatcherPlugin, ISession, Kind, Matcher
from balancer.plugins.client_matchers import ClientIP, Percent
from balancer.plugins.request_matchers import Cookie, Header, Method, Query, Scheme
from balancer.plugins.tls_matchers import ClientCertificate

__all__ = [
    "Always",
    "ClientCertificate",
    "ClientIP",
    "Cookie",
    "Header",
    "Host",
    "Method",
    "Path",
    "Percent",
    "Query",
    "Scheme",
]

_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_HOST: Final = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9a-f:.]+\]", re.ASCII | re.IGNORECASE)
_REMEDY: Final = (
    "is not a host name; write 'example.com', or '*.example.com' for any one label in front, without scheme, port and "
    "path, international names in their xn-- form"
)
_PATH: Final = re.compile(r"/[!-~]*")
_NO_SLASH: Final = re.compile(r"(?:[A-Za-z0-9](?![?*{])[^|]*)?")
"""An expression that wants something else at the beginning of a path, or nothing at all."""
_CAPTURE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(\.\.\.)?\}")


def _checked_names(names: tuple[Any, ...]) -> frozenset[str]:
    """The names in the form in which requests give them, see `RequestHead.host`."""
    wrong = [name for name in names if not isinstance(name, str) or not _HOST.fullmatch(name)]
    if wrong:
        raise ConfigError(f"Host: names: {name!r} {_REMEDY}" for name in wrong)
    return frozenset(name.lower().removesuffix(".").strip("[]") for name in names)


def _host_pattern(host: Host) -> re.Pattern[str] | None:
    if not host.names and host.regex is None:
        raise ConfigError([f"Host: names: () {_REMEDY}"])
    return None if host.regex is None else compiled("Host: regex", host.regex, re.IGNORECASE)


def _known_hosts(host: Host) -> frozenset[str] | None:
    return host.names if host.regex is None else None


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(init=False, repr=False)
class Host(Matcher):
    r"""Matches requests to one of these hosts: `Host("example.com", "*.example.com")`.

    Case, port and a trailing dot are of no account (RFC 9110 4.2.3). As in certificates, `*` stands for exactly one
    label: `*.example.com` matches `a.example.com`, neither `a.b.example.com` nor `example.com` (RFC 9525 6.3). An IPv6
    address is written as in a URL, `[::1]`. Beside names, or in their place, `regex` matches the whole host, and its
    named groups are captures: `Host(regex=r"(?P<shop>[a-z]+)\.shops\.example")`. Raises `ConfigError` for what cannot
    be a host.
    """

    names: frozenset[str] = attrs.field(default=(), converter=_checked_names)
    regex: str | None = attrs.field(default=None)
    hosts: frozenset[str] | None = attrs.field(
        init=False, eq=False, default=attrs.Factory(_known_hosts, takes_self=True)
    )
    _pattern: re.Pattern[str] | None = attrs.field(
        init=False, eq=False, default=attrs.Factory(_host_pattern, takes_self=True)
    )
    peek = 0
    always = False
    kinds = frozenset({Kind.HTTP})

    @property
    def captures(self) -> frozenset[str]:
        """The named groups of `regex`."""
        return groups(self._pattern)

    def __init__(self, *names: str, regex: str | None = None) -> None:
        self.__attrs_init__(names, regex)

    def matches(self, session: ISession) -> Found:
        if session.request is None:
            return False
        host = session.request.host
        label, _, parent = host.partition(".")
        if host in self.names or (label != "" and f"*.{parent}" in self.names):
            return True
        return False if self._pattern is None else captured(self._pattern.fullmatch(host))

    def __repr__(self) -> str:
        given = [repr(name) for name in sorted(self.names)]
        return f"Host({', '.join(given if self.regex is None else [*given, f'regex={self.regex!r}'])})"


def _mistakes_in_path(path: Path) -> Iterator[str]:
    """What is wrong with the settings of a path, a line for each."""
    given = {name: getattr(path, name) for name in ("prefix", "template", "regex")}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        yield f"{' and '.join(named) or 'prefix'}: give one of '/v1', template='/users/{{id}}' and regex=r'...'"
    elif type(path.exact) is not bool:
        yield f"exact: {path.exact!r} is not a choice; give True or False"
    elif named != ["prefix"] and path.exact:
        yield f"exact: would be ignored, for a {named[0]} matches whole paths; leave it out"
    elif path.regex is not None:
        if isinstance(path.regex, str) and _NO_SLASH.fullmatch(path.regex):
            yield f"regex: {path.regex!r} matches no path, for each begins with a slash; write {'/' + path.regex!r}"
    else:
        yield from (f"{named[0]}: {given[named[0]]!r} {line}" for line in _mistakes_in(path))


def _mistakes_in(path: Path) -> Iterator[str]:
    """What is wrong with a prefix or a template."""
    text: Any = path.prefix if path.template is None else path.template
    if not isinstance(text, str):
        yield "is not a text; write '/v1'"
    elif not text.startswith("/"):
        yield f"does not start with a slash; write {'/' + text!r}"
    elif "?" in text or "#" in text:
        yield f"goes beyond the path; write {re.split('[?#]', text)[0]!r}"
    elif path.template is None:
        yield from _mistakes_in_prefix(text, exact=path.exact)
    else:
        yield from _mistakes_in_template(text)


def _mistakes_in_prefix(text: str, *, exact: bool) -> Iterator[str]:
    bare = text.rstrip("/") or "/"
    if _CAPTURE.search(text):
        yield f"holds a capture; write template={text!r}"
    elif text != bare and not exact:
        yield f"ends with a slash; write {bare!r}, or add exact=True"
    else:
        yield from _abnormal(text, text)


def _mistakes_in_template(text: str) -> Iterator[str]:
    found = [(segment, _CAPTURE.fullmatch(segment)) for segment in text.split("/")]
    names = [match[1] for _, match in found if match]
    if odd := [segment for segment, match in found if not match and {"{", "}"} & set(segment)]:
        yield f"has a segment {odd[0]!r} that is no capture as a whole; write one such as {{id}}, or use regex=r'...'"
    elif any(match and match[2] for _, match in found[:-1]):
        yield "has segments behind a capture of all the rest; put that at the end"
    elif len(set(names)) < len(names):
        yield "names two captures alike; give each its own name"
    else:
        yield from _abnormal(text, _CAPTURE.sub("x", text))


def _abnormal(text: str, sample: str) -> Iterator[str]:
    """Expect that a path such as the sample is in normal form, as those of requests are."""
    try:
        form = normal(sample) if _PATH.fullmatch(sample) else None
    except PathRefused:
        form = None
    if form is None:
        yield "holds what no request can have in its path; percent-encode it"
    elif form != sample:
        yield f"is not how a path is forwarded; write {form!r}" if text == sample else "is not how a path is forwarded"


def _path_pattern(path: Path) -> re.Pattern[str] | None:
    wrong = [f"Path: {line}" for line in _mistakes_in_path(path)]
    if wrong:
        raise ConfigError(wrong)
    if path.regex is not None:
        return compiled("Path: regex", path.regex)
    return None if path.template is None else re.compile("/".join(map(_segment, path.template.split("/"))))


def _segment(text: str) -> str:
    """A segment of a template as an expression that does not backtrack."""
    match = _CAPTURE.fullmatch(text)
    if match is None:
        return re.escape(text)
    return f"(?P<{match[1]}>{'.*+' if match[2] else '[^/]++'})"


def _known_prefixes(path: Path) -> tuple[str, ...] | None:
    if path.template is None:
        return None if path.prefix is None else (path.prefix,)
    fixed = takewhile(lambda segment: not _CAPTURE.fullmatch(segment), path.template.split("/"))
    return ("/".join(fixed) or "/",)


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(repr=False)
class Path(Matcher):
    r"""Matches a path and all below it, by whole segments: `/v1` matches `/v1`, `/v1/` and `/v1/x`, never `/v1x`.

    `/` matches every path. With `exact` only the path itself matches, and a slash at its end counts. The query is
    no part of the path. In place of a prefix, `template="/users/{id}/posts/{post}"` captures a segment each, which is
    never empty, and `{rest...}` at the end all that remains, were it nothing; `regex=r"/(?P<lang>de|fr)/.*"` matches
    the whole path and captures its named groups. Captures are as the path is forwarded, percent-encoded. Raises
    `ConfigError` for what could match nothing.
    """

    prefix: str | None = None
    exact: bool = attrs.field(default=False, kw_only=True)
    template: str | None = attrs.field(default=None, kw_only=True)
    regex: str | None = attrs.field(default=None, kw_only=True)
    _pattern: re.Pattern[str] | None = attrs.field(
        init=False, eq=False, default=attrs.Factory(_path_pattern, takes_self=True)
    )
    prefixes: tuple[str, ...] | None = attrs.field(
        init=False, eq=False, default=attrs.Factory(_known_prefixes, takes_self=True)
    )
    peek = 0
    always = False
    kinds = frozenset({Kind.HTTP})

    @property
    def captures(self) -> frozenset[str]:
        """The names in `template`, or the named groups of `regex`."""
        return groups(self._pattern)

    def matches(self, session: ISession) -> Found:
        if session.request is None:
            return False
        path = session.request.path
        if self._pattern is not None:
            return captured(self._pattern.fullmatch(path))
        assert self.prefix is not None
        if self.exact:
            return path == self.prefix
        return f"{path}/".startswith(f"{self.prefix.rstrip('/')}/")

    def __repr__(self) -> str:
        if self.prefix is not None:
            return f"Path({self.prefix!r}, exact=True)" if self.exact else f"Path({self.prefix!r})"
        return f"Path(template={self.template!r})" if self.regex is None else f"Path(regex={self.regex!r})"


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen
class Always(Matcher):
    """Matches every session, of any kind."""

    peek = 0
    always = True
    captures = frozenset[str]()

    def matches(self, session: ISession) -> bool:
        return True
