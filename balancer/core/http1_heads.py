"""From an accepted head to a message: who is addressed, how long the body is, whether the connection stays.

Everything in which two readers of one message could differ is decided here, strictly: framing, authority and target
(RFC 9112 3, 6, 9.3). Refuses to know where the bytes came from or when.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from balancer.core.http1_bodies import Body, Chunked, UntilClose, counted
from balancer.core.http1_grammar import Limits, Refusal, invalid, split_fields
from balancer.core.messages import WORD, Block, Fields, RequestHead, ResponseHead
from balancer.core.upgrade import protocols
from balancer.errors import RequestRefused, ResponseInvalid

_LONGEST_METHOD: Final = 32
_REQUEST_OWN: Final = frozenset({"host", "content-length", "transfer-encoding"})
_RESPONSE_OWN: Final = frozenset({"content-length", "transfer-encoding"})
_CODING_ONLY: Final = frozenset({"transfer-encoding"})
_LOOKED_AT: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"})

_NEVER_A_BODY: Final = frozenset({204, 304})

_ENDS_CHUNKED: Final = re.compile(rf"(?:(?!chunked[ \t,]){WORD}[ \t]*+,[ \t]*+)++chunked")
_LENGTH: Final = re.compile(r"[0-9]++")
_LONGEST_BODY: Final = 2**63 - 1  # what the programs on either side can count to (RFC 9110 8.6)
_REG_NAME: Final = r"(?:[0-9A-Za-z\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})++"
_AUTHORITY: Final = re.compile(rf"(?:{_REG_NAME}|\[([0-9A-Fa-f:.]++)\])(?::([0-9]{{0,5}}))?+")
_ABSOLUTE: Final = re.compile(r"https?://([^/?]++)(.*+)", re.IGNORECASE)


# Plain tuples on the way of every request: named ones take eight times as long to make.
ResponseStart = tuple[ResponseHead, Body | None, bool]
"""A response head, the reader of its body (None without one), and whether another request may follow it."""


def sort_fields(
    section: str, own: frozenset[str], limits: Limits, refuse: Refusal
) -> tuple[Fields, dict[str, list[str]]]:
    """Split accepted field lines into those that stay and, by name, the values of those that decide something here.

    The fields named in `own` do not stay: a head tells them by other attributes.
    """
    kept: list[tuple[str, str]] = []
    special: dict[str, list[str]] = {}
    for written, padded in split_fields(section, limits.fields, refuse):
        name, value = written.lower(), padded.rstrip(" \t")
        if name in _LOOKED_AT:
            special.setdefault(name, []).append(value)
            if name in own:
                continue
        kept.append((name, value))
    return tuple(kept), special


def stays_open(version: str, connection: list[str] | None) -> bool:
    """Whether the sender of a head keeps the connection, by its version and Connection values (RFC 9112 9.3)."""
    if connection is None:
        return version == "1.1"
    options = [option.strip(" \t") for option in ",".join(connection).lower().split(",")]
    if "close" in options:
        return False
    return version == "1.1" or "keep-alive" in options


def request_start(match: re.Match[str], limits: Limits) -> RequestHead:
    """The request in a head that `REQUEST` accepted.

    `target` is in origin form or `*`, whatever the client used; `authority` is that of the URI, else of Host, and empty
    when an HTTP/1.0 client gave none or Host is empty. Expect stays among the fields, but not from an HTTP/1.0 client,
    whose expectation must be ignored (RFC 9110 10.1.1). Raises `RequestRefused`.
    """
    method, target, received, section = match.groups()
    version = _version(received)
    block = request_block(section, version, limits)
    authority = block.authority
    if target[0] != "/" or method == "CONNECT" or len(method) > _LONGEST_METHOD:
        target, authority = _unusual_target(method, target, authority)
    head = RequestHead(
        method,
        target,
        authority,
        fields=block.fields,
        version=version,
        length=block.length,
        expects_continue=block.expects_continue,
    )
    head.upgrade, head.block = block.upgrade, block
    return head


def request_block(section: str, version: str, limits: Limits) -> Block:
    """What accepted field lines of a request say, whatever its method and target. Raises `RequestRefused`."""
    fields, special = sort_fields(section, _REQUEST_OWN, limits, RequestRefused)
    authority, length = _host(special.get("host"), version), _request_length(special, version)
    expects_continue = False
    if "expect" in special:
        expects_continue = _expects_continue(special["expect"]) and version != "1.0" and length != 0
        if version == "1.0":
            fields = tuple([field for field in fields if field[0] != "expect"])
    persistent = stays_open(version, special.get("connection"))
    upgrade: tuple[str, ...] = ()
    if "upgrade" in special and version != "1.0" and length == 0:
        upgrade = protocols(special.get("connection", ()), special["upgrade"])
    return Block(fields, authority, length, expects_continue=expects_continue, persistent=persistent, upgrade=upgrade)


def body_of(length: int | None, limits: Limits, refuse: Refusal = RequestRefused) -> Body | None:
    """The reader of a body of that length, or in chunks where that is None; none for one that is empty."""
    return Chunked(limits, refuse) if length is None else counted(length)


def _version(received: str) -> str:
    """The version to go by: the highest that we know, for one with a higher minor number (RFC 9110 2.5)."""
    return "1.0" if received == "1.0" else "1.1"


def _host(values: list[str] | None, version: str) -> str:
    """The value of Host, once and well-formed (RFC 9112 3.2); an empty one is a URI without authority."""
    if values is None:
        if version == "1.0":
            return ""
        raise RequestRefused("no Host field (RFC 9112 3.2)")
    if len(values) > 1:
        raise RequestRefused("more than one Host field (RFC 9112 3.2)")
    return _authority(values[0]) if values[0] else ""


def _authority(text: str) -> str:
    """The authority if it is well-formed, without the colon of an empty port (RFC 3986 3.2.3, 6.2.3)."""
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        raise RequestRefused("the host is malformed, or holds user information (RFC 9110 4.2)")
    literal, port = match.groups()
    if port and int(port) > 65535:
        raise RequestRefused("the port is above 65535")
    if literal is not None:
        _check_literal(literal)
    return text.removesuffix(":")


def _check_literal(literal: str) -> None:
    try:
        IPv6Address(literal)
    except AddressValueError:
        raise RequestRefused("what stands in brackets is not an IPv6 address (RFC 3986 3.2.2)") from None


def _unusual_target(method: str, target: str, authority: str) -> tuple[str, str]:
    """Target and authority of a request that is not plainly in origin form (RFC 9112 3.2)."""
    if method == "CONNECT" or len(method) > _LONGEST_METHOD:
        raise RequestRefused("the method is not served here (RFC 9110 9.1)", 501)
    if target == "*" and method == "OPTIONS":
        return target, authority
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise RequestRefused("the target is neither a path nor an http URI (RFC 9112 3.2)")
    authority, rest = _authority(match[1]), match[2]
    if not rest and method == "OPTIONS":
        return "*", authority
    return (rest if rest.startswith("/") else "/" + rest), authority


def _request_length(special: Mapping[str, list[str]], version: str) -> int | None:
    codings = special.get("transfer-encoding")
    if codings is None:
        return _length(special.get("content-length"), RequestRefused) or 0
    if version == "1.0":
        raise RequestRefused("Transfer-Encoding in HTTP/1.0 (RFC 9112 6.1)")
    if "content-length" in special:
        raise RequestRefused("both Transfer-Encoding and Content-Length (RFC 9112 6.1)")
    if not _is_chunked(codings):
        # Of a coding that is not known the end is, if chunked is the last and only there; else nothing can be known.
        known_end = _ENDS_CHUNKED.fullmatch(", ".join(codings).lower())
        raise RequestRefused("a transfer coding other than chunked (RFC 9112 6.1, 6.3)", 501 if known_end else 400)
    return None


def _is_chunked(codings: list[str]) -> bool:
    return len(codings) == 1 and codings[0].lower() == "chunked"


def _length(values: list[str] | None, refuse: Refusal) -> int | None:
    """The value of Content-Length, None without one; fields that are the same are taken for one (RFC 9112 6.3)."""
    if values is None:
        return None
    if len(set(values)) > 1 or not _LENGTH.fullmatch(values[0]):
        raise refuse("Content-Length is not one number (RFC 9112 6.3)", 400)
    digits = values[0].lstrip("0")
    if len(digits) > 19 or int(digits or 0) > _LONGEST_BODY:
        raise refuse(f"Content-Length is above {_LONGEST_BODY}", 413)
    return int(digits or 0)


def _expects_continue(values: list[str]) -> bool:
    if values[0].lower() != "100-continue" or len(values) > 1:
        raise RequestRefused("an expectation other than 100-continue (RFC 9110 10.1.1)", 417)
    return True


def has_no_body(status: int, method: str) -> bool:
    """Whether nothing follows the head of an answer, whatever its fields say (RFC 9112 6.3, cases 1 and 2)."""
    return status < 200 or status in _NEVER_A_BODY or method == "HEAD" or (method == "CONNECT" and status < 300)


def tells_of_another(status: int, method: str) -> bool:
    """Whether Content-Length in the head of an answer is that of the answer a GET would have had (RFC 9110 8.6)."""
    return status == 304 or (method == "HEAD" and status >= 200 and status != 204)


def response_start(match: re.Match[str], method: str, limits: Limits, *, upgrade: bool = False) -> ResponseStart:
    """The response in a head that `RESPONSE` accepted, as an answer to that method.

    `length` is 0 for what has no body; Content-Length then stays among the fields when it `tells_of_another`. `upgrade`
    says that a 101 was asked for: what follows one has no end of its own. Raises `ResponseInvalid`.
    """
    received, code, phrase, section = match.groups()
    version, status = _version(received), int(code)
    own = _CODING_ONLY if tells_of_another(status, method) else _RESPONSE_OWN
    fields, special = sort_fields(section, own, limits, invalid)
    length, codings = _length(special.get("content-length"), invalid), special.get("transfer-encoding")
    body: Body | None = None
    if status == 101:
        body, length, clean = _switched(asked=upgrade), None, False
    elif has_no_body(status, method):
        # A body announced where none may be will come late, and would be taken for the next answer.
        clean = own is _CODING_ONLY or not (length or codings or method == "CONNECT")
        length = 0
    else:
        clean = length is not None or codings is not None
        body, length = _response_body(codings, length, version, limits)
    if codings and "content-length" in special:
        # Two framings: one of them misled somebody, so the length goes and so does the connection (RFC 9112 6.3).
        fields, clean = tuple([field for field in fields if field[0] != "content-length"]), False
    head = ResponseHead(status, phrase or "", fields=fields, version=version, length=length)
    return head, body, clean and stays_open(version, special.get("connection"))


def _switched(*, asked: bool) -> UntilClose:
    if not asked:
        raise ResponseInvalid("101 though no upgrade was asked for (RFC 9110 15.2.2)")
    return UntilClose()


def _response_body(
    codings: list[str] | None, length: int | None, version: str, limits: Limits
) -> tuple[Body | None, int | None]:
    """The reader and the length of a body by RFC 9112 6.3, cases 4 to 8."""
    if codings is not None:
        if version == "1.0" or not _is_chunked(codings):
            raise ResponseInvalid("a transfer coding other than chunked, or in HTTP/1.0 (RFC 9112 6.1)")
        return Chunked(limits, invalid), None
    if length is None:
        return UntilClose(), None
    return counted(length), length
