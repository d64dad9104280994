"""The time-outs that hold for a config, as a table to read: what each bounds, what it is called, and how long it is.

Decides none of them: whatever is off or would not be looked at is shown so, or left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from balancer.config import (
    TLS,
    Agent,
    Config,
    Health,
    HTTPListener,
    Listener,
    Pool,
    Retry,
    Route,
    Routed,
    TCPListener,
    UDPListener,
)
from balancer.interfaces import Kind
from balancer.tables import table

_STREAMS: Final = {
    "proxy_timeout": "the PROXY header that opens a connection",
    "max_lifetime": "a connection, all in all",
}
BOUNDS: Final[Mapping[type[Any], Mapping[str, str]]] = {
    HTTPListener: {
        "request_timeout": "a request head, from its first byte to its last",
        "body_timeout": "silence within a request body",
        "idle": "the wait for the next request, and for a client that reads nothing",
        "half_closed": "the wait for an answer once the client has closed its side",
        "upgrade_idle": "silence of both sides after a change of protocol",
        "filter_timeout": "the filters of a request that take their time, together",
        **_STREAMS,
    },
    TCPListener: {
        "peek_timeout": "the first bytes of a connection, where routes look at them",
        "idle": "silence of both sides",
        "linger": "silence once one side has finished",
        **_STREAMS,
    },
    UDPListener: {"idle": "silence of both sides"},
    TLS: {"handshake_timeout": "a TLS handshake, all in all"},
    Route: {"timeout": "a request and its answer, all in all"},
    Retry: {"per_try_timeout": "one try of a request, until its answer begins, if another can be made"},
    Pool: {
        "queue_timeout": "the wait for a backend with room",
        "connect_timeout": "an attempt to connect",
        "response_timeout": "the wait for the head of an answer",
        "stall_timeout": "silence within the answer",
        "keepalive_timeout": "an idle connection that is kept",
    },
    Health: {"timeout": "a health check"},
    Agent: {"timeout": "a question to an agent"},
    Config: {"drain": "the wait for what is alive at a stop"},
}
"""What the settings of each noun bound."""

Row = tuple[str, str, str, str]


def timeouts(config: Config) -> Iterator[str]:
    """The lines of the table; times are in seconds."""
    rows: list[Row] = []
    for listener in config.listeners:
        rows += _of_listener(listener)
    for pool in config.pools:
        rows += _rows(str(pool), pool, config.unheeded(pool))
        if pool.health is not None:
            rows += _rows(f"{pool}, Health", pool.health)
        if pool.agent is not None:
            rows += _rows(f"{pool}, Agent", pool.agent)
    rows += _rows(str(config), config)
    yield from table(("TIME-OUT OF", "SETTING", "SECONDS", "BOUNDS"), rows)


def _of_listener(listener: Listener, around: str = "") -> Iterator[Row]:
    named = f"{around}{listener}"
    yield from _rows(named, listener, {*_unused(listener), *listener.unheeded})
    tls = getattr(listener, "tls", None)
    if tls is not None:
        yield from _rows(f"{named}, TLS", tls)
    for number, route in enumerate(listener.routes if isinstance(listener, Routed) else (), 1):
        here = f"{named}, route {number}"
        if listener.kind is Kind.HTTP:
            yield from _rows(here, route)
        if route.retry is not None:
            yield from _rows(f"{here}, Retry", route.retry)
        if route.serve is not None:
            yield from _of_listener(route.serve, f"{here}, ")


def _unused(listener: Listener) -> Collection[str]:
    """The settings that the listener's others leave no meaning."""
    unused = set()
    if not getattr(listener, "accept_proxy", ()):
        unused.add("proxy_timeout")
    if isinstance(listener, TCPListener) and not listener.peeks:
        unused.add("peek_timeout")
    if isinstance(listener, TCPListener) and not listener.pools:
        unused |= {"idle", "linger", "max_lifetime"}
    if isinstance(listener, HTTPListener) and not any(route.filters for route in listener.routes):
        unused.add("filter_timeout")
    if isinstance(listener, HTTPListener) and not any(route.upgrades for route in listener.routes):
        unused.add("upgrade_idle")
    return unused


def _rows(name: str, noun: Any, unused: Collection[str] = ()) -> Iterator[Row]:
    for setting, about in BOUNDS[type(noun)].items():
        if setting not in unused:
            seconds = getattr(noun, setting)
            yield name, setting, "off" if seconds is None else f"{seconds:g}", about
