"""What questions are put to: the listeners of a config and its pools, running or made for this; asks nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from random import Random
from typing import Final

import attrs
from twisted.internet.task import Clock

from balancer import config as nouns
from balancer.assembly.parts import Parts
from balancer.assembly.pools import make_offline_pool
from balancer.core.backend import Backend
from balancer.core.pool import Pool
from balancer.errors import ConfigError, StartError
from balancer.interfaces import Report

SEED: Final = 1
"""Of all chance where nothing runs: the same question has the same answer."""


@attrs.frozen(eq=False)
class Ground:
    """The listeners that are bound, and the pools of all of them, by the nouns they come from."""

    listeners: Sequence[nouns.Listener]
    pools: Mapping[nouns.Pool, Pool]


def offline(
    config: nouns.Config,
    *,
    down: Iterable[str] = (),
    full: Iterable[str] = (),
    draining: Iterable[str] = (),
    tags: Iterable[str] = (),
) -> Ground:
    """A config as it is when all its backends are up and idle, but those that are named.

    Each is named as in the config, for every pool that has one of that name, or as 'pool/name'. In `tags` stands what
    health checks would report: 'b1=primary'. Nothing is bound, looked up or connected. Raises `ConfigError` for names
    that are not there, and for an algorithm that fails.
    """
    parts = Parts(Clock(), Random(SEED))
    try:
        pools = {noun: make_offline_pool(parts, noun) for noun in config.pools}
    except StartError as error:
        raise ConfigError([str(error)]) from error
    for backend in (backend for pool in pools.values() for backend in pool.backends):
        backend.become(up=True)
    _declare(pools.values(), "down", down, _take_down)
    _declare(pools.values(), "full", full, _fill)
    _declare(pools.values(), "draining", draining, _drain)
    for name, tag in map(_tag, tags):
        _declare(pools.values(), "tag", [name], partial(_report, tag))
    for pool in pools.values():
        pool.refresh()
    return Ground(config.listeners, pools)


def _declare(pools: Iterable[Pool], state: str, names: Iterable[str], declare: Callable[[Backend], None]) -> None:
    for name in names:
        found = [backend for known, backend in _named(pools) if known == name]
        if not found:
            known_names = [known for known, _ in _named(pools)]
            close = get_close_matches(name, known_names, n=1) or known_names[:1]
            raise ConfigError([f"{state}: no backend is named {name!r}; give one such as {close[0]}"])
        for backend in found:
            declare(backend)


def _named(pools: Iterable[Pool]) -> Iterator[tuple[str, Backend]]:
    """All that a backend may be called."""
    for pool in pools:
        for backend in pool.backends:
            yield backend.name, backend
            yield f"{pool.name}/{backend.name}", backend


def _tag(text: str) -> tuple[str, str]:
    """A backend's name and a tag of it."""
    name, _, tag = text.rpartition("=")
    if not name or not tag:
        raise ConfigError([f"tag: {text!r} tells no tag of a backend; write one such as b1=primary"])
    return name, tag


def _report(tag: str, backend: Backend) -> None:
    backend.apply(Report(tags=backend.tags | {tag}))


def _take_down(backend: Backend) -> None:
    backend.become(up=False)


def _fill(backend: Backend) -> None:
    if backend.max_connections is None:
        raise ConfigError([f"full: backend {backend.name!r} has no max_connections, so that it is never full"])
    backend.become(active=backend.max_connections)


def _drain(backend: Backend) -> None:
    backend.become(draining=True)
