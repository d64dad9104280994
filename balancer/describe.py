"""The plan a config amounts to, in lines to read: every listener, route, pool and backend, with all settings in force.

Settings are called what a user would write, so that any can be copied into the config and changed. It refuses to
decide anything: what the config leaves open is handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import attrs

from balancer.config import Config, Health, Listener, Pool, Route, Routed, UpstreamTLS
from balancer.config.upstream_tls import UNVERIFIED
from balancer.interfaces import IAlgorithm, Kind


def plan(config: Config, default: IAlgorithm) -> Iterator[str]:
    """The lines of the plan; `default` is the algorithm of the pools that name none."""
    for listener in config.listeners:
        yield f"{listener}: {_listening(listener)}"
        yield from _beneath(listener)
    for pool in config.pools:
        yield from _pool(attrs.evolve(pool, algorithm=pool.algorithm or default), config.unheeded(pool))
    yield f"{config}: {_settings(config, 'listeners')}"


def _settings(noun: Any, *shown_elsewhere: str) -> str:
    fields = (field.name for field in attrs.fields(type(noun)) if field.name not in shown_elsewhere)
    return ", ".join(f"{name}={getattr(noun, name)!r}" for name in fields)


def _listening(listener: Listener, *unheeded: str) -> str:
    """Its settings, but those that have lines of their own beneath it."""
    tls = ["tls"] if getattr(listener, "tls", None) else []
    return _settings(listener, "endpoint", "pool", "routes", *tls, *unheeded)


def _beneath(listener: Listener) -> Iterator[str]:
    """How it speaks TLS, and a line for each route, below which are those of the listener that serves there."""
    tls = getattr(listener, "tls", None)
    if tls is not None:
        yield f"  TLS: {_settings(tls, 'passphrase')}"
    routes = listener.routes if isinstance(listener, Routed) else ()
    for number, route in enumerate(routes, 1):
        yield f"  route {number}{_route(route, listener.kind)}"
        if route.serve is not None:
            yield from (f"  {line}" for line in _beneath(route.serve))


def _route(route: Route, kind: Kind) -> str:
    matcher = "everything" if route.matcher is None else repr(route.matcher)
    filters = "".join(f" -> {item!r}" for item in route.filters)
    given = {name: getattr(route, name) for name in ("upgrades", "max_body", "timeout", "retry")}
    if route.pool is None:
        del given["upgrades"]
    heeded = {name: value for name, value in given.items() if value is not None and kind is Kind.HTTP}
    told = "".join(f", {name}={value!r}" for name, value in heeded.items())
    return f"{f' {route.name!r}' if route.name else ''}: {matcher}{filters}{_target(route)}{told}"


def _target(route: Route) -> str:
    """Where it leads; a listener with its settings in force."""
    if route.refuse:
        return " -> refused"
    if route.serve is None:
        return "" if route.pool is None else f" -> {route.pool}"
    return f" -> {route.serve}: {_listening(route.serve, *route.serve.unheeded)}"


def _pool(pool: Pool, unheeded: Collection[str]) -> Iterator[str]:
    yield f"{pool}: {_settings(pool, 'name', 'backends', 'health', 'agent', 'ejection', 'tls', *unheeded)}"
    yield f"  {_health(pool.health)}"
    if pool.health is not None and isinstance(pool.health.tls, UpstreamTLS):
        yield from _warnings(pool.health.tls)
    if pool.agent is not None:
        yield f"  Agent: {_settings(pool.agent)}"
    if "tls" not in unheeded:
        yield from _tls(pool.tls)
    yield f"  {_ejection(pool)}"
    for backend in pool.backends:
        hidden = {"name", "backup", "max_requests" if backend.max_requests is None else "max_connections"}
        hidden |= {name for name in ("check", "agent") if getattr(backend, name) is None}
        hidden |= {"server_name"} if pool.tls is None else set()
        hidden |= {"address"} if backend.name == str(backend.endpoint) else set()
        yield f"  {backend}: {_settings(backend, *hidden)}"


def _health(health: Health | None) -> str:
    return "Health: not checked" if health is None else f"Health: {_settings(health)}"


def _ejection(pool: Pool) -> str:
    """The rules that can eject any of its backends."""
    if pool.ejection is None:
        return "Ejection: none"
    return f"Ejection: {_settings(pool.ejection.within(len(pool.backends)))}"


def _tls(tls: UpstreamTLS | None) -> Iterator[str]:
    """Secrets stay out of it."""
    yield "  UpstreamTLS: none" if tls is None else f"  UpstreamTLS: {_settings(tls, 'passphrase')}"
    if tls is not None:
        yield from _warnings(tls)


def _warnings(tls: UpstreamTLS) -> Iterator[str]:
    if not tls.verify:
        yield f"  warning: {UNVERIFIED}"
    if tls.keylog is not None:
        yield f"  warning: keylog: the secrets of all connections are written to {tls.keylog}"
