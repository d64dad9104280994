"""Where backends are and listeners bind: the grammar of endpoint strings; refuses to resolve or open anything.

It is Twisted's: parts are separated by colons, `name=value` names a part, a backslash takes the next character as it
is. Two additions: `udp:`, for which Twisted has no parser, and for backends the bare `host:port` and `[address]:port`
that people type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network
from typing import Final

import attrs

Place = tuple[str, int] | str
"""Host (or interface) and port; or a path; or, for a type that is not ours, the text after the type."""

_CUT: Final = re.compile(r"((?:[^\\:=]|\\.)*+)(?:=((?:[^\\:]|\\.)*+))?:", re.DOTALL)
_BRACKETED: Final = re.compile(r"\[([^\]]*)\]:([^:]*)")
_TYPE: Final = re.compile(r"[a-z][a-z0-9]*")
_HIGHEST_PORT: Final = 65535
_LABEL: Final = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\.?\Z){_LABEL}(?:\.{_LABEL})*\.?")
"""A host's name: RFC 1123 section 2.1, RFC 1035 section 2.3.4, and the underscores that occur."""

_NUMERIC: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?|.*:.*")
"""What resolvers take for an address, never for a name: it ends in a number, or has colons."""

BOUND: Final[Mapping[str, tuple[str, ...]]] = {
    "tcp": ("port", "interface", "backlog"),
    "tcp6": ("port", "backlog", "interface"),
    "udp": ("port", "interface"),
    "unix": ("address", "mode", "backlog", "lockfile"),
}
"""The types of a listener's endpoint that are taken apart here, each with its parts in order."""

_NUMBERS: Final[Mapping[str, tuple[int, int, str]]] = {
    "backlog": (1, 65535, "a number from 1 to 65535"),
    "mode": (0, 0o777, "an octal number from 0 to 777"),
    "lockfile": (0, 1, "a number from 0 to 1"),
}
"""The parts that are numbers, with the least and the highest value of each, and both in words."""

_ENCRYPTED: Final = ("ssl", "tls")
_ANY: Final = str(IPv4Address(0))
_ANY6: Final = str(IPv6Address(0))


@attrs.frozen
class Endpoint:
    """One endpoint, taken apart.

    `scheme` is "tcp", "tcp6", "udp", "unix" or a type that Twisted knows; empty for a backend written as bare
    host:port, which serves TCP and UDP alike. `options` holds what else was given, by name.
    """

    scheme: str
    place: Place
    options: Mapping[str, str] = attrs.field(factory=dict)

    def __str__(self) -> str:
        prefix = f"{self.scheme}:" if self.scheme not in {"", "tcp"} else ""
        return prefix + (self.place if isinstance(self.place, str) else _joined(*self.place))

    @property
    def has_name(self) -> bool:
        """Whether its host is a name, which has to be looked up."""
        return not isinstance(self.place, str) and not is_address(self.place[0])

    def overlaps(self, other: Endpoint) -> bool:
        """Whether both cannot be bound at once. Port 0 never clashes: the system picks a free one."""
        ours, theirs = self._bound(), other._bound()
        if ours[:2] != theirs[:2] or ours[1] == 0:
            return False
        return ours[2] == theirs[2] or _covers(ours[2], theirs[2]) or _covers(theirs[2], ours[2])

    def _bound(self) -> tuple[str, int | str, str]:
        """Protocol, port (or path) and interface."""
        if isinstance(self.place, str):
            return self.scheme, self.place, ""
        interface, port = self.place
        return self.scheme.removesuffix("6"), port, _plain(interface)


def backend_endpoint(text: str) -> Endpoint:
    """Take a backend's address apart; raises `ValueError` with what is wrong, `TypeError` if it is no text."""
    _expect_text(text, "host:port")
    scheme, _, rest = text.partition(":")
    if "//" in text and scheme != "unix":
        raise ValueError(f"{text!r} is a URL; write it as host:port")
    if scheme == "unix":
        return Endpoint("unix", _path(text, rest))
    if "," in text:
        raise ValueError(f"{text!r} has a comma; give several addresses as a list")
    if scheme not in {"tcp", "udp"}:
        scheme, rest = "", text
    return Endpoint(scheme, _host_and_port(text, rest))


def listener_endpoint(text: str) -> Endpoint:
    """Take a listener's endpoint apart; raises `ValueError` with what is wrong, `TypeError` if it is no text."""
    _expect_text(text, "tcp:8080")
    scheme, colon, rest = text.partition(":")
    if scheme in _ENCRYPTED:
        raise ValueError(
            f"{text!r} asks for TLS, which is no part of an endpoint here; bind tcp: or unix:, and give tls=TLS(...)"
        )
    if scheme == "haproxy":
        raise ValueError(f"{text!r} keeps PROXY headers to itself; bind tcp: or unix:, and give accept_proxy")
    if not _TYPE.fullmatch(scheme) or not colon:
        raise ValueError(f"{text!r} does not begin with its type; write it as {likely_endpoint(text)}")
    if scheme not in BOUND:
        return Endpoint(scheme, rest)
    options = _named(text, rest, BOUND[scheme])
    if scheme == "unix":
        return Endpoint(scheme, _taken(text, options, "address", "a path"), _numeric(text, options))
    port, interface = _taken(text, options, "port", "a port"), options.pop("interface", "")
    if interface.isdecimal() and not port.isdecimal():
        raise ValueError(f"{text!r} has its port last; write it as {likely_endpoint(rest.lstrip('/'), scheme)}")
    if interface:
        _expect_host(text, "interface", interface)
    place = interface or (_ANY6 if scheme == "tcp6" else ""), _port(text, port, least=0)
    return Endpoint(scheme, place, _numeric(text, options))


def endpoint_or_none(take_apart: Callable[[str], Endpoint], text: str) -> Endpoint | None:
    """The endpoint, or None for one that cannot be taken apart, which is reported elsewhere."""
    try:
        return take_apart(text)
    except (TypeError, ValueError):
        return None


def likely_endpoint(text: str, scheme: str = "tcp") -> str:
    """What the user most likely meant by a listener's endpoint without a type, or with its port last."""
    host, _, port = text.rpartition(":")
    if text.startswith(("/", ".")):
        return f"unix:{text}"
    if not port.isdecimal():
        return f"{scheme}:8080"
    return f"{scheme}:{port}:interface={host}" if host not in {"", "*", "http"} else f"{scheme}:{port}"


def _expect_text(text: object, example: str) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is not text; write it as {example!r}")
    if not text.isprintable():
        raise ValueError(f"{text!r} is not text of one line; write it as {example!r}")


def _path(text: str, rest: str) -> str:
    path = "".join(_named(text, rest, ("path",)).values())
    if not path:
        raise ValueError(f"{text!r} has no path; write it as unix:/path")
    return path


def _host_and_port(text: str, rest: str) -> tuple[str, int]:
    bracketed = _BRACKETED.fullmatch(rest)
    host, port = _host_parts(text, rest) if bracketed is None else bracketed.groups()
    if not host or re.search(r"[\s/\[\]]", host):
        raise ValueError(f"{text!r} has no host; write it as host:port")
    _expect_host(text, "host", host)
    return host, _port(text, port, least=1)


def _expect_host(text: str, what: str, host: str) -> None:
    if is_address(host):
        return
    if _NUMERIC.fullmatch(host):
        raise ValueError(f"{text!r}: the {what} is no IP address; give one such as 10.0.0.11 or fe80::1")
    if not _NAME.fullmatch(host):
        remedy = "give labels of at most 63 letters, digits, hyphens and underscores, joined by dots"
        raise ValueError(f"{text!r}: the {what} is no name; {remedy}")


def is_address(text: object) -> bool:
    """Whether it is the text of an IP address, and of nothing else."""
    try:
        ip_address(text if isinstance(text, str) else "")
    except ValueError:
        return False
    return True


def is_host_name(text: object) -> bool:
    """Whether it is the name of a host, and no address, not even a misspelt one."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None and _NUMERIC.fullmatch(text) is None


def _host_parts(text: str, rest: str) -> list[str]:
    names, parts = zip(*_cut(text, rest), strict=True)
    if any(names):
        raise ValueError(f"{text!r} has options; an address is host:port alone")
    if len(parts) == 1:
        raise ValueError(f"{text!r} has no {'host' if parts[0].isdecimal() else 'port'}; write it as host:port")
    if len(parts) > 2:
        raise ValueError(f"{text!r} has too many colons; write an IPv6 address as [::1]:port")
    return list(parts)


def _named(text: str, rest: str, names: tuple[str, ...]) -> dict[str, str]:
    """Name the parts: those without a name stand for `names` in order."""
    options: dict[str, str] = {}
    unnamed = iter(names)
    for written, value in _cut(text, rest):
        name = written or next(unnamed, "")
        if name not in names:
            raise ValueError(f"{text!r}: {written or value!r} is no part of it; {_parts(names)}")
        if name in options:
            raise ValueError(f"{text!r} gives {name} twice; {_parts(names)}")
        options[name] = value
    return options


def _parts(names: tuple[str, ...]) -> str:
    hint = r", and an IPv6 interface is written as \:\:1" if "interface" in names else ""
    return f"it has {', '.join(names)}{hint}"


def _cut(text: str, rest: str) -> list[tuple[str, str]]:
    """Cut at the colons, into (name or "", value)."""
    if re.search(r"(?<!\\)(?:\\\\)*\\\Z", rest):
        raise ValueError(f"{text!r} ends in a lone backslash")
    parts = [match.groups() for match in _CUT.finditer(rest + ":")]
    return [("", _unquoted(left)) if right is None else (left, _unquoted(right)) for left, right in parts]


def _unquoted(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)


def _taken(text: str, options: dict[str, str], name: str, what: str) -> str:
    value = options.pop(name, "")
    if not value:
        raise ValueError(f"{text!r} has no {name}; give it {what}")
    return value


def _port(text: str, port: str, *, least: int) -> int:
    if not _is_number(port, least, _HIGHEST_PORT):
        raise ValueError(f"{text!r}: {port!r} is not a port; give {least} to {_HIGHEST_PORT}")
    return int(port)


def _numeric(text: str, options: dict[str, str]) -> dict[str, str]:
    """What is left beside the place is numbers, `mode` an octal one."""
    for name, value in options.items():
        least, most, words = _NUMBERS[name]
        if not _is_number(value, least, most, radix=8 if name == "mode" else 10):
            raise ValueError(f"{text!r}: {name}: {value!r} is not {words}")
    return options


def _is_number(digits: str, least: int, most: int, *, radix: int = 10) -> bool:
    fits = re.fullmatch("[0-7]{1,9}" if radix == 8 else "[0-9]{1,9}", digits)
    return fits is not None and least <= int(digits, radix) <= most


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _plain(interface: str) -> str:
    """One way of writing for each address; nothing at all means IPv4's any."""
    try:
        return str(ip_address(interface or _ANY))
    except ValueError:
        return interface


def _covers(wide: str, narrow: str) -> bool:
    """Whether an interface takes the other's ports too: IPv6's any is IPv4's as well, by the system's default."""
    return wide == _ANY6 or (wide == _ANY and ":" not in narrow)


def network(text: str) -> None:
    """Take an IP address or a network. Raises `ValueError`, which says what is wrong with it and what to write."""
    try:
        meant = ip_network(text if isinstance(text, str) else "", strict=False)
    except ValueError:
        wanted = "give one such as '10.0.0.0/8'"
        raise ValueError(f"{text!r} is neither an IP address nor a network; {wanted}") from None
    if ip_interface(text).ip != meant.network_address:
        raise ValueError(f"{text!r} has bits set behind its prefix; give '{meant}'")
