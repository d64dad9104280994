"""Two protocols talking over a connection in memory, step by step, and what they said; knows no reactor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import cycle

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IProtocol

from balancer.testing.transports import MARK, MemoryTransport

CLIENT = IPv4Address("TCP", "127.0.0.1", 50000)
SERVER = IPv4Address("TCP", "127.0.0.1", 8080)

LIMIT = 100_000
"""Steps after which a conversation is taken to have no end."""


class Paired:
    """A connection: `client` and `server` are its two ends, transports whose `deliver` moves one direction.

    Both protocols are connected at once, the server's first. `mark` is the number of bytes that may wait in one end
    before its producer is paused.
    """

    def __init__(
        self,
        client: IProtocol,
        server: IProtocol,
        *,
        mark: int = MARK,
        client_address: IPv4Address = CLIENT,
        server_address: IPv4Address = SERVER,
    ) -> None:
        self._said: list[tuple[str, bytes | str]] = []
        self.client = MemoryTransport(
            client, client_address, server_address, mark=mark, trace=partial(self._trace, ">>")
        )
        self.server = MemoryTransport(
            server, server_address, client_address, mark=mark, trace=partial(self._trace, "<<")
        )
        self.client.other, self.server.other = self.server, self.client
        server.makeConnection(self.server)
        client.makeConnection(self.client)

    @property
    def closed(self) -> bool:
        """Whether both ends are closed."""
        return self.client.disconnected and self.server.disconnected

    @property
    def transcript(self) -> list[str]:
        """What was said, from the client's side: `>> b'...'`, `<< b'...'`, `>> FIN`, `<< RST`.

        Bytes that came in several pieces without anything in between are one line, however they were cut.
        """
        lines: list[tuple[str, bytes | str]] = []
        for arrow, said in self._said:
            before = lines[-1] if lines else ("", "")
            if before[0] == arrow and isinstance(said, bytes) and isinstance(before[1], bytes):
                lines[-1] = (arrow, before[1] + said)
            else:
                lines.append((arrow, said))
        return [f"{arrow} {said if isinstance(said, str) else repr(said)}" for arrow, said in lines]

    def step(self, size: int | None = None) -> bool:
        """Deliver once in each direction, at most `size` bytes; return whether anything happened."""
        moved = self.client.deliver(size)
        return self.server.deliver(size) or moved

    def pump(self, sizes: Iterable[int] = ()) -> None:
        """Step until nothing moves, with these sizes over and over; without sizes, all there is at each step.

        Raises `RuntimeError` when the two never fall silent.
        """
        until_quiet(self.step, sizes)

    def _trace(self, arrow: str, said: bytes | str) -> None:
        self._said.append((arrow, said))


def until_quiet(step: Callable[[int | None], bool], sizes: Iterable[int]) -> None:
    """Call `step` with one size after the other, over and over, until it returns False.

    Raises `RuntimeError` when it does not within `LIMIT` steps.
    """
    turns: Iterator[int | None] = cycle(list(sizes) or [None])
    for _ in range(LIMIT):
        if not step(next(turns)):
            return
    raise RuntimeError(f"still talking after {LIMIT} steps")
