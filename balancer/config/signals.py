"""What is wrong between the signals that a pool's algorithms go by and the sources that bring them; collects none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from balancer.config.mistakes import as_tuple, optional, provides, repeated, seconds, shown, sound
from balancer.interfaces import IAlgorithm, ISignalSource, Kind

_SOURCE = "give a source such as Prometheus('/metrics', {'queue': 'vllm:num_requests_waiting'})"
_LEAST = 0.01
_WAYS = ("collect", "answered", "reported")


def used(algorithms: Iterable[Any]) -> tuple[str, ...]:
    """The names of the signals that they go by, in order and each once."""
    found = (one for one in algorithms if IAlgorithm.providedBy(one))
    return tuple(dict.fromkeys(name for one in found for name in sorted(map(str, getattr(one, "signals", ())))))


def wrong_signals(sources: Collection[Any], algorithms: Collection[Any], *, checked: bool, unix: bool) -> Iterator[str]:
    """What of it would not work, or would be in vain, given whether they are asked, and some are unix sockets."""
    wrong = [line for source in sources for line in _wrong_source(source, checked=checked, unix=unix)]
    yield from wrong
    if wrong:
        return
    brought, wanted = [name for source in sources for name in source.names], used(algorithms)
    for name in repeated(brought):
        yield f"signals: two sources bring {name!r}; leave it out of one"
    for name in dict.fromkeys(name for name in brought if name not in wanted):
        yield f"signals: {name!r} would be ignored, for no algorithm of the pool goes by it; leave it out"
    for name in (name for name in wanted if name not in brought):
        yield f"signals: nothing brings {name!r}, by which the algorithm goes; {_SOURCE}"


def _wrong_source(source: Any, *, checked: bool, unix: bool) -> Iterator[str]:
    wrong = list(provides("signals", source, ISignalSource, _SOURCE))
    yield from wrong
    if wrong:
        return
    at = f"signals: {shown(source)}"
    yield from optional("signals", source, "collect", ("target",))
    yield from optional("signals", source, "answered", ("head",))
    for name in ("names", *(("fields",) if hasattr(source, "answered") else ())):
        yield from _no_texts(f"{at}: {name}", getattr(source, name, None))
    for name in ("expire", *(("every", "timeout") if hasattr(source, "collect") else ())):
        yield from seconds(f"{at}: {name}", getattr(source, name, None), like=5, least=_LEAST)
    if not any(hasattr(source, way) for way in _WAYS):
        yield f"{at} has no way to bring any; give it {', '.join(_WAYS[:-1])} or {_WAYS[-1]}"
    if getattr(source, "reported", False) and not checked:
        yield f"{at} would bring none, for nothing checks the backends; give health=Health(...) or agent=Agent(...)"
    if unix and getattr(source, "port", None) is not None:
        yield f"{at}: port: a backend on a unix socket has none; leave it out"


def _no_texts(field: str, value: Any) -> Iterator[str]:
    if not isinstance(value, Collection) or isinstance(value, str) or not all(isinstance(one, str) for one in value):
        yield f"{field}: {shown(value)} are no texts; give some such as {{'queue'}}"


def unserved(sources: Iterable[Any], kinds: Iterable[Kind]) -> Iterator[str]:
    """The kinds of listener that use the pool, for which a source can bring nothing."""
    for source in filter(ISignalSource.providedBy, sources):
        served = as_tuple(getattr(source, "protocols", ()))
        if len(sound(served, Kind)) < len(served):
            yield f"signals: {shown(source)}: protocols: {served!r} are not kinds; give some of Kind"
        elif not set(served) & set(kinds):
            known = " or ".join(f"{kind.name}Listener" for kind in served) or "listener"
            yield f"signals: {shown(source)} would bring nothing, for no {known} uses the pool; leave it out"
