"""Texts with places for what is known of a request, `"{client}"`; knows no filter.

Beside them, what hosts and paths look like when they are filled in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from string import Formatter
from typing import Any, Final

import attrs

from balancer.core.certificate_texts import distinguished, listed
from balancer.core.messages import RequestHead
from balancer.interfaces import ICertificate, ISession

HOST: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\]")
"""What can be called: a name, an IPv4 address, or an IPv6 address in brackets."""

PATH: Final = re.compile(r"/[\x21\x22\x24-\x3e\x40-\x7e]*")
"""What a request can have for its path, and a URI as well."""

Filling = Callable[[ISession], str]
"""What a place is filled with."""

_NAME: Final = re.compile(r"(captures\.)?([A-Za-z_][A-Za-z0-9_-]*)")


def _request(session: ISession) -> RequestHead:
    assert session.request is not None  # a filter sees no other session
    return session.request


def _shown(tell: Callable[[ICertificate], str]) -> Filling:
    """What the client's certificate says; empty without one that is verified."""

    def filling(session: ISession) -> str:
        certificate = session.certificate
        return "" if certificate is None or not certificate.verified else tell(certificate)

    return filling


KNOWN: Final[Mapping[str, Filling]] = {
    "client": lambda session: session.client[0],
    "host": lambda session: _request(session).host,
    "method": lambda session: _request(session).method,
    "path": lambda session: _request(session).path,
    "query": lambda session: _request(session).query,
    "request_id": lambda session: _request(session).get("x-request-id") or "",
    "scheme": lambda session: _request(session).scheme,
    "server_name": lambda session: session.server_name or "",
    "tls.version": lambda session: session.tls_version or "",
    "tls.cipher": lambda session: session.cipher or "",
    "certificate.subject": _shown(lambda certificate: distinguished(certificate.subject)),
    "certificate.common_name": _shown(lambda certificate: distinguished(certificate.common_name)),
    "certificate.issuer": _shown(lambda certificate: distinguished(certificate.issuer)),
    "certificate.serial": _shown(lambda certificate: certificate.serial),
    "certificate.names": _shown(lambda certificate: listed(certificate.names)),
    "certificate.fingerprint": _shown(lambda certificate: certificate.fingerprint),
}
"""What a name stands for that is not one of a capture. Of a certificate nothing is told that is not verified."""


@attrs.frozen
class Template:
    """A text, filled in for each session. Made by `template`."""

    text: str
    parts: tuple[str | Filling, ...] = attrs.field(eq=False, repr=False)
    captures: frozenset[str] = attrs.field(eq=False, repr=False)
    """The names of what the route has to capture for it."""

    def __call__(self, session: ISession) -> str:
        """The text as it is for that session. Raises `LookupError` for a capture that the route has not made."""
        return "".join([part if isinstance(part, str) else part(session) for part in self.parts])

    @property
    def filled(self) -> str:
        """The text with one letter in each place, to be judged before there is a session."""
        return "".join([part if isinstance(part, str) else "x" for part in self.parts])


def template(text: Any, escape: Callable[[str], str] = str) -> Template:
    """Read a text with names in braces; doubled braces stand for themselves. `escape` makes each value fit.

    A name is one of `KNOWN`, or else one of what the route captured, which may also be written `{captures.name}`.
    Raises `ValueError`, with what is wrong and what to write instead.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a text; write it in quotes")  # noqa: TRY004  what is wrong with a setting is a ValueError
    parts: list[str | Filling] = []
    captures: set[str] = set()
    try:
        pieces = list(Formatter().parse(text))
    except ValueError:
        raise ValueError(f"{text!r} has a brace by itself; write {{{{ or }}}} for one that is meant") from None
    for literal, name, form, conversion in pieces:
        if literal:
            parts.append(literal)
        if name is not None:
            asked = name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            parts.append(_place(text, asked, escape))
            captures |= set() if asked in KNOWN else {_captured_name(asked)}
    return Template(text, tuple(parts), frozenset(captures))


def misfit(setting: str, value: Any, grammar: re.Pattern[str], remedy: str) -> Iterator[str]:
    """What is wrong with a template that is to give such a text, a line for each."""
    try:
        filled = template(value).filled
    except ValueError as error:
        yield f"{setting}: {error}"
        return
    if not grammar.fullmatch(filled):
        yield f"{setting}: {value!r} is not a {setting}; {remedy}"


def _place(text: str, name: str, escape: Callable[[str], str]) -> Filling:
    known, match = KNOWN.get(name), _NAME.fullmatch(name)
    if known is None and match is None:
        names = ", ".join(f"{{{known}}}" for known in KNOWN)
        raise ValueError(
            f"{text!r}: {{{name}}} is not known; write {{captures.name}} for what the route captured, or one of {names}"
        )
    filling = known or _captured(_captured_name(name))
    return filling if escape is str else lambda session: escape(filling(session))


def _captured_name(name: str) -> str:
    return name.removeprefix("captures.")


def _captured(name: str) -> Filling:
    def found(session: ISession) -> str:
        if name not in session.captures:
            raise LookupError(f"the route captured no {name!r}")
        value: Any = session.captures[name]
        return "" if value is None else str(value)

    return found
