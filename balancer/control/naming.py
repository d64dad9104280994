"""Finds backends by what an operator calls them: by name where one pool alone has it, else by pool and name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from balancer import config as nouns
from balancer.config.mistakes import shown
from balancer.core.backend import Backend
from balancer.core.pool import Pool
from balancer.errors import ControlRefused

LISTED: Final = 10
"""Names that an error tells at most."""


@attrs.frozen(eq=False)
class Member:
    """A backend and its pool, as written and as running."""

    settings: nouns.Pool
    pool: Pool
    backend: Backend

    @property
    def path(self) -> str:
        """Pool and name."""
        return f"{self.pool.name}/{self.backend.name}"


class Names:
    """All backends of all pools."""

    def __init__(self, pools: Mapping[nouns.Pool, Pool]) -> None:
        self._members = [
            Member(settings, pool, backend) for settings, pool in pools.items() for backend in pool.backends
        ]
        self._named: dict[str, list[Member]] = {}
        self._paths: dict[str, list[Member]] = {}
        for member in self._members:
            self._named.setdefault(member.backend.name, []).append(member)
            self._paths.setdefault(member.path, []).append(member)
        self._shown = {member.backend: self._short(member) for member in self._members}

    def find(self, name: str) -> Member:
        """The one backend of that name. Raises `ControlRefused`, which tells the names there are."""
        found = self._paths.get(name) or self._named.get(name, [])
        if len(found) == 1:
            return found[0]
        if found:
            raise ControlRefused(f"{shown(name)} is in several pools; give {_listed(one.path for one in found)}")
        raise ControlRefused(f"no backend is named {shown(name)}; there is {_listed(self._shown.values())}")

    def shown(self, backend: Backend) -> str:
        """What to call it, so that it is found by that."""
        return self._shown[backend]

    def _short(self, member: Member) -> str:
        alone = len(self._named[member.backend.name]) == 1 and member.backend.name not in self._paths
        return member.backend.name if alone else member.path


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - LISTED} more" if len(every) > LISTED else ""
    return ", ".join(every[:LISTED]) + more
