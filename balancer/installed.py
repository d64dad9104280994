"""Which plugins are installed, by what they are for; refuses to choose or to make any.

A plugin can be used without being listed: a config module imports what it uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from inspect import getdoc
from typing import Any, Final

from twisted.plugin import getPlugins
from zope.interface import Interface

import balancer.plugins
from balancer.interfaces import IAlgorithmPlugin, IFilterPlugin, IHealthCheckPlugin, IMatcherPlugin

_PURPOSES: Final[Mapping[str, type[Interface]]] = {
    "algorithms": IAlgorithmPlugin,
    "health checks": IHealthCheckPlugin,
    "matchers": IMatcherPlugin,
    "filters": IFilterPlugin,
}


def installed() -> Iterator[str]:
    """The lines of the list: a heading for each purpose, below it the plugins by name."""
    owners = _owners()
    for purpose, interface in _PURPOSES.items():
        found: set[Any] = set(getPlugins(interface, balancer.plugins))
        yield f"{purpose}:" if found else f"{purpose}: none"
        yield from (_line(plugin, owners) for plugin in sorted(found, key=lambda plugin: str(plugin.__name__)))


def _line(plugin: Any, owners: Mapping[str, str]) -> str:
    about = (getdoc(plugin) or "no description").splitlines()[0]
    owner = owners.get(plugin.__module__, "in no installed distribution")
    return f"  {plugin.__name__}: {about} ({plugin.__module__}, {owner})"


def _owners() -> dict[str, str]:
    """For every installed module the name and version of its distribution."""
    owners: dict[str, str] = {}
    for distribution in distributions():
        owner = f"{distribution.name} {distribution.version}"
        record = distribution.read_text("RECORD") or ""
        owners |= {_module(line.partition(",")[0]): owner for line in record.splitlines()}
    return owners


def _module(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
