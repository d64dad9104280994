"""Certificates from an authority that speaks ACME, as a user writes them; refuses to ask it, and to open any file."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import attrs

from balancer.config.endpoints import is_address
from balancer.config.mistakes import Noun, as_tuple, choice, is_number, repeated, seconds, shown, sound, word
from balancer.config.paths import file_path

LETS_ENCRYPT: Final = "https://acme-v02.api.letsencrypt.org/directory"

_LABEL: Final = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
"""What an authority takes for a DNS name (RFC 5280 4.2.1.6), which as a part of a path leads nowhere else."""
_EMAIL: Final = re.compile(r"[^\s@,]+@[^\s@,]+")
_MOST_NAMES: Final = 100
"""What well-known authorities put into one certificate."""
_MOST_LEFT: Final = 0.8
"""Of a certificate's life: with more left, a new one could be due as soon as it is made."""


def _names(given: str | Iterable[str]) -> tuple[Any, ...]:
    """Names as certificates have them: in lower case, without a trailing dot."""
    return tuple(name.lower().removesuffix(".") if isinstance(name, str) else name for name in as_tuple(given))


@attrs.frozen(eq=False)
class ACME(Noun):
    """A certificate for `names`, obtained from an authority by ACME (RFC 8555) and renewed. Raises `ConfigError`.

    The authority at `directory`, a URL, proves that the names are ours by asking for them: with the challenge
    "http-01" at port 80, which every HTTPListener without TLS answers, or with "tls-alpn-01" (RFC 8737) at port 443,
    which the listeners with this TLS answer. `agree_to_terms=True` says that you agree to its terms of service, and
    `email` is where it may tell you of trouble.

    `storage` is a folder for the account's key and the certificate with its own; processes and machines that share
    it obtain one certificate together. A new one is obtained when `renew_at` of the life of the last is left, up to a
    tenth of that sooner, or when the authority says (RFC 9773), if that is sooner. What fails is tried again `retry`
    seconds later, then after twice as long each time, up to six hours. `key` is the kind of the certificate's key,
    which is new each time. `ca` is a PEM file of roots by which the authority's own server is verified, in place of
    those that are known to all.
    """

    names: tuple[str, ...] = attrs.field(converter=_names)
    storage: str = attrs.field(converter=file_path, kw_only=True)
    agree_to_terms: bool = attrs.field(default=False, kw_only=True)
    email: str | None = attrs.field(default=None, kw_only=True)
    directory: str = attrs.field(default=LETS_ENCRYPT, kw_only=True)
    challenge: Literal["http-01", "tls-alpn-01"] = attrs.field(default="http-01", kw_only=True)
    key: Literal["ecdsa", "rsa"] = attrs.field(default="ecdsa", kw_only=True)
    renew_at: float = attrs.field(default=1 / 3, kw_only=True)
    retry: float = attrs.field(default=120.0, kw_only=True)
    ca: str | None = attrs.field(default=None, converter=file_path, kw_only=True)

    @property
    def account_folder(self) -> str:
        """Where what belongs to the account is kept: an authority never sees the key of another's."""
        return str(PurePath(self.storage, re.sub(r"[^a-z0-9.-]+", "_", self.directory.lower().partition("://")[2])))

    @property
    def folder(self) -> str:
        """Where the certificate is kept, and what proves its names meanwhile."""
        return str(PurePath(self.account_folder, self.names[0]))

    @property
    def certificate(self) -> str:
        """The file with the certificate's key, the certificate and its chain."""
        return str(PurePath(self.folder, "certificate.pem"))

    def __str__(self) -> str:
        return f"ACME {shown(next(iter(self.names), ''))}"

    def _mistakes(self) -> Iterator[str]:
        yield from self._wrong_names()
        yield from word("storage", self.storage)
        if self.agree_to_terms is not True:
            yield (
                f"agree_to_terms: {shown(self.agree_to_terms)} obtains nothing; read the terms of service of "
                f"{shown(self.directory)}, and if you agree give True"
            )
        if self.email is not None and not (isinstance(self.email, str) and _EMAIL.fullmatch(self.email)):
            yield f"email: {shown(self.email)} is no address; give one such as 'admin@example.com', or leave it out"
        if not _is_https(self.directory):
            yield f"directory: {shown(self.directory)} is no https:// URL; give one such as {LETS_ENCRYPT!r}"
        yield from choice("challenge", self.challenge, ("http-01", "tls-alpn-01"))
        yield from choice("key", self.key, ("ecdsa", "rsa"))
        if not is_number(self.renew_at) or not 0 < self.renew_at <= _MOST_LEFT:
            yield f"renew_at: {shown(self.renew_at)} is not above 0 and at most {_MOST_LEFT:g}; give one such as 1 / 3"
        yield from seconds("retry", self.retry, like=120)
        if self.ca is not None:
            yield from word("ca", self.ca)
        if not _has_library():
            yield "needs the library acme, which is not installed; run pip install 'balancer[acme]'"

    def _wrong_names(self) -> Iterator[str]:
        if not self.names:
            yield "names: there is none; give at least one, such as 'example.com'"
        if len(self.names) > _MOST_NAMES:
            yield f"names: {len(self.names)} are more than the {_MOST_NAMES} of one certificate; use several ACME"
        for name in self.names:
            yield from (f"names: {shown(name)} {line}" for line in _wrong_name(name))
        yield from (
            f"names: {shown(name)} stands there twice; list it once" for name in repeated(sound(self.names, str))
        )


def _has_library() -> bool:
    """Whether it is installed. To look for a module would not do: a folder `acme` beside the config counts as one."""
    try:
        version("acme")
    except PackageNotFoundError:
        return False
    return True


def _wrong_name(name: Any) -> Iterator[str]:
    """What is wrong with one, in a sentence behind it."""
    if not isinstance(name, str):
        yield "is not text; give a name such as 'example.com'"
    elif name.startswith("*."):
        yield "has a star, which can be proved by neither challenge; give each name"
    elif not name.isascii():
        yield "is not in ASCII; write it with xn--, as DNS has it"
    elif is_address(name):
        yield "is an address, for which none is obtained; give a name such as 'example.com'"
    elif not _NAME.fullmatch(name):
        yield "is no name; give labels of at most 63 letters, digits and hyphens, joined by dots"


def _is_https(text: Any) -> bool:
    try:
        parts = urlsplit(text) if isinstance(text, str) and text.isprintable() else None
    except ValueError:
        return False
    return parts is not None and parts.scheme == "https" and bool(parts.hostname)


def wrong_together(every: Iterable[ACME], *, plain_http: bool, over_tls: Container[ACME]) -> Iterator[str]:
    """What is wrong with those of one config, a line for each.

    `plain_http`: there is an HTTPListener without TLS. `over_tls` are those of a listener that speaks TLS from the
    first byte.
    """
    acmes = list(every)
    places = [(str(acme.storage), str(acme.directory), str(next(iter(acme.names), ""))) for acme in acmes]
    for _, _, name in repeated(places):
        yield f"two different ACME keep a certificate for {shown(name)} in one folder; share one ACME object"
    for acme in acmes:
        if acme.challenge == "http-01" and not plain_http:
            yield (
                f"{acme}: challenge: 'http-01' would never be answered, for there is no HTTPListener without TLS; "
                "add one at tcp:80, or give 'tls-alpn-01'"
            )
        if acme.challenge == "tls-alpn-01" and acme not in over_tls:
            yield (
                f"{acme}: challenge: 'tls-alpn-01' would never be answered, for all clients begin in the clear, "
                "by starttls; give 'http-01'"
            )
