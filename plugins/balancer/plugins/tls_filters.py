"""Filters about TLS between clients and the balancer: HSTS for browsers, and the client's certificate for backends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final, Literal

import attrs
from twisted.plugin import IPlugin
from zope.interface import provider

from balancer.core.certificate_texts import byte_sequence, distinguished, listed
from balancer.core.headers import hyphened
from balancer.core.messages import NAME, Fields, RequestHead, ResponseHead
from balancer.errors import ConfigError
from balancer.interfaces import Filter, ICertificate, IFilterPlugin, ISession

_HSTS: Final = "strict-transport-security"
_YEAR: Final = 365 * 24 * 3600
_PREFIX: Final = "X-Client-Certificate-"
_CERT, _CHAIN = "client-cert", "client-cert-chain"


def _hsts(hsts: HSTS) -> str:
    lines = [f"HSTS: {line}" for line in _wrong_hsts(hsts)]
    if lines:
        raise ConfigError(lines)
    subdomains, preload = "; includeSubDomains" * hsts.include_subdomains, "; preload" * hsts.preload
    return f"max-age={hsts.max_age}{subdomains}{preload}"


def _wrong_hsts(hsts: HSTS) -> Iterator[str]:
    age: Any = hsts.max_age
    if type(age) is not int or age < 0:
        yield f"max_age: {age!r} is not a whole number of seconds from 0; give one such as {_YEAR}, which is a year"
    for name in ("include_subdomains", "preload"):
        if type(getattr(hsts, name)) is not bool:
            yield f"{name}: {getattr(hsts, name)!r} is not a choice; give True or False"
    if hsts.preload is True and not (hsts.include_subdomains is True and type(age) is int and age >= _YEAR):
        yield f"preload: is for hosts with include_subdomains=True and a max_age of {_YEAR} or more; give both"


@provider(IPlugin, IFilterPlugin)
@attrs.frozen
class HSTS(Filter):
    """Tells browsers to come over TLS alone for so many seconds: `HSTS()` (RFC 6797).

    Said in answers to requests over TLS, in place of what a backend says of it; in all others nobody says it (7.2). 0
    takes it back. `preload` agrees to be on the lists that browsers are built with. Raises `ConfigError`.
    """

    max_age: int = _YEAR
    include_subdomains: bool = attrs.field(default=False, kw_only=True)
    preload: bool = attrs.field(default=False, kw_only=True)
    schemes: ClassVar[frozenset[str]] = frozenset({"https"})
    _value: str = attrs.field(init=False, repr=False, eq=False, default=attrs.Factory(_hsts, takes_self=True))

    def response(self, head: ResponseHead, session: ISession) -> ResponseHead:
        assert session.request is not None  # a filter sees no other session
        if session.request.scheme == "https":
            return head.with_field(_HSTS, self._value)
        return head if head.get(_HSTS) is None else head.without(_HSTS)


def _check_prefix(one: ClientCertificateHeaders, _attribute: object, prefix: Any) -> None:
    lines = []
    if not (isinstance(prefix, str) and NAME.fullmatch(prefix.lower()) and prefix.endswith("-")) or "_" in prefix:
        lines.append(f"prefix: {prefix!r} begins no name of a field; write letters, digits and hyphens, as {_PREFIX!r}")
    elif one.form == "rfc9440" and prefix != _PREFIX:
        lines.append("prefix: would be ignored, for form='rfc9440' has names of its own; leave it out")
    if one.form not in ("plain", "rfc9440"):
        lines.append(f"form: {one.form!r} is not a choice; give 'plain' or 'rfc9440'")
    if lines:
        raise ConfigError(f"ClientCertificateHeaders: {line}" for line in lines)


@provider(IPlugin, IFilterPlugin)
@attrs.frozen
class ClientCertificateHeaders(Filter):
    """Tells backends of the client's certificate, and lets nobody else do so: `ClientCertificateHeaders()`.

    In the form "plain" the fields are the `prefix` and Verified, which is "yes" or "no: " and why not, Fingerprint,
    and of a verified one Subject, Issuer, Serial and Names, with commas between. Names and subject are in ASCII, other
    letters escaped. In the form "rfc9440" they are Client-Cert and Client-Cert-Chain (RFC 9440), of a verified one
    alone. Without a certificate there is none of them. Fields of all these names, and all that begin with the prefix,
    are removed from what clients send, trusted ones too. Raises `ConfigError`.
    """

    form: Literal["plain", "rfc9440"] = attrs.field(default="plain", kw_only=True)
    prefix: str = attrs.field(default=_PREFIX, validator=_check_prefix, kw_only=True)

    def request(self, head: RequestHead, session: ISession) -> RequestHead:
        certificate = session.certificate
        kept = tuple([field for field in head.fields if not self._ours(hyphened(field[0]))])
        told: Fields = ()
        if certificate is not None:
            told = _structured(certificate) if self.form == "rfc9440" else self._plain(certificate)
        return attrs.evolve(head, fields=kept + told) if told or len(kept) < len(head.fields) else head

    def _ours(self, name: str) -> bool:
        return name.startswith(self.prefix.lower()) or name in {_CERT, _CHAIN}

    def _plain(self, certificate: ICertificate) -> Fields:
        told = {
            "verified": "yes" if certificate.verified else f"no: {certificate.error}",
            "fingerprint": certificate.fingerprint,
        }
        if certificate.verified:
            told |= {
                "subject": distinguished(certificate.subject),
                "issuer": distinguished(certificate.issuer),
                "serial": certificate.serial,
                "names": listed(certificate.names),
            }
        prefix = self.prefix.lower()
        return tuple((f"{prefix}{name}", value) for name, value in told.items() if value)


def _structured(certificate: ICertificate) -> Fields:
    """The certificate, and by which it was verified, as far as that is known (RFC 9440 2.2, 2.3)."""
    if not certificate.verified:
        return ()
    chain = ", ".join(map(byte_sequence, certificate.chain))
    told = ((_CERT, byte_sequence(certificate.encoded)), (_CHAIN, chain))
    return tuple((name, value) for name, value in told if value)
