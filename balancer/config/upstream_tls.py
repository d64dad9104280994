"""How backends are spoken to over TLS, as a user writes it; refuses to read any file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal

import attrs

from balancer.config.alpn import wrong_protocols
from balancer.config.endpoints import is_address, is_host_name
from balancer.config.mistakes import Noun, as_tuple, choice, parsed, seconds, shown, word
from balancer.config.paths import file_path, file_paths

UNVERIFIED: Final = "certificates of backends are not verified, for verify=False: anybody may answer in their place"
"""What operators are told of it."""

_RELOAD: Final = 10.0
_HTTP: Final = "http/1.1"
_VERIFYING: Final = ("ca", "expect", "crl")
"""What has a meaning only where certificates are looked at."""


def _strings(given: str | Iterable[str]) -> tuple[str, ...]:
    return as_tuple(given)


@attrs.frozen(kw_only=True)
class UpstreamTLS(Noun):
    """Connections to backends are made over TLS, and what answers there must prove that it is the backend.

    Its certificate must lead to one in `ca`, a file or a folder of PEM files, or without that in the system's store;
    and must be for one of the names and IP addresses in `expect`, which is without that the `server_name`, or else the
    host in the backend's address. `crl` is a file of revocation lists (PEM), of which there must be one for each
    authority that has signed something. With `verify=False` anybody may answer: `balancer check` and the log say so.

    `server_name` is the one asked for (SNI); without it it is the backend's host, if that is a name.
    `Backend(server_name=...)` comes before either, and is expected where there is no `expect`. `alpn` are the protocols
    offered, in order of preference, if any. Versions of TLS below `minimum` are refused; `ciphers` are those for TLS
    1.2, as OpenSSL writes them.

    `certificate` is what we prove ourselves with to backends that ask for it: a PEM file with the chain and the key, or
    both in a file each; `passphrase` is called with the path of an encrypted key. With `starttls="postgres"` a
    connection begins in the clear, as PostgreSQL has it. To `keylog` the secrets of all connections are written, for
    a look at them with other tools.

    The files are read as the balancer starts, on SIGHUP, and when a look at them each `reload_every` seconds shows a
    change; what is wrong then is told, and what was there before stays. Raises `ConfigError`.
    """

    ca: str | None = attrs.field(default=None, converter=file_path)
    server_name: str | None = None
    expect: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    certificate: tuple[str, ...] = attrs.field(default=(), converter=file_paths)
    passphrase: Callable[[str], str | bytes] | None = attrs.field(default=None, repr=False)
    crl: str | None = attrs.field(default=None, converter=file_path)
    alpn: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    verify: bool = True
    minimum: Literal["1.2", "1.3"] = "1.2"
    ciphers: str | None = None
    keylog: str | None = attrs.field(default=None, converter=file_path)
    starttls: Literal["postgres"] | None = None
    reload_every: float = _RELOAD

    @property
    def has_files(self) -> bool:
        """Whether there is anything that could be read again."""
        return bool(self.ca or self.crl or self.certificate)

    @property
    def names_by_host(self) -> bool:
        """Whether certificates must be for the hosts in the addresses of those backends that have no `server_name`."""
        return self.verify and not self.expect and self.server_name is None

    def _mistakes(self) -> Iterator[str]:
        for name in ("ca", "crl", "keylog", "ciphers"):
            if getattr(self, name) is not None:
                yield from word(name, getattr(self, name))
        for path in self.certificate:
            yield from word("certificate", path)
        if self.server_name is not None:
            yield from parsed("server_name", self.server_name, server_name)
        for name in self.expect:
            yield from parsed("expect", name, _expected)
        yield from wrong_protocols(self.alpn)
        yield from choice("verify", self.verify, (True, False))
        yield from choice("minimum", self.minimum, ("1.2", "1.3"))
        yield from choice("starttls", self.starttls, (None, "postgres"))
        yield from self._wrong_pause()
        if self.passphrase is not None and not callable(self.passphrase):
            yield "passphrase: it is not callable; give a function that takes a path, and keep the secret elsewhere"
        yield from self._in_vain()

    def _wrong_pause(self) -> Iterator[str]:
        wrong = list(seconds("reload_every", self.reload_every, like=10, least=1))
        yield from wrong
        if not wrong and self.reload_every != _RELOAD and not self.has_files:
            yield "reload_every: would be ignored, for there are no files; leave it out"

    def _in_vain(self) -> Iterator[str]:
        """What is set that nothing would look at."""
        for name in _VERIFYING if self.verify is False else ():
            if getattr(self, name):
                yield f"{name}: would be ignored, for verify=False looks at no certificate; leave out one of the two"
        if self.passphrase is not None and not self.certificate:
            yield "passphrase: would be ignored, for there is no certificate; leave it out"
        if self.ciphers is not None and self.minimum == "1.3":
            yield "ciphers: would be ignored, for it names those of TLS 1.2, and minimum is '1.3'; leave it out"


def given_tls(given: UpstreamTLS | bool | None) -> Any:
    """What `tls=` stands for: True is TLS with all defaults, False is none."""
    if given is True:
        return UpstreamTLS()
    return None if given is False else given


def not_for_http(tls: UpstreamTLS) -> Iterator[str]:
    """What of it does not suit a pool that carries HTTP."""
    for protocol in tls.alpn:
        if protocol != _HTTP:
            yield f"tls: alpn: {protocol!r} is not what the HTTPListener that uses it speaks; give {_HTTP!r}"
    if tls.starttls is not None:
        yield f"tls: starttls: {tls.starttls!r} is not what the HTTPListener that uses it speaks; leave it out"


def server_name(text: str) -> None:
    """Take a name that may be asked for. Raises `ValueError` with what is wrong (RFC 6066 3)."""
    if is_address(text):
        raise ValueError(f"{text!r} is an address, for which nobody can ask; give a name, or expect={text!r}")
    if not is_host_name(text):
        raise ValueError(f"{shown(text)} is no host name; give one such as 'app.example'")


def _expected(text: str) -> None:
    if not is_address(text) and not is_host_name(text):
        raise ValueError(f"{shown(text)} is neither a host name nor an IP address; give one such as 'app.example'")
