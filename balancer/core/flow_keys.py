"""What datagrams say of whom they are from, and the backend that has those flows; knows no address and no protocol.

A client whose address changes, as behind a NAT or on the move, is a stranger by its address. What its datagrams say
leads it to the backend that knows it, by a flow of its own: that backend sees the new address, or what stands for it
here, and decides as its protocol has it (QUIC validates the path, RFC 9000 9). No flow ever changes hands, so a
datagram that was forged takes nobody's replies away, and none go to whom they were not for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import attrs

from balancer.core.backend import Backend
from balancer.core.faults import Faults, named
from balancer.core.flow import Flow
from balancer.core.pool import Pool
from balancer.interfaces import IFlowKey

MOST_NAMES: Final = 8
"""Names of one flow: the first that its datagrams and its backend's replies give it."""

LONGEST: Final = 255
"""Bytes of a name; a longer one is none."""

Home = tuple[Pool, Backend]
"""Where the flows of a name are: a backend, and the pool in which it was found."""


@attrs.define
class _Held:
    """Where the flows of a name are, and how many live."""

    home: Home
    flows: int = 0


class FlowKeys:
    """The names of the flows of one listener: each is known while a flow lives that has it.

    There are never more than `MOST_NAMES` for each flow, and none leads elsewhere while it is known. `faults` counts
    what the key did wrong; what it raises is no name.
    """

    def __init__(
        self, key: IFlowKey, pools: Sequence[Pool], report: Callable[[str, BaseException], object] = lambda *_: None
    ) -> None:
        self.faults = Faults(report)
        self._key = key
        self._learn: Callable[[bytes], Any] | None = getattr(key, "learn", None)
        self._backend: Callable[[bytes], Any] | None = getattr(key, "backend", None)
        self._backends = {backend.name: (pool, backend) for pool in reversed(pools) for backend in pool.backends}
        self._held: dict[bytes, _Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._held)

    @property
    def learns(self) -> bool:
        """Whether replies give names, too."""
        return self._learn is not None

    def home(self, datagram: bytes) -> Home | None:
        """Where a client's datagram belongs: with the flows of its name, or else to the backend it names while up."""
        name = self._ask(self._key.key, datagram)
        held = self._held.get(name) if isinstance(name, bytes) else None
        if held is not None:
            return held.home
        written = None if self._backend is None else self._ask(self._backend, datagram)
        home = self._backends.get(written) if isinstance(written, str) else None
        return home if home is not None and home[1].up else None

    def hold(self, flow: Flow, home: Home, datagram: bytes) -> None:
        """A flow begins there with that datagram."""
        self._hold(flow, home, self._ask(self._key.key, datagram))

    def learn(self, flow: Flow, datagram: bytes) -> None:
        """The backend of a flow has sent that datagram."""
        if self._learn is None or flow.lease is None or flow.pool is None:
            return
        names = self._ask(self._learn, datagram)
        for name in names if isinstance(names, list | tuple | set | frozenset) else ():
            self._hold(flow, (flow.pool, flow.lease.backend), name)

    def forget(self, flow: Flow) -> None:
        """The flow has left its backend."""
        for name in flow.keys:
            held = self._held[name]
            held.flows -= 1
            if not held.flows:
                del self._held[name]
        flow.keys = ()

    def _hold(self, flow: Flow, home: Home, name: Any) -> None:
        if not isinstance(name, bytes) or not 0 < len(name) <= LONGEST:
            return
        if name in flow.keys or len(flow.keys) == MOST_NAMES:
            return
        held = self._held.setdefault(name, _Held(home))
        if held.home == home:
            held.flows += 1
            flow.keys += (name,)

    def _ask(self, question: Callable[[bytes], Any], datagram: bytes) -> Any:
        try:
            return question(datagram)
        except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
            self.faults.note(f"key {named(self._key)}", error)
            return None
