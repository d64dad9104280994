"""One form for each path, chosen before anything looks at it, so that what was matched is what is forwarded.

Pure functions from target to target. A path never comes to mean another resource (RFC 3986 6.2.2), and never gets a
delimiter that its sender had encoded. Refuses to know routes, and leaves the query alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from balancer.errors import PathRefused

PathPolicy = Callable[[str], str]
"""Returns the target to match and to forward, the same object if there is nothing to do; raises `PathRefused`."""

# Escapes that stay as they are: neither a backslash or NUL nor what need not be encoded, in capitals.
_STAYS: Final = r"0[1-9A-F]|1[0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[BDE]|60|7[B-DF]|[89A-F][0-9A-F]"
_CHANGES: Final = re.compile(rf"%(?!{_STAYS})((?:[0-9A-Fa-f]{{2}})?)")
# A dot segment to those backends for which %2F is a slash, or for which a semicolon ends the name of a segment.
_HIDDEN: Final = re.compile(r"(?:/|%2F)\.\.?+(?:;[^/]*+)?+(?=/|%2F|\Z)")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def path_policy(name: str) -> PathPolicy:
    """The policy of that name, "normal" or "as-is"; raises `KeyError` for any other."""
    return _POLICIES[name]


def as_is(target: str) -> str:
    """The target, whatever it is."""
    return target


def normal(target: str) -> str:
    """The target with its path in normal form (RFC 3986 6.2.2); raises `PathRefused` for one that must not pass.

    Encoded letters, digits, `-`, `.`, `_` and `~` are decoded, hexadecimal digits are in capitals, dot segments are
    resolved. Refused is what backends read differently: a climb above the root, a backslash, a NUL, an escape that is
    none, a dot segment at an encoded slash or before a `;`, which might lead out of the prefix that a route matched.
    Other escapes, `%2F` too, empty segments and `;` stay as they are.
    """
    # Three plain searches settle nearly every request, sooner than one regular expression does.
    if "%" not in target and "/." not in target and "\\" not in target:
        return target
    path, question, query = target.partition("?")
    changed = _resolved(_decoded(path))
    if _HIDDEN.search(changed):
        raise PathRefused("the path holds a dot segment at an encoded slash or before a semicolon")
    return target if changed == path else f"{changed}{question}{query}"


def _decoded(path: str) -> str:
    if "\\" in path:
        raise PathRefused("the path holds a backslash, which some take for a slash")
    return _CHANGES.sub(_escape, path) if "%" in path else path


def _escape(match: re.Match[str]) -> str:
    if not match[1]:
        raise PathRefused("the path holds a percent sign that begins no escape (RFC 3986 2.1)")
    character = chr(int(match[1], 16))
    if character in _UNRESERVED:
        return character
    if character in "\0\\":
        raise PathRefused("the path holds an encoded backslash or NUL")
    return match[0].upper()


def _resolved(path: str) -> str:
    """The path without dot segments (RFC 3986 5.2.4), which are whole once nothing is encoded that need not be."""
    if "/." not in path:
        return path
    first, *segments = path.split("/")
    kept = [first]
    for segment in segments:
        if segment == "..":
            if len(kept) == 1:
                raise PathRefused("the path climbs above the root (RFC 3986 5.2.4)")
            kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/".join(kept)


_POLICIES: Final[Mapping[str, PathPolicy]] = {"normal": normal, "as-is": as_is}
