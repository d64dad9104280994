"""Matchers on the TLS between a client and the balancer: by the certificate that the client showed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.errors import ConfigError
from balancer.interfaces import ICertificate, IMatcher, IMatcherPlugin, ISession, Kind, Matcher

_KINDS: Final = ("DNS:", "URI:", "email:", "IP:")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_NAME_LIKE: Final = "it as 'DNS:a.example', 'URI:spiffe://a/b', 'email:a@b.example' or 'IP:192.0.2.1'"
_SUBJECT_LIKE: Final = "write it as RFC 4514 has it, such as 'CN=billing,O=Example'"


def _several(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)


def _fingerprints(given: Any) -> tuple[Any, ...]:
    """In the form in which sessions tell them, however they were copied."""
    return tuple(one.replace(":", "").lower() if isinstance(one, str) else one for one in _several(given))


def _folded(name: Any) -> Any:
    """An alternative name as it is compared: of DNS names case is of no account."""
    return f"DNS:{name[4:].lower()}" if isinstance(name, str) and name.startswith("DNS:") else name


def _names(given: Any) -> tuple[Any, ...]:
    return tuple(map(_folded, _several(given)))


def _checked(matcher: ClientCertificate, _attribute: object, _value: object) -> None:
    lines = [f"ClientCertificate: {line}" for line in _mistakes(matcher)]
    if lines:
        raise ConfigError(lines)


def _mistakes(matcher: ClientCertificate) -> Iterator[str]:
    if not (matcher.verified is None or type(matcher.verified) is bool):
        yield f"verified: {matcher.verified!r} is not a choice; give True, False, or None for either"
    for setting, name in [*(("subject", one) for one in matcher.subject), *(("issuer", one) for one in matcher.issuer)]:
        if not isinstance(name, str) or "=" not in name:
            yield f"{setting}: {name!r} is no distinguished name; {_SUBJECT_LIKE}"
    for name in matcher.names:
        if not isinstance(name, str) or not name.startswith(_KINDS):
            yield f"names: {name!r} says no kind of name; write {_NAME_LIKE}"
    wrong = [one for one in matcher.fingerprint if not isinstance(one, str) or not _FINGERPRINT.fullmatch(one)]
    yield from (f"fingerprint: {one!r} is not SHA-256; write 64 hexadecimal digits" for one in wrong)


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen
class ClientCertificate(Matcher):
    """Matches sessions of clients that showed a certificate: `ClientCertificate(names="URI:spiffe://example/billing")`.

    What is given must hold, of several values any: `subject` and `issuer` as RFC 4514 writes them, `names` with their
    kind, `DNS:`, `URI:`, `email:` or `IP:`, where `*` stands for any characters, and `fingerprint`, SHA-256 in
    hexadecimal. A certificate that was not verified says what it likes: it matches only with `verified=False`, or
    None for either; its `fingerprint` alone is true. Raises `ConfigError`.
    """

    verified: bool | None = attrs.field(default=True, kw_only=True)
    subject: tuple[str, ...] = attrs.field(default=(), converter=_several, kw_only=True)
    issuer: tuple[str, ...] = attrs.field(default=(), converter=_several, kw_only=True)
    names: tuple[str, ...] = attrs.field(default=(), converter=_names, kw_only=True)
    fingerprint: tuple[str, ...] = attrs.field(default=(), converter=_fingerprints, validator=_checked, kw_only=True)
    peek = 0
    always = False
    kinds = frozenset({Kind.TCP, Kind.HTTP})
    captures = frozenset[str]()

    def matches(self, session: ISession) -> bool:
        certificate = session.certificate
        return certificate is not None and self._judge(certificate)

    def _judge(self, certificate: ICertificate) -> bool:
        if self.verified is not None and certificate.verified is not self.verified:
            return False
        for wanted, shown in (
            (self.subject, certificate.subject),
            (self.issuer, certificate.issuer),
            (self.fingerprint, certificate.fingerprint),
        ):
            if wanted and shown not in wanted:
                return False
        return not self.names or any(self._named(name) for name in map(_folded, certificate.names))

    def _named(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.names)
