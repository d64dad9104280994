"""Filters that change what passes: path and host of a request, fields of requests and answers.

Those that answer themselves stand in `replies` and those about TLS in `tls_filters`; all can be had from here as well.
What a filter is told when it is made is judged then; what only a request can make wrong fails with that request.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import provider

from balancer.core.headers import ENGINES_OWN
from balancer.core.messages import VALUE, Fields, RequestHead, ResponseHead, checked_field
from balancer.core.paths import normal
from balancer.errors import ConfigError, PathRefused
from balancer.interfaces import Filter, IFilterPlugin, ISession
from balancer.plugins.replies import Redirect, Respond
from balancer.plugins.templates import HOST, PATH, Template, misfit, template
from balancer.plugins.tls_filters import HSTS, ClientCertificateHeaders

__all__ = [
    "HSTS",
    "AddPrefix",
    "ClientCertificateHeaders",
    "Redirect",
    "RequestHeaders",
    "Respond",
    "ResponseHeaders",
    "RewriteHost",
    "RewritePath",
    "StripPrefix",
]

_AUTHORITY: Final = re.compile(rf"(?:{HOST.pattern})(?::[0-9]{{1,5}})?")


def _check_prefix(one: object, _attribute: object, prefix: Any) -> None:
    mistake = _mistake_in(prefix)
    if mistake:
        raise ConfigError([f"{type(one).__name__}: prefix: {prefix!r} {mistake}"])


def _mistake_in(prefix: Any) -> str:
    if not isinstance(prefix, str):
        return "is not a text; write '/v1'"
    if not prefix.startswith("/"):
        return f"does not start with a slash; write {'/' + (prefix or 'v1')!r}"
    if prefix.endswith("/"):
        return f"ends with a slash; write {prefix.rstrip('/') or '/v1'!r}"
    if not PATH.fullmatch(prefix):
        return "holds what no request can have in its path; percent-encode it"
    return "" if _is_normal(prefix) else "is not in normal form; resolve its dots, and decode what need not be encoded"


def _is_normal(path: str) -> bool:
    """Whether a path is in the form in which those of requests are, unless the listener leaves them as they come."""
    try:
        return normal(path) == path
    except PathRefused:
        return False


@provider(IPlugin, IFilterPlugin)
@attrs.frozen
class StripPrefix(Filter):
    """Takes a prefix off the path, by whole segments: `/v1` makes `/x` of `/v1/x`, and `/` of `/v1`.

    A path that does not begin so passes as it is, and so does the query. Raises `ConfigError`.
    """

    prefix: str = attrs.field(validator=_check_prefix)

    def request(self, head: RequestHead, session: ISession) -> RequestHead:
        if not head.target.startswith(self.prefix):
            return head
        rest = head.target[len(self.prefix) :]
        if rest[:1] not in ("", "?", "/"):
            return head
        return attrs.evolve(head, target=rest if rest[:1] == "/" else f"/{rest}")


@provider(IPlugin, IFilterPlugin)
@attrs.frozen
class AddPrefix(Filter):
    """Puts a prefix in front of the path: `/v1` makes `/v1/x` of `/x`. Raises `ConfigError`."""

    prefix: str = attrs.field(validator=_check_prefix)

    def request(self, head: RequestHead, session: ISession) -> RequestHead:
        return attrs.evolve(head, target=self.prefix + head.target) if head.target.startswith("/") else head


@provider(IPlugin, IFilterPlugin)
@attrs.frozen
class RewritePath(Filter):
    r"""Replaces what a regular expression finds in the path: `RewritePath("^/u/([0-9]+)$", r"/users/\1")`.

    Both are written as for Python's `re.sub`. The query is neither searched nor changed. A rewritten path that does not
    start with a slash, or is not in normal form where the path was, fails. Raises `ConfigError`.
    """

    pattern: str
    replacement: str
    _regex: re.Pattern[str] = attrs.field(init=False, repr=False, eq=False)

    @_regex.default
    def _compiled(self) -> re.Pattern[str]:
        try:
            regex = re.compile(self.pattern)
        except (TypeError, ValueError, re.error) as error:
            remedy = "write a regular expression such as '^/u/([0-9]+)$'"
            raise ConfigError([f"RewritePath: pattern: {self.pattern!r}: {error}; {remedy}"]) from None
        try:
            _check_replacement(regex, self.replacement)
        except (TypeError, ValueError, IndexError, re.error) as error:
            remedy = r"write a text such as '/users/\1', without a query, where \1 is the first group"
            raise ConfigError([f"RewritePath: replacement: {self.replacement!r}: {error}; {remedy}"]) from None
        return regex

    def request(self, head: RequestHead, session: ISession) -> RequestHead:
        path, mark, query = head.target.partition("?")
        rewritten = self._regex.sub(self.replacement, path)
        if path in (rewritten, "*"):
            return head
        if not PATH.fullmatch(rewritten):
            raise ValueError("what comes of the path is no path")
        if _is_normal(path) and not _is_normal(rewritten):
            raise ValueError("what comes of the path is no longer in normal form")
        return attrs.evolve(head, target=f"{rewritten}{mark}{query}")


def _check_replacement(regex: re.Pattern[str], replacement: str) -> None:
    """Let Python judge a replacement, by a match of an expression with the same groups that always matches."""
    if "?" in replacement or "#" in replacement:
        raise ValueError("it goes beyond the path")
    anything = re.compile(f"{regex.pattern}\n|", regex.flags).match("")
    assert anything is not None  # by its last, empty alternative
    anything.expand(replacement)


@provider(IPlugin, IFilterPlugin)
@attrs.frozen
class RewriteHost(Filter):
    """Gives the request another host, with a port if it is not the usual one: `RewriteHost("{tenant}.internal:8080")`.

    X-Forwarded-Host still says what the client called. What comes of a capture and is no host fails. Raises
    `ConfigError`.
    """

    host: str
    _template: Template = attrs.field(init=False, repr=False, eq=False)

    @_template.default
    def _read(self) -> Template:
        lines = list(misfit("host", self.host, _AUTHORITY, "write it as 'app.internal' or 'app.internal:8080'"))
        if lines:
            raise ConfigError(f"RewriteHost: {line}" for line in lines)
        return template(self.host)

    @property
    def captures(self) -> frozenset[str]:
        """See `IFilter`."""
        return self._template.captures

    def request(self, head: RequestHead, session: ISession) -> RequestHead:
        authority = self._template(session)
        if not _AUTHORITY.fullmatch(authority):
            raise ValueError("what comes of the host is no host")
        return attrs.evolve(head, authority=authority)


def _pairs(given: Any) -> Any:
    return tuple(given.items()) if isinstance(given, Mapping) else given


def _names(given: Any) -> Any:
    return tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)


def _as_mapping(pairs: Fields) -> str:
    return repr(dict(pairs))


@attrs.frozen
class _Headers(Filter):
    """What is done to the fields of a head: some go, others are written behind those that stay."""

    set: Fields = attrs.field(default=(), converter=_pairs, repr=_as_mapping, kw_only=True)
    add: Fields = attrs.field(default=(), converter=_pairs, repr=_as_mapping, kw_only=True)
    remove: tuple[str, ...] = attrs.field(default=(), converter=_names, kw_only=True)
    _written: tuple[tuple[str, Template], ...] = attrs.field(init=False, repr=False, eq=False)
    _gone: frozenset[str] = attrs.field(init=False, repr=False, eq=False)

    @_written.default
    def _read(self) -> tuple[tuple[str, Template], ...]:
        lines = list(self._mistakes())
        if lines:
            raise ConfigError(f"{type(self).__name__}: {line}" for line in lines)
        return tuple((name.lower(), template(value)) for name, value in (*self.set, *self.add))

    @_gone.default
    def _replaced(self) -> frozenset[str]:
        return frozenset(name.lower() for name in (*dict(self.set), *self.remove))

    @property
    def captures(self) -> frozenset[str]:
        """See `IFilter`."""
        return frozenset[str]().union(*(value.captures for _, value in self._written))

    def _mistakes(self) -> Iterator[str]:
        for setting, pairs in (("set", self.set), ("add", self.add)):
            if not isinstance(pairs, tuple):
                yield f"{setting}: {pairs!r} is not a mapping; write {{'x-env': 'beta'}}"
                return
            for name, value in pairs:
                yield from list(_wrong_name(setting, name)) or _wrong_value(setting, name, value)
        for name in self.remove:
            yield from _wrong_name("remove", name)
        names = Counter(str(name).lower() for name in (*dict(self.set), *self.remove))
        for name in [name for name, times in names.items() if times > 1]:
            yield f"{name!r} is set or removed more than once; do it once"
        if not (self.set or self.add or self.remove):
            yield "there is nothing to do; give set, add or remove"

    def _changed(self, fields: Fields, session: ISession) -> Fields:
        kept = tuple([field for field in fields if field[0] not in self._gone])
        return kept + tuple([(name, value(session).strip(" \t")) for name, value in self._written])


def _wrong_name(setting: str, name: Any) -> Iterator[str]:
    try:
        lowered, _ = checked_field(name, "")
    except (AttributeError, TypeError, ValueError):
        yield f"{setting}: {name!r} is not the name of a field; use letters, digits and hyphens"
        return
    if lowered in ENGINES_OWN:
        remedy = "use RewriteHost" if lowered == "host" else "leave it out: the balancer says it where it holds"
        yield f"{setting}: {name!r} is not a filter's to change; {remedy}"


def _wrong_value(setting: str, name: str, value: Any) -> Iterator[str]:
    try:
        filled = template(value).filled.strip(" \t")
    except ValueError as error:
        yield f"{setting}: {name!r}: {error}"
        return
    if not VALUE.fullmatch(filled):
        yield f"{setting}: {name!r}: {value!r} is no value of a field; write one line, of Latin letters"


@provider(IPlugin, IFilterPlugin)
@attrs.frozen
class RequestHeaders(_Headers):
    """Changes the fields of requests: `RequestHeaders(set={"x-client": "{client}"}, remove=["cookie"])`.

    Those in `remove` go, those in `set` replace any of their name, those in `add` join them. Raises `ConfigError`.
    """

    def request(self, head: RequestHead, session: ISession) -> RequestHead:
        return attrs.evolve(head, fields=self._changed(head.fields, session))


@provider(IPlugin, IFilterPlugin)
@attrs.frozen
class ResponseHeaders(_Headers):
    """Changes the fields of answers, as `RequestHeaders` does those of requests. Raises `ConfigError`."""

    def response(self, head: ResponseHead, session: ISession) -> ResponseHead:
        return attrs.evolve(head, fields=self._changed(head.fields, session))
