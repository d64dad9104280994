"""The states of an exchange and what leads from one to the next; refuses to know what is done on the way."""

from __future__ import annotations

from enum import Enum
from typing import Final

from balancer.interfaces import Phase


class State(Enum):
    """How far an exchange has come."""

    PREPARING = "a route is chosen, and its filters have their say"
    CONNECTING = "waiting for a connection to a backend"
    SENDING = "the request is going up"
    WAITING = "the request is complete, no answer yet"
    EARLY = "the answer has begun before the request was complete"
    ANSWERING = "the answer is coming down"
    UPGRADED = "both connections have changed to another protocol"
    DONE = "over"

    __hash__ = object.__hash__  # an enumeration's own is of its name, and in Python


class Input(Enum):
    """What can happen to an exchange."""

    PREPARED = "routed and filtered"
    CONNECTED = "connected"
    REQUEST_END = "end of the request"
    RESPONSE_HEAD = "final response head"
    UPGRADE = "consent to a change of protocol has gone out"
    RESPONSE_END = "end of the response"
    RETRY = "a failure that may be tried again"
    FAILURE = "a failure"

    __hash__ = object.__hash__


PREPARING: Final = State.PREPARING
CONNECTING: Final = State.CONNECTING
SENDING: Final = State.SENDING
DONE: Final = State.DONE
"""States that come with every request, by names that cost a tenth: Python looks up members in Python."""

TRANSITIONS: Final = {
    (State.PREPARING, Input.PREPARED): State.CONNECTING,
    (State.PREPARING, Input.RESPONSE_END): State.DONE,
    (State.PREPARING, Input.FAILURE): State.DONE,
    (State.CONNECTING, Input.CONNECTED): State.SENDING,
    (State.CONNECTING, Input.FAILURE): State.DONE,
    (State.SENDING, Input.REQUEST_END): State.WAITING,
    (State.SENDING, Input.RESPONSE_HEAD): State.EARLY,
    (State.SENDING, Input.RETRY): State.CONNECTING,
    (State.SENDING, Input.FAILURE): State.DONE,
    (State.WAITING, Input.RESPONSE_HEAD): State.ANSWERING,
    (State.WAITING, Input.RETRY): State.CONNECTING,
    (State.WAITING, Input.FAILURE): State.DONE,
    (State.EARLY, Input.REQUEST_END): State.ANSWERING,
    (State.EARLY, Input.RESPONSE_END): State.DONE,
    (State.EARLY, Input.FAILURE): State.DONE,
    (State.ANSWERING, Input.RESPONSE_END): State.DONE,
    (State.ANSWERING, Input.FAILURE): State.DONE,
    (State.ANSWERING, Input.UPGRADE): State.UPGRADED,
    (State.UPGRADED, Input.RESPONSE_END): State.DONE,
}
"""Every input that is not listed for a state cannot happen there or changes nothing."""

AFTER_REQUEST: Final = {state: after for (state, what), after in TRANSITIONS.items() if what is Input.REQUEST_END}
AFTER_HEAD: Final = {state: after for (state, what), after in TRANSITIONS.items() if what is Input.RESPONSE_HEAD}
"""What two of the inputs lead to, by state: they come with every request."""

PHASES: Final = {
    State.PREPARING: Phase.PICK,
    State.CONNECTING: Phase.CONNECT,
    State.SENDING: Phase.REQUEST,
    State.WAITING: Phase.RESPONSE,
    State.EARLY: Phase.DATA,
    State.ANSWERING: Phase.DATA,
    State.UPGRADED: Phase.DATA,
}
