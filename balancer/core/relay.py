"""Two half-closable byte streams tied together: every byte once, in order, each direction ended on its own.

The relay sees sizes and ends, decides who may read and when to stop, and stores nothing. It knows neither sockets nor
protocols: its two streams are ports. Back-pressure is a call: while a stream says that the pressure on its output is
high, the other one's input is paused.
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


class State(Enum):
    """Which directions are open."""

    OPEN = "both directions open"
    DOWNSTREAM_FINISHED = "the client has finished sending"
    UPSTREAM_FINISHED = "the backend has finished sending"
    CLOSED = "closed"


class Input(Enum):
    """What can happen to a relay."""

    DOWNSTREAM_FIN = "FIN from the client"
    UPSTREAM_FIN = "FIN from the backend"
    FAILURE = "a connection lost, a time-out or the end of a drain"


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


class Relay:
    """One client's connection and the backend's, from the moment both stand until both have ended.

    `done` is called once, with the error that ended it or None. `idle` and `linger` are seconds: how long both
    directions may be silent, and how long the open direction may be when the other has finished.
    """

    __slots__ = (
        "_deadline", "_deadlines", "_done", "_downstream", "_idle", "_last", "_linger", "_upstream",
        "received", "sent", "state",
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
        self.state = State.OPEN
        self.received = self.sent = 0
        self._downstream, self._upstream, self._done = downstream, upstream, done
        self._deadlines, self._idle, self._linger = deadlines, idle, linger
        self._deadline = deadlines.after(idle, self._quiet)
        self._last = deadlines.now

    def downstream_data(self, data: bytes) -> None:
        """The client sent bytes."""
        self.received += len(data)
        self._last = self._deadlines.now
        self._upstream.write(data)

    def upstream_data(self, data: bytes) -> None:
        """The backend sent bytes."""
        self.sent += len(data)
        self._last = self._deadlines.now
        self._downstream.write(data)

    def downstream_pressure(self, *, high: bool) -> None:
        """The client does not read fast enough, or does again."""
        self._hold(self._upstream, high=high)

    def upstream_pressure(self, *, high: bool) -> None:
        """The backend does not read fast enough, or does again."""
        self._hold(self._downstream, high=high)

    def downstream_finished(self) -> None:
        """The client sent its last byte."""
        self._finished(Input.DOWNSTREAM_FIN, self._upstream)

    def upstream_finished(self) -> None:
        """The backend sent its last byte."""
        self._finished(Input.UPSTREAM_FIN, self._downstream)

    def downstream_lost(self) -> None:
        """The client's connection broke."""
        self.fail(DownstreamGone("the client's connection broke"))

    def upstream_lost(self) -> None:
        """The backend's connection broke."""
        self.fail(UpstreamGone("the backend's connection broke"))

    def fail(self, error: BalancerError) -> None:
        """End both connections at once."""
        if self._enter(Input.FAILURE):
            self._downstream.abort()
            self._upstream.abort()
            self._end(error)

    def _hold(self, source: Stream, *, high: bool) -> None:
        if self.state is State.CLOSED:
            return
        if high:
            source.pause()
        else:
            self._last = self._deadlines.now
            source.resume()

    def _finished(self, what: Input, other: Stream) -> None:
        if not self._enter(what):
            return
        if self.state is State.CLOSED:
            self._downstream.close()
            self._upstream.close()
            self._end(None)
        else:
            self._deadline.move(self._linger)
            other.finish()  # comes last: it may find the stream broken, which ends everything at once

    def _enter(self, what: Input) -> bool:
        """Go where the table says; tell whether anything changed."""
        after = TRANSITIONS.get((self.state, what))
        if after is not None:
            self.state = after
        return after is not None

    def _end(self, error: BalancerError | None) -> None:
        self._deadline.cancel()
        self._done(error)

    def _quiet(self) -> None:
        """The deadline fired: either nothing moved for that long, or it has to wait for the rest."""
        limit = self._idle if self.state is State.OPEN else self._linger
        remaining = limit - (self._deadlines.now - self._last)
        if remaining > 0:
            self._deadline.move(remaining)
        else:
            self.fail(IdleTimeout(f"nothing moved for {limit:g} s"))
