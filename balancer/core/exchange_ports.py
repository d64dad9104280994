"""What an exchange asks of its two sides, and of whoever makes connections to backends; does none of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from balancer.core.messages import Message, RequestHead
from balancer.errors import BalancerError, Side
from balancer.interfaces import Reply

if TYPE_CHECKING:
    from balancer.core.backend import Backend
    from balancer.core.pool import Lease
    from balancer.core.session import Session


Ended = Callable[["BalancerError | None", tuple[int, int]], object]
"""To be called once, when a change of protocol is over: with what ended it or None, and the bytes that came meanwhile
from the client, and from the backend."""


class Port(Protocol):
    """What an exchange may ask of either side."""

    def sink(self, left: int) -> Any:
        """Where so many bytes, which are all that is left of a body, may go past this; None when they may not."""

    def skip(self, size: int) -> None:
        """So many of them did."""

    @property
    def congested(self) -> bool:
        """Whether bytes that came from here wait, unseen, for the other side to take them."""

    def took_some(self) -> bool:
        """Whether, since this was asked last, whoever is there has taken some of what waits for it."""


class Downstream(Port, Protocol):
    """The client's side of one exchange."""

    @property
    def stays(self) -> bool:
        """Whether the connection lives on after the answer that was sent, once the request has been read."""

    def send(self, messages: Sequence[Message]) -> None:
        """Send a response head, body bytes and the end, or some of that, in one piece: all of it, or it raises."""

    def refuse(self, error: BalancerError) -> None:
        """Answer with the error's status; nothing of an answer has been sent."""

    def reply(self, reply: Reply) -> None:
        """Answer with a filter's own reply; nothing of an answer has been sent."""

    def abort(self, error: BalancerError) -> None:
        """End the answer that is under way so that it is not taken for a whole one, and the connection with it."""

    def pause(self) -> None:
        """Read no more of the request for now."""

    def resume(self) -> None:
        """Read on; may be said to one that reads."""

    def change(self, upstream: Upstream, ended: Ended) -> None:
        """The protocol has changed: from now on the bytes of both connections pass the exchange by."""

    def exchange_done(self, *, request_complete: bool) -> None:
        """The answer is complete, or was refused, replied or cut: this exchange will not be heard of again."""


class Upstream(Port, Protocol):
    """The backend's side of one exchange."""

    reused: bool

    def send(self, messages: Sequence[Message]) -> None:
        """Send a request head, body bytes and the end, or some of that, in one piece: all of it, or it raises."""

    def abort(self) -> None:
        """Close the connection: what it would still bring belongs to nobody."""

    def release(self) -> None:
        """The exchange is over and complete: keep the connection for another, if it may be kept."""

    def pause(self) -> None:
        """Read no more of the answer for now."""

    def resume(self) -> None:
        """Read on."""


class Pending(Protocol):
    """A connection on its way."""

    @property
    def lease(self) -> Lease | None:
        """The pick that it is on its way to; None while there is no room on any."""

    def cancel(self) -> None:
        """It is no longer wanted: the exchange is not called again."""

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """If it is on its way to that backend, go on to another: that one is not to be used."""


class Carried(Protocol):
    """What a connection to a backend serves: one try of an exchange."""

    head: RequestHead
    session: Session

    @property
    def attempts(self) -> int:
        """How often it is tried at most, connects that fail included."""

    def connected(self, upstream: Upstream, lease: Lease) -> None:
        """A connection stands."""

    def response(self, messages: Sequence[Message]) -> None:
        """The backend sent heads, body bytes or the end of the answer, or bytes that are no message yet."""

    def answer_sink(self, left: int) -> Any:
        """Where so many bytes, all that is left of the answer's body, may go unseen; None when they may not."""

    def answer_passed(self, size: int) -> None:
        """So many bytes of the answer's body did, or some of them were taken."""

    def upstream_failed(self, error: BalancerError) -> None:
        """The connection ended, or brought nonsense, before the answer was complete."""

    def pressure(self, side: Side, *, high: bool) -> None:
        """That side does not read fast enough, or has caught up."""

    def fail(self, error: BalancerError) -> None:
        """There is no connection to be had."""


class Upstreams(Protocol):
    """Where connections to the backends of the pool `name` come from."""

    @property
    def name(self) -> str:
        """The pool's."""

    def acquire(self, exchange: Carried, *, fresh: bool) -> Pending | None:
        """Call `exchange.connected` or `exchange.fail`, at once (what is returned then counts for nothing) or later.

        With `fresh`, only a connection that has carried nothing yet will do.
        """

    def spare(self, session: Session, backend: Backend) -> bool:
        """Whether there is a backend with room, beside that one, that the session has not been tried on."""
