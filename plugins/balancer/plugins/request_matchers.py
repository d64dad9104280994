"""Matchers on what a request says beside host and path: method, scheme, fields, parameters and cookies.

All match HTTP requests alone. Values are compared whole, case counting; of several by one name any will do.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.core.headers import HOP_BY_HOP
from balancer.core.messages import NAME, VALUE, RequestHead
from balancer.core.named_values import Values, cookie_values, query_values
from balancer.core.patterns import captured, compiled, groups
from balancer.errors import ConfigError
from balancer.interfaces import Found, IMatcher, IMatcherPlugin, ISession, Kind, Matcher

_METHOD: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Z]{1,32}")
_SCHEMES: Final = ("http", "https")
_COOKIE_VALUE: Final = re.compile(r"[!-:<-~\x80-\xff](?:[ -:<-~\x80-\xff]*[!-:<-~\x80-\xff])?|")
_NO_FIELD: Final = {
    **dict.fromkeys(HOP_BY_HOP - {"te", "trailer"}, "it belongs to the client's connection; leave it out"),
    "upgrade": "write a function, such as lambda session: 'websocket' in session.request.upgrade",
    "host": "write Host('example.com')",
    "content-length": "write a function, such as lambda session: session.request.length == 0",
    "transfer-encoding": "write a function, such as lambda session: session.request.length is None",
}
"""What is no field of a forwarded request but told otherwise, and how to match it."""


class _OfRequest(Matcher):
    """What they share: the kind of session."""

    peek = 0
    always = False
    kinds = frozenset({Kind.HTTP})


def _checked_methods(methods: tuple[Any, ...]) -> tuple[str, ...]:
    wrong = [method for method in methods if not isinstance(method, str) or not _METHOD.fullmatch(method)]
    if wrong or not methods:
        raise ConfigError(
            f"Method: methods: {method!r} is no method; write it in capitals, such as 'GET'" for method in wrong or [()]
        )
    if "CONNECT" in methods:
        raise ConfigError(["Method: methods: 'CONNECT' is never forwarded; leave it out"])
    return methods


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(init=False, repr=False)
class Method(_OfRequest):
    """Matches requests with one of these methods: `Method("GET", "HEAD")`. Raises `ConfigError`."""

    methods: tuple[str, ...] = attrs.field(converter=_checked_methods)
    captures = frozenset[str]()

    def __init__(self, *methods: str) -> None:
        self.__attrs_init__(methods)

    def matches(self, session: ISession) -> bool:
        return session.request is not None and session.request.method in self.methods

    def __repr__(self) -> str:
        return f"Method({', '.join(map(repr, self.methods))})"


def _check_scheme(_scheme: Scheme, _attribute: Any, name: Any) -> None:
    if name not in _SCHEMES:
        raise ConfigError([f"Scheme: name: {name!r} is not a choice; give 'http' or 'https'"])


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(repr=False)
class Scheme(_OfRequest):
    """Matches requests by how the client sent them: `Scheme("https")`, or "http". Raises `ConfigError`."""

    name: str = attrs.field(validator=_check_scheme)
    captures = frozenset[str]()

    def matches(self, session: ISession) -> bool:
        return session.request is not None and session.request.scheme == self.name

    def __repr__(self) -> str:
        return f"Scheme({self.name!r})"


def _value_pattern(matcher: _Valued) -> re.Pattern[str] | None:
    kind = type(matcher).__name__
    if wrong := list(matcher._mistakes()):  # noqa: SLF001  the matcher's own
        raise ConfigError(f"{kind}: {line}" for line in wrong)
    return None if matcher.regex is None else compiled(f"{kind}: regex", matcher.regex)


@attrs.frozen(repr=False)
class _Valued(_OfRequest):
    """What matchers on named values share. Once its settings are checked, a pattern and a search are made of them."""

    name: str
    value: str | None = None
    regex: str | None = attrs.field(default=None, kw_only=True)
    _pattern: re.Pattern[str] | None = attrs.field(
        init=False, eq=False, default=attrs.Factory(_value_pattern, takes_self=True)
    )

    @property
    def captures(self) -> frozenset[str]:
        """The named groups of `regex`."""
        return groups(self._pattern)

    def matches(self, session: ISession) -> Found:
        if session.request is None:
            return False
        answers = map(self._judge, self._values(session.request))
        return next((found for found in answers if found is not False), False)

    def _judge(self, value: str) -> Found:
        if self._pattern is not None:
            return captured(self._pattern.fullmatch(value))
        return self.value is None or value == self.value

    @abstractmethod
    def _values(self, request: RequestHead) -> Iterable[str]:
        """What the request gives to the name."""

    @abstractmethod
    def _wrong_name(self) -> str:
        """What is wrong with a name that is text, if anything."""

    @abstractmethod
    def _possible(self, value: str) -> bool:
        """Whether a request can give that value."""

    def _mistakes(self) -> Iterator[str]:
        wrong = self._wrong_name() if isinstance(self.name, str) else "is not a text; write it in quotes"
        if wrong:
            yield f"name: {self.name!r} {wrong}"
        if self.value is not None and self.regex is not None:
            yield "regex: cannot stand beside value; give one of them"
        elif self.value is not None and not isinstance(self.value, str):
            yield f"value: {self.value!r} is not a text; write it in quotes, or leave it out for any value"
        elif self.value is not None and not self._possible(self.value):
            yield f"value: {self.value!r} is none that a request can have; write it as it is sent"

    def __repr__(self) -> str:
        value = [] if self.value is None else [repr(self.value)]
        regex = [] if self.regex is None else [f"regex={self.regex!r}"]
        return f"{type(self).__name__}({', '.join([repr(self.name), *value, *regex])})"


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(repr=False)
class Header(_Valued):
    """Matches requests with a header field: `Header("x-env", "beta")`, or with any value `Header("x-env")`.

    `regex=r"..."` in place of the value matches a whole one and captures its named groups. The name's case is of no
    account. Fields are seen as they are forwarded: `x-forwarded-for` is the balancer's own. Raises `ConfigError`.
    """

    def _values(self, request: RequestHead) -> Iterable[str]:
        return request.get_all(self.name.lower())

    def _wrong_name(self) -> str:
        name = self.name.lower()
        if not NAME.fullmatch(name):
            return "is no field name; use letters, digits and hyphens"
        if "_" in name:
            return f"is never forwarded, for its underscore; write {name.replace('_', '-')!r}"
        return f"is no field here; {_NO_FIELD[name]}" if name in _NO_FIELD else ""

    def _possible(self, value: str) -> bool:
        return VALUE.fullmatch(value) is not None


def _query_search(query: Query) -> Values:
    return query_values(query.name)


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(repr=False)
class Query(_Valued):
    """Matches requests with a parameter in the query: `Query("env", "beta")`, or with any value `Query("env")`.

    `regex=r"..."` in place of the value matches a whole one and captures its named groups. Names and values are
    compared decoded, as those of a form are. Raises `ConfigError`.
    """

    _search: Values = attrs.field(init=False, eq=False, default=attrs.Factory(_query_search, takes_self=True))

    def _values(self, request: RequestHead) -> Iterable[str]:
        return self._search(request)

    def _wrong_name(self) -> str:
        return "" if self.name else "is empty; give the parameter's name"

    def _possible(self, value: str) -> bool:
        return True


def _cookie_search(cookie: Cookie) -> Values:
    return cookie_values(cookie.name)


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen(repr=False)
class Cookie(_Valued):
    """Matches requests with a cookie: `Cookie("beta", "on")`, or with any value `Cookie("beta")`.

    `regex=r"..."` in place of the value matches a whole one and captures its named groups. Values are compared as they
    are sent, quotes included. Raises `ConfigError`.
    """

    _search: Values = attrs.field(init=False, eq=False, default=attrs.Factory(_cookie_search, takes_self=True))

    def _values(self, request: RequestHead) -> Iterable[str]:
        return self._search(request)

    def _wrong_name(self) -> str:
        return "" if NAME.fullmatch(self.name.lower()) else "is no name of a cookie; use letters, digits, - and _"

    def _possible(self, value: str) -> bool:
        return _COOKIE_VALUE.fullmatch(value) is not None
