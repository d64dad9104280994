"""A health check that is a program of the user's; refuses to know what it looks at."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from signal import Signals
from typing import Any, ClassVar, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.errors import CheckFailed, ConfigError
from balancer.interfaces import ICheckTarget, IHealthCheck, IHealthCheckPlugin, Kind, Report
from balancer.plugins.dialogue import shown
from balancer.plugins.settings import told

_OURS: Final = "BALANCER_"


def _words(given: Any) -> Any:
    return tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else given


def _pairs(given: Any) -> Any:
    return tuple(given.items()) if isinstance(given, Mapping) else given


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen
class Script:
    """Healthy when a program ends with status 0: `Script(["/usr/local/bin/check-db", "--quick"])`.

    The command is its words, and goes through no shell. Its environment is `PATH`, what is in `environment`, and of the
    backend `BALANCER_NAME`, `BALANCER_ADDRESS`, and `BALANCER_HOST` and `BALANCER_PORT`, which a unix socket does not
    have. The first line that it says is the evidence. Raises `ConfigError`.
    """

    protocols: ClassVar[frozenset[Kind]] = frozenset(Kind)

    command: tuple[str, ...] = attrs.field(converter=_words)
    environment: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_pairs, kw_only=True, repr=False)

    def __attrs_post_init__(self) -> None:
        command: Any = self.command
        sound = isinstance(command, tuple) and all(map(_is_word, command)) and bool(command) and command[0] != ""
        told(self, command=(sound, "is not a list of words; give such as ['/usr/local/bin/check', '--quick']"))
        if not isinstance(self.environment, tuple) or not all(map(_is_pair, self.environment)):
            wrong = f"not a mapping of names to texts, or has a name with an '=' or one that begins with {_OURS}"
            raise ConfigError([f"Script: environment: it is {wrong}; give such as {{'LANG': 'C'}}"])

    @property
    def programs(self) -> tuple[str]:
        """See `IHealthCheck`."""
        return (self.command[0],)

    async def check(self, target: ICheckTarget) -> Report:
        try:
            status, said = await target.run(self.command, self._environment(target))
        except CheckFailed as failed:
            raise CheckFailed(f"{self.command[0]} cannot be run: {failed}") from failed
        line = said.strip().partition(b"\n")[0].strip()
        if status == 0:
            return Report(detail=shown(line) if line else "")
        ended = f"status {status}" if status > 0 else f"ended by {_name(-status)}"
        raise CheckFailed(f"{ended}, and said {shown(line)}")

    def _environment(self, target: ICheckTarget) -> dict[str, str]:
        facts = {"NAME": target.backend.name, "ADDRESS": target.address}
        host, colon, port = target.address.rpartition(":")
        if colon and "/" not in target.address:
            facts |= {"HOST": host.strip("[]"), "PORT": port}
        ours = {_OURS + name: fact for name, fact in facts.items()}
        return {"PATH": os.environ.get("PATH", os.defpath), **dict(self.environment), **ours}


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_pair(pair: tuple[Any, Any]) -> bool:
    name, value = pair
    return _is_word(name) and _is_word(value) and name != "" and "=" not in name and not name.startswith(_OURS)


def _name(number: int) -> str:
    return Signals(number).name if number in set(Signals) else f"signal {number}"
