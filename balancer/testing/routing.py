"""Where a request would go by a config, for a test to look at; nothing is bound, looked up or connected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from balancer import config as nouns
from balancer.core.messages import RequestHead
from balancer.explain import follow, lines_of, offline, question, told
from balancer.interfaces import Reply


@attrs.frozen(repr=False, eq=False)
class Routed:
    """What becomes of one request, connection or datagram.

    `route` takes it, with these `captures`. `request` is the head as the backend is sent it, or `reply` the answer of a
    filter. `pool` and `backend` are names; `reasons` has for each backend of the pool why it may not be chosen, nothing
    for one that may. Where nobody serves it `refused` is the reason, such as 'no-route' or 'no-backend'. `told` is all
    that `balancer explain --json` prints, and as a text a `Routed` is all that it prints without.
    """

    route: nouns.Route | None
    captures: Mapping[str, str]
    request: RequestHead | None
    reply: Reply | None
    pool: str | None
    backend: str | None
    reasons: Mapping[str, tuple[str, ...]]
    refused: str | None
    told: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"<Routed {' '.join(lines_of(self.told)[:2])}>"

    def __str__(self) -> str:
        return "\n".join(lines_of(self.told))


def routed(
    config: nouns.Config | str | Path,
    line: str,
    *,
    client: str | None = None,
    headers: Iterable[str | tuple[str, str]] = (),
    down: Iterable[str] = (),
    full: Iterable[str] = (),
    draining: Iterable[str] = (),
    tags: Iterable[str] = (),
    listener: str | None = None,
    sni: str | None = None,
    peek: str | bytes = b"",
) -> Routed:
    """Ask a config, or the file of one, where `line` goes: `routed(config, "GET https://app.example.com/v1/x")`.

    A connection is asked for as 'tcp://:5432', a datagram as 'udp://:53'. The rest is as for `balancer explain`: header
    fields are texts such as 'Cookie: a=b' or pairs, and backends that are `down`, `full` or `draining` are named as in
    the config, or as 'pool/name'. All others count as up and idle. `tags` are those that health checks would report,
    such as 'b1=primary'. Raises `ConfigError`.
    """
    known = config if isinstance(config, nouns.Config) else nouns.load(str(config))
    asked = question(line, client=client, headers=headers, listener=listener, sni=sni, peek=peek)
    way = follow(offline(known, down=down, full=full, draining=draining, tags=tags), asked)
    refused = None if way.error is None else way.error.reason
    if way.pool is not None:
        refused = way.pool.choice.reason or None
    return Routed(
        way.route,
        way.captures,
        way.goes,
        way.reply,
        None if way.pool is None else way.pool.pool,
        way.backend,
        {} if way.pool is None else {one.backend: one.reasons for one in way.pool.backends},
        refused,
        told(way),
    )
