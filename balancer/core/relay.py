"""Two half-closable byte streams tied together: every byte once, in order, each direction ended on its own.

The relay sees sizes and ends, decides who may read and when to stop, and stores nothing. It knows neither sockets nor
protocols: its two streams are ports, and each of them speaks to its own half of the relay. Back-pressure is a call:
while a stream says that the pressure on its output is high, the other one's input is paused.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from balancer.core.deadlines import Deadlines
from balancer.errors import BalancerError, DownstreamGone, IdleTimeout, UpstreamGone


class Stream(Protocol):
    """One of the two connections, as the relay drives it."""

    def write(self, data: bytes) -> None:
        """Send, or keep to send in order."""

    def finish(self) -> None:
        """Send no more after what was written: FIN."""

    def close(self) -> None:
        """Close in order, after what was written."""

    def abort(self) -> None:
        """Close at once: RST."""

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Read again."""

    @property
    def unsent(self) -> int:
        """Bytes written that the peer has not taken, as far as the system can tell."""


class State(Enum):
    """Which directions are open."""

    OPEN = "both directions open"
    DOWNSTREAM_FINISHED = "the client has finished sending"
    UPSTREAM_FINISHED = "the backend has finished sending"
    CLOSED = "closed"

    __hash__ = object.__hash__  # an enumeration's own is of its name, and in Python


class Input(Enum):
    """What can happen to a relay."""

    DOWNSTREAM_FIN = "FIN from the client"
    UPSTREAM_FIN = "FIN from the backend"
    FAILURE = "a connection lost, a time-out or the end of a drain"

    __hash__ = object.__hash__


_OPEN: Final = State.OPEN
_CLOSED: Final = State.CLOSED
# These come with every read: Python looks members up in Python, which takes ten times as long.

TRANSITIONS: Final = {
    (State.OPEN, Input.DOWNSTREAM_FIN): State.DOWNSTREAM_FINISHED,
    (State.OPEN, Input.UPSTREAM_FIN): State.UPSTREAM_FINISHED,
    (State.OPEN, Input.FAILURE): State.CLOSED,
    (State.DOWNSTREAM_FINISHED, Input.UPSTREAM_FIN): State.CLOSED,
    (State.DOWNSTREAM_FINISHED, Input.FAILURE): State.CLOSED,
    (State.UPSTREAM_FINISHED, Input.DOWNSTREAM_FIN): State.CLOSED,
    (State.UPSTREAM_FINISHED, Input.FAILURE): State.CLOSED,
}
"""Every input that is not listed for a state changes nothing there."""


class Half:
    """The relay as one of its connections speaks to it. `size` counts the bytes that came from there."""

    __slots__ = ("_fin", "_lost", "_other", "_relay", "_write", "size")

    def __init__(self, relay: Relay, other: Stream, fin: Input, lost: type[BalancerError]) -> None:
        self.size = 0
        self._relay, self._other, self._fin, self._lost = relay, other, fin, lost
        self._write = other.write

    def data(self, data: bytes) -> None:
        """The peer sent bytes. What `moved` does is done here as well: this is for every read."""
        relay = self._relay
        self.size += len(data)
        relay.last = relay.deadlines.now
        self._write(data)

    def moved(self, size: int) -> None:
        """So many bytes of the peer's are on their way to the other side."""
        self.size += size
        relay = self._relay
        relay.last = relay.deadlines.now

    def pressure(self, *, high: bool) -> None:
        """The peer does not read fast enough, or does again: hold the other side, or let it go."""
        if self._relay.state is _CLOSED:
            return
        if high:
            self._other.pause()
        else:
            self._relay.last = self._relay.deadlines.now
            self._other.resume()

    def finished(self) -> None:
        """The peer sent its last byte."""
        self._relay.finish(self._fin, self._other)

    def lost(self) -> None:
        """The peer's connection broke, or was closed by us."""
        if self._relay.state is not _CLOSED:
            self._relay.fail(self._lost("the connection broke"))


class Relay:
    """One client's connection and the backend's, from the moment both stand until both have ended.

    `done` is called once, with the error that ended it or None. `idle` and `linger` are seconds: how long nothing may
    move while both directions are open, and while only one is. What a slow peer takes of the bytes already written
    for it is movement, too.
    """

    __slots__ = (
        "_deadline", "_done", "_idle", "_linger", "_streams", "_taken",
        "deadlines", "downstream", "last", "state", "upstream",
    )  # fmt: skip

    def __init__(
        self,
        downstream: Stream,
        upstream: Stream,
        *,
        deadlines: Deadlines,
        idle: float,
        linger: float,
        done: Callable[[BalancerError | None], None],
    ) -> None:
        self.state = _OPEN
        self.downstream = Half(self, upstream, Input.DOWNSTREAM_FIN, DownstreamGone)
        self.upstream = Half(self, downstream, Input.UPSTREAM_FIN, UpstreamGone)
        self.deadlines, self.last = deadlines, deadlines.now
        self._streams, self._done = (downstream, upstream), done
        self._idle, self._linger, self._taken = idle, linger, 0
        self._deadline = deadlines.after(idle, self._quiet)

    def fail(self, error: BalancerError) -> None:
        """End both connections at once."""
        if self._enter(Input.FAILURE):
            for stream in self._streams:
                stream.abort()
            self._end(error)

    def finish(self, what: Input, other: Stream) -> None:
        """One direction has ended; when both have, so has the relay."""
        if not self._enter(what):
            return
        if self.state is _CLOSED:
            self._close(None)
        else:
            self._deadline.move(self._linger)
            other.finish()  # comes last: it may find the stream broken, which ends everything at once

    def _close(self, error: BalancerError | None) -> None:
        for stream in self._streams:
            stream.close()
        self._end(error)

    def _enter(self, what: Input) -> bool:
        """Go where the table says; tell whether anything changed."""
        after = TRANSITIONS.get((self.state, what))
        if after is not None:
            self.state = after
        return after is not None

    def _end(self, error: BalancerError | None) -> None:
        self._deadline.cancel()
        self._done(error)
        del self.downstream, self.upstream, self._deadline  # which lead back here: a relay is no work for the collector

    def _quiet(self) -> None:
        """The deadline fired: either nothing moved for that long, or it has to wait for the rest.

        What a slow peer took since the last look, it took at a time that nobody knows: as late as now, perhaps.
        """
        limit = self._idle if self.state is _OPEN else self._linger
        remaining = limit - (self.deadlines.now - self.last)
        unsent = sum(stream.unsent for stream in self._streams)
        before, self._taken = self._taken, self.downstream.size + self.upstream.size - unsent
        if unsent and self._taken != before:
            self._deadline.move(limit)
        elif remaining > 0:
            self._deadline.move(remaining)
        else:
            self._give_up(IdleTimeout(f"nothing moved for {limit:g} s"), unsent)

    def _give_up(self, error: BalancerError, unsent: int) -> None:
        """In order, as after a whole conversation, only if none of it is known to be missing."""
        if unsent:
            self.fail(error)
        else:
            self._enter(Input.FAILURE)
            self._close(error)
