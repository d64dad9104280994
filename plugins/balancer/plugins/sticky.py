"""The same client, the same backend, for as long as that can serve it; what is done when it cannot.

Stands outermost: what it chooses by lives as long as the pool, and it alone may choose a backend that gets nothing new,
for those that belong there. By what a client is known is for `stickiness` and `own_cookie` to say, whose kinds can be
had from here as well.
"""

from __future__ import annotations

import random as chance
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, Literal

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.core.messages import RequestHead, ResponseHead
from balancer.interfaces import IAlgorithm, IAlgorithmPlugin, IBackend, IKeeper, ISession, Picker
from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.building import Composed, Making, at_once, made
from balancer.plugins.own_cookie import OwnCookie
from balancer.plugins.parts import Parts
from balancer.plugins.settings import ALGORITHM, is_algorithm, told
from balancer.plugins.stickiness import AppCookie, Learned, Memory, Remembered, Stickiness, Still

__all__ = ["AppCookie", "Learned", "OwnCookie", "Remembered", "Sticky"]

_ROUND_ROBIN: Final = RoundRobin()
_IN_ORDER: Final = frozenset({"up", "draining"})
"""States in which a backend may have what belongs to it."""


def _kind(given: Any) -> Any:
    """A function of the session is one that is remembered."""
    return Remembered(given) if callable(given) and not isinstance(given, type) else given


def _choice(value: Any, *words: str) -> tuple[bool, str]:
    return value in words, f"is not a choice; give {' or '.join(map(repr, words))}"


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class Sticky(Composed):
    """Whoever came before goes to the same backend; for the others `otherwise` chooses.

    `by` is how clients are known: `OwnCookie`, `AppCookie`, `Learned`, `Remembered`, or a function of the session such
    as `header("x-user")`, which is remembered. When a client's backend gets nothing new (it drains, or has weight 0, or
    a tier that is not in use), its client may "stay" or "move" to another, by `draining`; when it has all the sessions
    that it takes, "wait" for room there or "move", by `full`; when it is down, or failed the session, "move", or have
    the session refused with "refuse", by `down`. Who moves belongs to the other one from then on. Raises `ConfigError`.
    """

    by: Stickiness = attrs.field(converter=_kind)
    otherwise: IAlgorithm = _ROUND_ROBIN
    draining: Literal["stay", "move"] = attrs.field(default="stay", kw_only=True)
    full: Literal["wait", "move"] = attrs.field(default="wait", kw_only=True)
    down: Literal["move", "refuse"] = attrs.field(default="move", kw_only=True)

    name: ClassVar[str] = "sticky"

    def __attrs_post_init__(self) -> None:
        told(
            self,
            by=(
                callable(getattr(self.by, "memory", None)) and not isinstance(self.by, type),
                "is no way to know clients by; give OwnCookie('lb', secret), or a function such as header('x-user')",
            ),
            otherwise=(is_algorithm(self.otherwise), ALGORITHM),
            draining=_choice(self.draining, "stay", "move"),
            full=_choice(self.full, "wait", "move"),
            down=_choice(self.down, "move", "refuse"),
        )

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker | Making:
        return self.keeper().picker(backends, (), random)

    def keeper(self) -> Keeper:
        """See `IAlgorithm`: what is remembered is one pool's."""
        return Keeper(self, self.by.memory())


@implementer(IKeeper)
class Keeper:
    """`Sticky` for one pool."""

    def __init__(self, settings: Sticky, memory: Memory) -> None:
        self._settings, self._memory = settings, memory

    def still(self) -> Keeper:
        """See `IKeeper`."""
        return Keeper(self._settings, Still(self._memory))

    def picker(
        self, backends: Sequence[IBackend], others: Sequence[IBackend], random: chance.Random
    ) -> Picker | Making:
        self._memory.know([backend.name for backend in (*backends, *others)])
        return at_once(self._making(backends, others, random))

    def _making(self, backends: Sequence[IBackend], others: Sequence[IBackend], random: chance.Random) -> Making:
        chooser: Picker = (yield from made(self._settings.otherwise, backends, random)) if backends else _nobody
        return _Stuck(self._settings, self._memory, chooser, backends, others)


def _nobody(_session: ISession) -> None:
    """The picker where nobody gets anything new."""


class _Stuck(Parts):
    """The picker of `Sticky`; see `Picker` for what its members are asked."""

    def __init__(
        self,
        settings: Sticky,
        memory: Memory,
        chooser: Picker,
        backends: Sequence[IBackend],
        others: Sequence[IBackend],
    ) -> None:
        super().__init__([chooser])
        self._settings, self._memory, self._chooser = settings, memory, chooser
        staying = [each for each in others if settings.draining == "stay" and each.state in _IN_ORDER]
        self._homes = {backend.name: backend for backend in (*backends, *staying)}
        self._lost = frozenset(backend.name for backend in others if backend.state not in _IN_ORDER)
        self._inner: Callable[..., ResponseHead] | None = getattr(self, "responded", None)
        self.responded, self.waits = self._answered, settings.full == "wait"

    def __call__(self, session: ISession) -> IBackend | None:
        name = self._memory.home(session)
        backend = None if name is None else self._homes.get(name)
        if backend is not None and backend not in session.tried:
            self.owe(backend, session, None)
        elif self._settings.down == "refuse" and (name in self._lost or (backend is not None and session.attempt > 1)):
            return None
        else:
            backend = self.ask(self._chooser, session)
        if backend is not None:
            self._memory.chosen(session, backend)
        return backend

    def belongs(self, session: ISession, backend: IBackend) -> bool:
        """Whether that backend is the session's own."""
        return self._memory.home(session) == backend.name

    def requested(self, _session: ISession, _backend: IBackend, head: RequestHead) -> RequestHead:
        """What only the balancer is to know is left out."""
        return self._memory.requested(head)

    def _answered(self, session: ISession, backend: IBackend, head: ResponseHead) -> ResponseHead:
        if self._inner is not None:
            head = self._inner(session, backend, head)
        return self._memory.responded(session, backend, head)

    def explain(self, session: ISession) -> list[tuple[IBackend, float, str]]:
        """Where the session belongs has 1, and what the other algorithm thinks follows."""
        home = self._homes.get(self._memory.home(session) or "")
        told = [] if home is None else [(home, 1.0, "the session belongs there")]
        explain = getattr(self._chooser, "explain", None)
        return told + (list(explain(session)) if explain is not None else [])
