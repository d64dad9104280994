"""What is asked: a request, a connection or a datagram, in the words of a command line; refuses to answer it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

import attrs

from balancer.core.messages import WORD, Fields, checked_field
from balancer.errors import ConfigError
from balancer.interfaces import Kind

EXAMPLE: Final = "write one such as 'GET https://app.example.com/v1/x', 'tcp://:5432' or 'udp://:53'"
CLIENT: Final = ("192.0.2.1", 50000)
"""Who asks, unless somebody else is named: an address that is nobody's (RFC 5737)."""

LONGEST: Final = 1 << 15
"""Characters of a line, and bytes that are peeked, at most."""

_HOST: Final = r"\[[0-9A-Fa-f:.]+\]|(?:(?![/?#@:\[\]])[!-~])*"
_LINE: Final = re.compile(rf"(?:({WORD}) +)?(https?|tcp|udp)://({_HOST})(?::([0-9]{{1,5}}))?(\S*)", re.ASCII)
_TARGET: Final = re.compile(r"(?:[/?][\x21-\x22\x24-\x7e]*)?")
_ESCAPE: Final = re.compile(r"\\(x[0-9A-Fa-f]{2}|.?)", re.DOTALL)
_ESCAPES: Final = {"0": "\0", "t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
_PORTS: Final = {"http": 80, "https": 443}
_CLIENT: Final = re.compile(r"\[([^\]]+)\](?::([0-9]{1,5}))?|([0-9.]+):([0-9]{1,5})|([^\[\]]+)")


@attrs.frozen
class Question:
    """One question. `port` is None where none was said, `authority` the host with the port as written.

    `listener` names the one that it is put to, `sni` the server name that is asked for by TLS, if it is not the host,
    and `peek` the first bytes of the connection, or the datagram; empty for those that follow from the rest.
    """

    line: str
    scheme: str
    host: str
    port: int | None
    method: str = ""
    target: str = ""
    fields: Fields = ()
    client: tuple[str, int] = CLIENT
    listener: str | None = None
    sni: str | None = None
    peek: bytes = b""

    @property
    def kind(self) -> Kind:
        """What it is about."""
        return {"tcp": Kind.TCP, "udp": Kind.UDP}.get(self.scheme, Kind.HTTP)

    @property
    def wanted_port(self) -> int | None:
        """The port that a client would connect to, if any can be known."""
        return self.port or _PORTS.get(self.scheme)

    @property
    def authority(self) -> str:
        """The host with the port, as a client says it."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def server_name(self) -> str | None:
        """What is asked for by TLS; nothing by an address (RFC 6066 3)."""
        name = self.sni or self.host
        return None if not name or _is_address(name.strip("[]")) else name.lower().removesuffix(".")

    @property
    def wire(self) -> bytes:
        """The head of the request, as its client would send it."""
        host = () if any(name == "host" for name, _ in self.fields) else (("host", self.authority),)
        lines = [
            f"{self.method} {self.target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in (*host, *self.fields)),
        ]
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")


def question(
    line: str,
    *,
    client: str | None = None,
    headers: Iterable[str | tuple[str, str]] = (),
    listener: str | None = None,
    sni: str | None = None,
    peek: str | bytes = b"",
) -> Question:
    r"""Take a question apart. Fields are texts such as 'Cookie: a=b', or names with values.

    `client` is an address, with a port if that matters, and `peek` may be a text, with `\r`, `\n`, `\t`, `\0`, `\xff`
    and `\\` for what is hard to type, or 'hex:' and digits. Raises `ConfigError` for what cannot be asked.
    """
    match = _LINE.fullmatch(line) if len(line) <= LONGEST else None
    if match is None:
        raise _wrong(f"{line[:60]!r} is no question; {EXAMPLE}")
    method, scheme, host, port, target = match.groups()
    is_http, fields = scheme in _PORTS, tuple(map(_field, headers))
    if not _TARGET.fullmatch(target):
        raise _wrong(f"{target!r} is not a path as it is sent; percent-encode it, and leave out what follows a #")
    if not is_http and (method or target or fields):
        raise _wrong(f"{line!r}: a {scheme} question has no method, no path and no headers; {EXAMPLE}")
    asked = Question(
        line,
        scheme,
        host,
        None if port is None else _port(port),
        client=CLIENT if client is None else _client(client),
        listener=listener,
        sni=sni,
        peek=_bytes(peek),
    )
    if not is_http:
        return asked
    return attrs.evolve(
        asked, method=method or "GET", target=target if target.startswith("/") else f"/{target}", fields=fields
    )


def _wrong(line: str) -> ConfigError:
    return ConfigError([line])


def _port(digits: str) -> int:
    if not 0 < int(digits) < 65536:
        raise _wrong(f"{digits!r} is not a port; give one from 1 to 65535")
    return int(digits)


def _field(given: str | tuple[str, str]) -> tuple[str, str]:
    """One header field, its name in lower case."""
    name, colon, value = (given[0], ":", given[1]) if isinstance(given, tuple) else given.partition(":")
    try:
        if colon:
            return checked_field(name.strip(), value.strip())
        fault = "there is no colon in it"
    except ValueError as error:
        fault = str(error)
    raise _wrong(f"header: {given!r} is no header field: {fault}; write one such as 'Cookie: a=b'")


def _client(text: str) -> tuple[str, int]:
    """An address, with a port or without."""
    match = _CLIENT.fullmatch(text)
    groups = ("",) * 5 if match is None else match.groups()
    host, port = groups[0] or groups[2] or groups[4], groups[1] or groups[3]
    if not _is_address(host):
        raise _wrong(
            f"client: {text!r} is not an address; give one such as 10.1.2.3, 10.1.2.3:4000 or [2001:db8::1]:4000"
        )
    return host, _port(port) if port else CLIENT[1]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _unescaped(match: re.Match[str]) -> str:
    """What an escape stands for; raises `ValueError` for a backslash that begins none."""
    letter = match[1]
    if letter.startswith("x"):
        return chr(int(letter[1:], 16))
    if letter not in _ESCAPES:
        raise ValueError(letter)
    return _ESCAPES[letter]


def _bytes(given: str | bytes) -> bytes:
    """First bytes, from what people can type."""
    if isinstance(given, bytes):
        return given[:LONGEST]
    try:
        if given.startswith("hex:"):
            return bytes.fromhex(given[4:])[:LONGEST]
        return _ESCAPE.sub(_unescaped, given).encode("latin-1")[:LONGEST]
    except ValueError:
        shown = given[:60]
        raise _wrong(
            f"peek: {shown!r} is not what bytes can be; give a text such as 'SSH-2.0\\r\\n', or hex:160301"
        ) from None
