"""A change of protocol on a connection: who asks for one, to what, and whether it was granted (RFC 9110 7.8).

A protocol is told as its sender wrote it, `name` or `name/version`; letters count alike in either case. Refuses to know
what is spoken after the change.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from balancer.errors import ResponseInvalid

_WORD: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_PROTOCOL: Final = re.compile(rf"{_WORD}(?:/{_WORD})?+")


def protocols(connection: Sequence[str], upgrade: Sequence[str]) -> tuple[str, ...]:
    """What a head asks for or grants, in order, by the values of its Connection and Upgrade fields.

    Nothing, unless Connection lists `upgrade` and all that Upgrade lists are protocols.
    """
    if "upgrade" not in [option.lower() for option in _listed(connection)]:
        return ()
    found = tuple(element for element in _listed(upgrade) if element)
    return found if all(map(_PROTOCOL.fullmatch, found)) else ()


def permitted(asked: Sequence[str], names: Collection[str]) -> tuple[str, ...]:
    """Those of the protocols asked for whose name, in lower case and without a version, is among `names`."""
    return tuple(protocol for protocol in asked if protocol.lower().partition("/")[0] in names)


def check_granted(granted: Sequence[str], asked: Sequence[str]) -> None:
    """Raise `ResponseInvalid` unless a 101 says to what it changes, and all of that was asked for."""
    if not granted:
        raise ResponseInvalid("101 without a protocol to change to (RFC 9110 7.8)")
    wanted = [protocol.lower() for protocol in asked]
    if any(protocol.lower() not in wanted for protocol in granted):
        raise ResponseInvalid("101 to a protocol that was not asked for (RFC 9110 7.8)")


def _listed(values: Sequence[str]) -> list[str]:
    """The elements of a list field (RFC 9110 5.6.1)."""
    return [element.strip(" \t") for element in ",".join(values).split(",")]
