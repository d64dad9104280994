"""A change of protocol on a connection: who asks for one, to what, and whether it was granted (RFC 9110 7.8).

A protocol is told as its sender wrote it, `name` or `name/version`; letters count alike in either case. Refuses to know
what is spoken after the change.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

import attrs

from balancer.core.messages import WORD, Fields, RequestHead, ResponseHead
from balancer.errors import ResponseInvalid

_PROTOCOL: Final = re.compile(rf"{WORD}(?:/{WORD})?+")


def protocols(connection: Sequence[str], upgrade: Sequence[str]) -> tuple[str, ...]:
    """What a head asks for or grants, in order, by the values of its Connection and Upgrade fields.

    Nothing, unless Connection lists `upgrade` and all that Upgrade lists are protocols.
    """
    if "upgrade" not in [option.lower() for option in _listed(connection)]:
        return ()
    found = tuple(element for element in _listed(upgrade) if element)
    return found if all(map(_PROTOCOL.fullmatch, found)) else ()


def asking(head: RequestHead, names: Collection[str]) -> RequestHead:
    """The request as a backend is asked: to change to those protocols whose name, without a version, is in `names`.

    With none of them left it is an ordinary request.
    """
    asked = tuple(protocol for protocol in head.upgrade if protocol.lower().partition("/")[0] in names)
    return attrs.evolve(head, fields=(*head.fields, *_said(asked)), upgrade=asked)


def granted(head: ResponseHead, asked: Sequence[str]) -> tuple[str, ...]:
    """The protocols that a 101 changes to; raises `ResponseInvalid` unless there are some, all of them asked for."""
    found = protocols(head.get_all("connection"), head.get_all("upgrade"))
    if not found:
        raise ResponseInvalid("101 without a protocol to change to (RFC 9110 7.8)")
    wanted = [protocol.lower() for protocol in asked]
    if any(protocol.lower() not in wanted for protocol in found):
        raise ResponseInvalid("101 to a protocol that was not asked for (RFC 9110 7.8)")
    return found


def granting(head: ResponseHead, found: Sequence[str]) -> ResponseHead:
    """The 101 as a client is told."""
    return attrs.evolve(head, fields=(*head.fields, *_said(found)))


def _said(found: Sequence[str]) -> Fields:
    return (("connection", "upgrade"), ("upgrade", ", ".join(found))) if found else ()


def _listed(values: Sequence[str]) -> list[str]:
    """The elements of a list field (RFC 9110 5.6.1)."""
    return [element.strip(" \t") for element in ",".join(values).split(",")]
