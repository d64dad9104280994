"""What a matcher says beforehand of the requests it can match, by host and path; refuses to match anything.

A hint is a bound: beyond it nothing matches, within it anything may or may not. So many routes need not all be asked.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from balancer.errors import ConfigError

Hosts = frozenset[str] | None
"""Hosts as `RequestHead.host` gives them, `*.` in front for any one label; None for any host."""
Prefixes = tuple[str, ...] | None
"""Paths that match with all below them, by whole segments; None for any path."""


@attrs.frozen
class Hints:
    """The bounds of one matcher."""

    hosts: Hosts = None
    prefixes: Prefixes = None


NO_HINTS: Final = Hints()


def hints_of(matcher: Any) -> Hints:
    """What a matcher, or a function in its place, says; raises `ConfigError` for what is no hint."""
    hosts, prefixes = getattr(matcher, "hosts", None), getattr(matcher, "prefixes", None)
    if hosts is None and prefixes is None:
        return NO_HINTS
    if hosts is not None and not (isinstance(hosts, frozenset) and all(map(_is_host, hosts))):
        remedy = "give None, or names in lower case such as frozenset({'a.example'})"
        raise ConfigError([f"{matcher!r}: hosts: {hosts!r} is no set of hosts; {remedy}"])
    if prefixes is not None and not (isinstance(prefixes, tuple) and all(map(_is_path, prefixes))):
        remedy = "give None, or paths such as ('/v1',)"
        raise ConfigError([f"{matcher!r}: prefixes: {prefixes!r} is no tuple of paths; {remedy}"])
    return Hints(hosts, prefixes)


def _is_host(name: Any) -> bool:
    return isinstance(name, str) and name == name.lower()


def _is_path(prefix: Any) -> bool:
    return isinstance(prefix, str) and prefix.startswith("/")


def both(one: Hints, other: Hints) -> Hints:
    """The bounds of what matches where both do."""
    return Hints(_both_hosts(one.hosts, other.hosts), _both_prefixes(one.prefixes, other.prefixes))


def either(one: Hints, other: Hints) -> Hints:
    """The bounds of what matches where one of them does."""
    hosts = None if one.hosts is None or other.hosts is None else one.hosts | other.hosts
    if one.prefixes is None or other.prefixes is None:
        return Hints(hosts, None)
    return Hints(hosts, tuple(dict.fromkeys(one.prefixes + other.prefixes)))


def among(name: str, hosts: frozenset[str]) -> bool:
    """Whether a host is among those, or one with a star among those with stars."""
    label, _, parent = name.partition(".")
    return name in hosts or (label != "" and f"*.{parent}" in hosts)


def below(path: str, prefixes: tuple[str, ...]) -> bool:
    """Whether a path is one of those, or below one."""
    whole = f"{path}/"
    return any(whole.startswith(f"{prefix.rstrip('/')}/") for prefix in prefixes)


def _both_hosts(one: Hosts, other: Hosts) -> Hosts:
    if one is None or other is None:
        return other if one is None else one
    return frozenset({name for name in one if among(name, other)} | {name for name in other if among(name, one)})


def _both_prefixes(one: Prefixes, other: Prefixes) -> Prefixes:
    if one is None or other is None:
        return other if one is None else one
    kept = [path for path in one if below(path, other)] + [path for path in other if below(path, one)]
    return tuple(dict.fromkeys(kept))
