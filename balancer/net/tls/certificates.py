"""The certificates of one or several listeners while they run: shown, read again, and told of before they expire.

Refuses to know when files are looked at: see `Reloading`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf
from typing import Any

import attrs

from balancer.net.tls.contexts import ServerContexts
from balancer.net.tls.credentials import DAY, Credentials, Sources, read
from balancer.net.tls.files import Look
from balancer.net.tls.presenting import Manner, prove


class Certificates:
    """What is read from `sources`, and all the contexts in which it is shown.

    Every `rotation` seconds the contexts are made anew, and with them the keys of the tickets in which sessions are. So
    they are when a certificate begins or ceases to be valid, for another one may be better then.
    """

    def __init__(
        self,
        sources: Sources,
        manner: Manner,
        *,
        rotation: float,
        seconds: Callable[[], float],
        warn: Callable[[str], object],
    ) -> None:
        self._sources, self._manner = sources, manner
        self._rotation, self._seconds, self._warn = rotation, seconds, warn
        self._contexts: dict[tuple[bytes, ...], ServerContexts] = {}
        self._rotated, self._turn = seconds(), inf
        self._told: frozenset[str] = frozenset()
        self.credentials = Credentials()

    def contexts(self, alpn: Iterable[str]) -> ServerContexts:
        """Those for listeners that speak these protocols."""
        protocols = tuple(protocol.encode() for protocol in alpn)
        if protocols not in self._contexts:
            manner = attrs.evolve(self._manner, alpn=protocols)
            self._contexts[protocols] = ServerContexts(manner, self.credentials)
        return self._contexts[protocols]

    def look(self) -> Look:
        """How the files are now."""
        return self._sources.look()

    def load(self) -> Credentials:
        """What is in the files. Raises `Unusable`, also for what OpenSSL does not take."""
        loaded = read(self._sources)
        prove(self._manner, loaded)
        return loaded

    def use(self, loaded: Credentials) -> None:
        """Show these from now on."""
        self.credentials, self._turn = loaded, loaded.turn(self._manner.wall())
        for contexts in self._contexts.values():
            contexts.use(loaded)
        self._remark()

    def tick(self) -> None:
        """Some time has passed."""
        if self._seconds() - self._rotated >= self._rotation or self._manner.wall() >= self._turn:
            self._rotated, self._turn = self._seconds(), self.credentials.turn(self._manner.wall())
            for contexts in self._contexts.values():
                contexts.renew()
        self._remark()

    def figures(self) -> list[dict[str, Any]]:
        """What there is to know of each certificate."""
        now = self._manner.wall()
        return [
            {
                "names": [*pair.names, *pair.addresses],
                "key": pair.strength,
                "file": pair.paths[0],
                "expires": round(pair.ends),
                "days_left": int((pair.ends - now) // DAY),
            }
            for pair in self.credentials.pairs
        ]

    def _remark(self) -> None:
        """Warn of what was not warned of the last time."""
        remarks = dict.fromkeys(self.credentials.remarks(self._manner.wall()))
        for remark in remarks:
            if remark not in self._told:
                self._warn(remark)
        self._told = frozenset(remarks)
