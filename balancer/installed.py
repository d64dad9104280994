"""What is installed: plugins, by what they are for, and Twisted's types of endpoints; refuses to choose or to make any.

A plugin can be used without being listed: a config module imports what it uses.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from inspect import getdoc
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

import attrs
from twisted.internet.interfaces import IStreamServerEndpointStringParser
from twisted.plugin import getPlugins
from zope.interface import Interface

import balancer.plugins
from balancer.config import Config
from balancer.config.endpoints import BOUND, likely_endpoint
from balancer.interfaces import (
    IAlgorithmPlugin,
    IFilterPlugin,
    IFlowKeyPlugin,
    IHealthCheckPlugin,
    IMatcherPlugin,
    ISignalSourcePlugin,
)

_PURPOSES: Final[Mapping[str, type[Interface]]] = {
    "algorithms": IAlgorithmPlugin,
    "health checks": IHealthCheckPlugin,
    "signals": ISignalSourcePlugin,
    "matchers": IMatcherPlugin,
    "flow keys": IFlowKeyPlugin,
    "filters": IFilterPlugin,
}


def installed() -> Iterator[str]:
    """The lines of the list: a heading for each purpose, below it the plugins by name."""
    owners = _Owners()
    for purpose, interface in _PURPOSES.items():
        found: set[Any] = set(getPlugins(interface, balancer.plugins))
        yield f"{purpose}:" if found else f"{purpose}: none"
        yield from (_line(plugin, owners) for plugin in sorted(found, key=lambda plugin: str(plugin.__name__)))


def endpoint_types() -> set[str]:
    """The types of stream endpoints for which Twisted has a plugin: its own, and those of other packages."""
    return {str(parser.prefix) for parser in getPlugins(IStreamServerEndpointStringParser)}


def unknown_types(config: Config) -> Iterator[str]:
    """A line for each endpoint that nothing installed can bind: a config, which knows no Twisted, cannot tell."""
    known = {*BOUND, *endpoint_types()}
    for listener in config.listeners:
        if listener.bound.scheme not in known:
            yield (
                f"{listener}: endpoint: {listener.bound.scheme!r} is no type of endpoint that is installed; "
                f"write it as {likely_endpoint(listener.endpoint)}"
            )


@attrs.frozen
class _Owners:
    """The distributions, each as its name and version, by what they have installed.

    `modules` are those that were copied. `projects` are the folders of those that are installed from where they are
    worked on, which record no modules (PEP 610).
    """

    modules: dict[str, str] = attrs.field(init=False, factory=dict)
    projects: dict[Path, str] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        for distribution in distributions():
            owner = f"{distribution.name} {distribution.version}"
            record = distribution.read_text("RECORD") or ""
            self.modules.update((_module(line.partition(",")[0]), owner) for line in record.splitlines())
            self.projects.update((folder, owner) for folder in _project(distribution))

    def of(self, module: str) -> str:
        """Whose a module that was imported is, in words."""
        file = Path(getattr(sys.modules.get(module), "__file__", None) or "")
        around = (owner for folder, owner in self.projects.items() if file.is_relative_to(folder))
        return self.modules.get(module) or next(around, "in no installed distribution")


def _line(plugin: Any, owners: _Owners) -> str:
    about = (getdoc(plugin) or "no description").splitlines()[0]
    return f"  {plugin.__name__}: {about} ({plugin.__module__}, {owners.of(plugin.__module__)})"


def _project(distribution: Distribution) -> Iterator[Path]:
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable", False):
        yield Path(url2pathname(urlsplit(origin["url"]).path))


def _module(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
