"""The law of header fields: which travel on, which end here, and which the balancer alone may say (RFC 9110 7.6.1).

Pure functions on heads, the same for every version of HTTP. Refuses to know which peer is trusted, or why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Final

from balancer.core.messages import Fields, RequestHead, ResponseHead

HOP_BY_HOP: Final = frozenset({
    "connection", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authentication-info",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
"""What belongs to one connection, and does not travel on; but for what is said anew of `te` and `trailer`."""
ENGINES_OWN: Final = HOP_BY_HOP | {"content-length", "host"}
"""What no plugin may add to a head: the balancer alone says how its connections go on and where a message ends."""
_DOWNSTREAM: Final = HOP_BY_HOP | {"alt-svc"}  # it would lead clients past the balancer
_IDENTITY: Final = frozenset({"client-cert", "client-cert-chain", "forwarded", "x-real-ip"})
_IDENTITIES: Final = ("x-forwarded-", "x-client-certificate-")
"""What begins the names of others that tell who asks."""
_NEVER_NAMED: Final = _IDENTITY | {"host", "content-length", "expect", "via"}
_ALSO_MISSPELT: Final = ENGINES_OWN | {"x-request-id"}
_USUAL_OPTIONS: Final = frozenset({"close", "keep-alive"})
COUNTS_HOPS: Final = frozenset({"OPTIONS", "TRACE"})
"""The methods in whose requests Max-Forwards changes on the way."""
_MOST_HOPS: Final = 9999  # whatever a client allows (RFC 9110 7.6.2 b)

_NOT_IN_TRAILERS: Final = _DOWNSTREAM | _IDENTITY | {
    "age", "authorization", "cache-control", "content-encoding", "content-length", "content-range", "content-type",
    "cookie", "date", "expect", "expires", "host", "if-match", "if-modified-since", "if-none-match", "if-range",
    "if-unmodified-since", "location", "max-forwards", "pragma", "range", "retry-after", "set-cookie", "vary", "via",
    "warning", "www-authenticate", "x-request-id",
}  # fmt: skip

# What nearly every request consists of and no rule here touches: one look-up settles these.
_PLAIN: Final = frozenset({
    "accept", "accept-charset", "accept-encoding", "accept-language", "authorization", "cache-control",
    "content-encoding", "content-language", "content-type", "cookie", "date", "dnt", "expect", "from", "if-match",
    "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "origin", "pragma", "priority", "range",
    "referer", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "sec-fetch-dest", "sec-fetch-mode",
    "sec-fetch-site", "sec-fetch-user", "traceparent", "tracestate", "upgrade-insecure-requests", "user-agent", "via",
    "x-request-id", "x-requested-with",
})  # fmt: skip

_KEEP_ALIVE: Final = [("connection", "keep-alive")]  # all that most clients say of their connection
_SEPARATORS: Final = dict.fromkeys(map(ord, "!#$%&'*+.^_`|~"), "-")
"""What some program makes a hyphen of, or of a hyphen: names that differ in nothing else may be taken for one."""
NAME_OF: Final = itemgetter(0)
"""The name of a field."""


def hyphened(name: str) -> str:
    """The name, in lower case, for which somebody may take that one."""
    return name.translate(_SEPARATORS)


def may_travel(head: RequestHead) -> bool:
    """Whether a request may be sent on at all: an OPTIONS or TRACE with Max-Forwards 0 may not (RFC 9110 7.6.2)."""
    return head.method not in COUNTS_HOPS or all(set(value) != {"0"} for value in head.get_all("max-forwards"))


def passed_on(head: RequestHead, *, trusted: bool = False) -> Fields:
    """The fields of a request that a backend may see.

    Without: what belongs to the client's connection or is named in its Connection field (`te: trailers` stays, with
    the option it needs), names with an underscore, which some backends cannot tell from a hyphen, and, unless the peer
    is `trusted`, every claim about who is behind it, however it is spelt. Max-Forwards is one less, where it counts;
    see `may_travel`. Call this before matchers, which must not believe what is dropped, and filters: what they add
    cannot be named by a client.
    """
    fields = head.fields
    if _PLAIN.issuperset(map(NAME_OF, fields)):
        return fields
    ends_here = _ends_here if trusted else _ends_here_or_claims
    kept = [field for field in fields if field[0] in _PLAIN or not ends_here(field[0])]
    if len(kept) < len(fields):
        kept = _settled(kept, head)
    if head.method in COUNTS_HOPS:
        kept = [_one_hop_fewer(field) for field in kept]
    return tuple(kept)


def _settled(kept: list[tuple[str, str]], head: RequestHead) -> list[tuple[str, str]]:
    """What is kept, by all that the hop-by-hop fields of the head say of it."""
    aside = [field for field in head.fields if field[0] in HOP_BY_HOP]
    if not aside or aside == _KEEP_ALIVE:
        return kept
    kept = _unnamed(kept, aside) + _announced(aside, head.length, _may_trail_up)
    if "trailers" in _listed(aside, "te"):
        kept += [("connection", "te"), ("te", "trailers")]
    return kept


def for_downstream(head: ResponseHead) -> ResponseHead:
    """The response as a client may see it: without what belongs to the backend's connection, and Alt-Svc."""
    if head.downward is not None:
        return head.downward
    kept = [field for field in head.fields if field[0] not in _DOWNSTREAM]
    downward = head.copy()
    if len(kept) < len(head.fields):
        downward.fields = tuple(_unnamed(kept, head.fields) + _announced(head.fields, head.length, _may_trail_down))
    head.downward = downward
    return downward


def trailers_for_upstream(fields: Fields) -> Fields:
    """The trailer fields that a backend may see: those that a client may, without an underscore; see `passed_on`."""
    return _trailing(fields, _may_trail_up)


def trailers_for_downstream(fields: Fields) -> Fields:
    """The trailer fields that a client may see: none that frames, routes, authenticates or belongs to one connection.

    Judged by RFC 9110 6.5.1 and 6.5.2, and in every spelling that somebody may take for such a name.
    """
    return _trailing(fields, _may_trail_down)


def _trailing(fields: Fields, may_trail: Callable[[str], bool]) -> Fields:
    kept = [field for field in fields if may_trail(field[0])]
    return tuple(_unnamed(kept, fields)) if len(kept) < len(fields) else fields


def _ends_here(name: str) -> bool:
    """Whether a request field of that name is not simply passed on, whoever sends it."""
    if name in HOP_BY_HOP:
        return True
    if name.replace("-", "").isalnum():
        return False
    meant = hyphened(name)
    return "_" in name or meant in _ALSO_MISSPELT or _claims_identity(meant)


def _ends_here_or_claims(name: str) -> bool:
    """The same of a peer that is not to say who is behind it."""
    return _claims_identity(name) or _ends_here(name)


def _claims_identity(name: str) -> bool:
    return name.startswith(_IDENTITIES) or name in _IDENTITY


def _may_trail_up(name: str) -> bool:
    return "_" not in name and _may_trail_down(name)


def _may_trail_down(name: str) -> bool:
    meant = hyphened(name)
    return meant not in _NOT_IN_TRAILERS and not meant.startswith(_IDENTITIES)


def _listed(fields: Iterable[tuple[str, str]], name: str) -> list[str]:
    """The elements of a list field, in lower case (RFC 9110 5.6.1)."""
    values = [value for key, value in fields if key == name]
    return [element.strip(" \t") for element in ",".join(values).lower().split(",")] if values else []


def _unnamed(kept: list[tuple[str, str]], aside: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without the fields that a Connection field set aside names, save those no peer may have removed."""
    named = {option for option in _listed(aside, "connection") if option not in _USUAL_OPTIONS}
    if not named:
        return kept
    return [
        field for field in kept if field[0] not in named or field[0] in _NEVER_NAMED or field[0].startswith(_IDENTITIES)
    ]


def _one_hop_fewer(field: tuple[str, str]) -> tuple[str, str]:
    """Max-Forwards as it goes on, any other field as it is; and what is no number means nothing to us."""
    name, value = field
    if name != "max-forwards" or not value.isdecimal():
        return field
    hops = int(value.lstrip("0")[:5] or 0)  # five digits are more than the most already
    return name, str(max(0, min(hops - 1, _MOST_HOPS)))


def _announced(
    fields: Iterable[tuple[str, str]], length: int | None, may_trail: Callable[[str], bool]
) -> list[tuple[str, str]]:
    """Trailer told anew: the names that travel on, where the framing has room for trailers at all."""
    if length is not None:
        return []
    names = [name for name in _listed(fields, "trailer") if name and may_trail(name)]
    return [("trailer", ", ".join(names))] if names else []
