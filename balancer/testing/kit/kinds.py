"""Finds out what kind of plugin something is: by the interface it provides, else by what it looks like."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, iscoroutinefunction, signature
from typing import Any, Final

from balancer.errors import ConfigError
from balancer.interfaces import IAlgorithm, IFilter, IHealthCheck, IMatcher, ISignalSource

_INTERFACES: Final = {
    "algorithm": IAlgorithm,
    "health check": IHealthCheck,
    "matcher": IMatcher,
    "filter": IFilter,
    "signal source": ISignalSource,
}
_LOOKS: Final = {
    "algorithm": ("picker",),
    "health check": ("check",),
    "matcher": ("matches",),
    "filter": ("request", "response", "body"),
    "signal source": ("collect", "answered"),
}


def kind_of(plugin: Any) -> str:
    """Which kind it is. Raises `ConfigError` for what is none."""
    for kind, interface in _INTERFACES.items():
        if interface.providedBy(plugin):
            return kind
    for kind, members in _LOOKS.items():
        if any(callable(getattr(plugin, member, None)) for member in members):
            return kind
    if getattr(plugin, "reported", False) is True:
        return "signal source"
    if callable(plugin) and not isinstance(plugin, type):
        return _kind_of_function(plugin)
    remedy = "give a class, or a function without arguments, that makes a plugin"
    raise ConfigError([f"conformance: factory: it made {plugin!r}, which is no plugin; {remedy}"])


def _kind_of_function(function: Callable[..., Any]) -> str:
    """A function in the place of a plugin: of a head and a session, of a target, or of a session."""
    wanted = _wanted(function)
    if len(wanted) == 2:
        return "filter"
    if iscoroutinefunction(function) or wanted == ["target"]:
        return "health check"
    return "matcher"


def _wanted(function: Callable[..., Any]) -> list[str]:
    places = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    try:
        named = signature(function).parameters.values()
    except ValueError:
        return []  # what is written in C does not tell
    return [one.name for one in named if one.kind in places and one.default is Parameter.empty]


def factory_of(given: Any) -> Callable[[], Any]:
    """What makes a plugin: the factory itself, or one for a function that is a plugin. Raises `ConfigError`."""
    if not callable(given):
        remedy = f"write conformance(lambda: {type(given).__name__}(...))"
        raise ConfigError([f"conformance: factory: {given!r} cannot be called; {remedy}"])
    if not isinstance(given, type) and _wanted(given):
        return lambda: given
    made: Callable[[], Any] = given
    return made
