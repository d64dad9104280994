"""How a listener speaks TLS, as a user writes it; refuses to read a file or a key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal

import attrs

from balancer.config.acme import ACME
from balancer.config.alpn import wrong_protocols
from balancer.config.mistakes import Noun, as_tuple, at_once, choice, count, instance, is_number, seconds, shown, word
from balancer.config.paths import file_path, file_paths

_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.(?!-)[A-Za-z0-9_-]{1,63})*")
_LIKE: Final = "the path of a PEM file or of a folder, such as '/etc/balancer/certs'"
_LONGEST_TICKET: Final = 168
"""Hours; a ticket is for seven days at most (RFC 8446 4.6.1)."""


def _texts(given: str | Iterable[str]) -> tuple[str, ...]:
    return as_tuple(given)


@attrs.frozen(eq=False)
class TLS(Noun):
    """Certificates, and how they are presented. Raises `ConfigError`.

    `certificates` are paths of PEM files, or of folders of such (`*.pem`, `*.crt`, `*.cer`, `*.key`, with one level of
    folders): a certificate, what it is signed by and its key are found together, in one file or in several. For an
    encrypted key `passphrase` is called with the path and returns what opens it. All are read as the balancer starts,
    on SIGHUP, and when a look at them each `reload_every` seconds shows a change; what is wrong then is told, and what
    was there before stays. Beside `NAME.pem` an OCSP answer in `NAME.ocsp` is sent along. `acme` obtains a certificate,
    beside these or instead of them.

    A client is shown the certificate for the name that it asks for, an exact name before a wildcard, of the kind of
    key that it prefers among ours, ECDSA before RSA. One that asks for no name, or for none there is, is shown that
    for the name `default`, or the first; with `strict` it is refused.

    The `profile` "modern" is TLS 1.2 and 1.3 with forward secrecy and AEAD ciphers, "compatible" adds CBC ciphers to
    TLS 1.2, and "strict" is TLS 1.3 alone. `minimum`, "1.2" or "1.3", and `ciphers`, in OpenSSL's words with colons
    between, take the place of the profile's. `alpn` are the protocols to agree on one of, the best first; on HTTP they
    are "http/1.1" unless given.

    `clients` that are "optional" or "required" to show certificates of their own are verified by the authorities in
    `client_ca`, files or folders, and the revocation lists in `client_crl`. A required one that does not pass ends the
    handshake; of an optional one it is known why it does not.

    A handshake has `handshake_timeout` seconds, and `max_handshakes` may be under way. Sessions are resumed within
    `ticket_hours` hours. On HTTP `other_hosts` are the names, '*.example.com', or "any", that a request may be for,
    beside the one that the client asked for as it connected. `keylog` is a file to which the secrets of all connections
    are written, to decrypt a record of them: for tests alone.
    """

    certificates: tuple[str, ...] = attrs.field(default=(), converter=file_paths)
    acme: ACME | None = attrs.field(default=None, kw_only=True)
    passphrase: Callable[[str], str | bytes] | None = attrs.field(default=None, kw_only=True, repr=False)
    reload_every: float = attrs.field(default=10.0, kw_only=True)
    default: str | None = attrs.field(default=None, kw_only=True)
    strict: bool = attrs.field(default=False, kw_only=True)
    profile: Literal["modern", "compatible", "strict"] = attrs.field(default="modern", kw_only=True)
    minimum: Literal["1.2", "1.3"] | None = attrs.field(default=None, kw_only=True)
    ciphers: str | None = attrs.field(default=None, kw_only=True)
    alpn: tuple[str, ...] = attrs.field(default=(), converter=_texts, kw_only=True)
    clients: Literal["none", "optional", "required"] = attrs.field(default="none", kw_only=True)
    client_ca: tuple[str, ...] = attrs.field(default=(), converter=file_paths, kw_only=True)
    client_crl: tuple[str, ...] = attrs.field(default=(), converter=file_paths, kw_only=True)
    ticket_hours: float = attrs.field(default=12.0, kw_only=True)
    handshake_timeout: float = attrs.field(default=10.0, kw_only=True)
    max_handshakes: int = attrs.field(default=1000, kw_only=True)
    other_hosts: tuple[str, ...] = attrs.field(default=(), converter=_texts, kw_only=True)
    keylog: str | None = attrs.field(default=None, converter=file_path, kw_only=True)

    def __str__(self) -> str:
        if not self.certificates and isinstance(self.acme, ACME):
            return f"TLS by {self.acme}"
        return f"TLS {shown(self.certificates[0])}" if self.certificates else "TLS"

    @property
    def only_newest(self) -> bool:
        """Whether TLS 1.3 is all that is spoken."""
        return self.minimum == "1.3" or self.profile == "strict"

    def _mistakes(self) -> Iterator[str]:
        yield from self._wrong_sources()
        yield from self._wrong_passphrase()
        yield from self._wrong_choice_of_certificate()
        yield from self._wrong_versions()
        yield from self._wrong_clients()
        yield from self._wrong_bounds()
        yield from wrong_protocols(self.alpn)
        for host in self.other_hosts:
            if host != "any" and not _is_name(host.removeprefix("*.") if isinstance(host, str) else host):
                yield f"other_hosts: {shown(host)} is no name; give some such as '*.example.com', or 'any'"

    def _wrong_sources(self) -> Iterator[str]:
        """What is wrong with where things come from."""
        if self.acme is not None:
            remedy = "give one such as ACME('example.com', storage='/var/lib/acme')"
            yield from instance("acme", self.acme, ACME, remedy)
        elif not self.certificates:
            yield f"certificates: there is none; give {_LIKE}"
        for field in ("certificates", "client_ca", "client_crl"):
            for path in getattr(self, field):
                yield from _wrong_path(field, path)

    def _wrong_passphrase(self) -> Iterator[str]:
        """What is wrong with how keys are opened; a secret that was given in its place is not shown."""
        if self.passphrase is None:
            return
        if not self.certificates and self.acme is not None:
            yield "passphrase: would be ignored, for what acme obtains is not encrypted; leave it out"
        elif not callable(self.passphrase):
            yield "passphrase: is no function; give one that is told the path of a file and returns what opens its key"
        else:
            yield from at_once("passphrase", self.passphrase, self.passphrase)

    def _wrong_choice_of_certificate(self) -> Iterator[str]:
        yield from choice("strict", self.strict, (True, False))
        if self.default is None:
            return
        if not _is_name(self.default):
            yield f"default: {shown(self.default)} is no name; give one such as 'www.example.com'"
        elif self.strict is True:
            yield "default: would be ignored, for with strict=True nobody is shown it; leave one of them out"

    def _wrong_versions(self) -> Iterator[str]:
        profiles, versions = ("modern", "compatible", "strict"), ("1.2", "1.3")
        yield from choice("profile", self.profile, profiles)
        if self.minimum is not None:
            yield from choice("minimum", self.minimum, versions)
        if self.minimum is not None and self.profile == "strict":
            yield "minimum: would be ignored, for profile='strict' is TLS 1.3 alone; leave it out"
        if self.ciphers is None:
            return
        wrong = list(word("ciphers", self.ciphers))
        yield from wrong
        if not wrong and self.only_newest and not self.ciphers.startswith("TLS_"):
            yield "ciphers: would be ignored, for TLS 1.3 has its own; give some such as 'TLS_AES_128_GCM_SHA256'"

    def _wrong_clients(self) -> Iterator[str]:
        yield from choice("clients", self.clients, ("none", "optional", "required"))
        if self.clients == "none":
            for field in ("client_ca", "client_crl"):
                if getattr(self, field):
                    yield f"{field}: would be ignored with clients='none'; leave it out, or give 'required'"
        elif not self.client_ca:
            yield "client_ca: there is none; give the PEM file of the authority that clients' certificates come from"

    def _wrong_bounds(self) -> Iterator[str]:
        yield from seconds("reload_every", self.reload_every, like=10, least=1)
        yield from seconds("handshake_timeout", self.handshake_timeout, like=10)
        yield from count("max_handshakes", self.max_handshakes)
        if not is_number(self.ticket_hours) or not 0.01 <= self.ticket_hours <= _LONGEST_TICKET:
            told = f"{shown(self.ticket_hours)} is not a number of hours from 0.01 to {_LONGEST_TICKET}"
            yield f"ticket_hours: {told}; give one such as 12"
        if self.keylog is not None and list(word("keylog", self.keylog)):
            yield f"keylog: {shown(self.keylog)} is no path of a file; give one such as '/tmp/keys.log'"


def _wrong_path(field: str, path: Any) -> Iterator[str]:
    if list(word(field, path)):
        yield f"{field}: {shown(path)} is no path; give {_LIKE}"


def _is_name(text: Any) -> bool:
    """Whether a client could ask for it; other letters are written as IDNA has them, xn--."""
    return isinstance(text, str) and len(text) <= 253 and _NAME.fullmatch(text) is not None
