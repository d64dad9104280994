"""Why an exchange ended, by whose doing and in which phase; refuses to know where that is told.

One enum covers what HAProxy says in a two-letter code and Envoy in a response flag. Its values are the reasons of the
errors that end exchanges (`balancer.errors`), so that logs, counters and answers call one thing by one name.
"""

from __future__ import annotations

from enum import Enum
from typing import Self

from balancer.errors import BalancerError


class Stage(Enum):
    """How far an exchange had come, in the order of the times that are told of it. `letter` is HAProxy's second."""

    letter: str
    text: str

    REQUEST = "request", "R", "The request head was being read, or judged by routes and filters."
    QUEUE = "queue", "Q", "A backend was being chosen, or waited for."
    CONNECT = "connect", "C", "A connection to the backend was being made."
    RESPONSE = "response", "H", "The request was on its way, and nothing of an answer had come."
    DATA = "data", "D", "The answer was on its way."
    DONE = "done", "-", "The answer was out."

    __hash__ = object.__hash__  # an enumeration's own is of its name, and in Python

    def __new__(cls, value: str, letter: str, text: str) -> Self:
        """A member of that value."""
        member = object.__new__(cls)
        member._value_ = value
        member.letter, member.text = letter, text
        return member


class Ending(Enum):
    """Why an exchange ended. `who` is HAProxy's first letter; `envoy` is the flag that Envoy has for the like, if any.

    `who` tells whose doing it was: the client's (C), the backend's (S), a want of our own (R), a stop (K), a health
    check (D), a rule of the balancer or of its user (P), an answer of its own (L), a fault in either (I). The small
    letters c and s stand for a client and a backend that were waited for in vain.
    """

    who: str
    envoy: str
    text: str

    DONE = "done", "-", "", "The answer went out whole."
    REPLIED = "replied", "L", "", "A filter gave the answer, or the balancer as the last hop."
    REQUEST_REFUSED = "request-refused", "P", "DPE", "What the client sent is no request that can be passed on safely."
    PATH_REFUSED = "path-refused", "P", "DPE", "The path is one that backends read in different ways."
    TLS_TO_PLAIN_PORT = "tls-to-plain-port", "P", "DPE", "The client spoke TLS where HTTP is spoken in the clear."
    MISDIRECTED = "misdirected", "P", "", "The request was for another host than its TLS connection was made for."
    NO_ROUTE = "no-route", "P", "NR", "No route matches."
    POLICY_FAILED = "policy-failed", "I", "", "An algorithm of the user's failed."
    FILTER_FAILED = "filter-failed", "I", "", "A filter of the user's failed."
    FILTER_TIMEOUT = "filter-timeout", "I", "", "A filter of the user's took too long."
    NO_BACKEND = "no-backend", "S", "UH", "No backend of the pool could serve it."
    POOL_FULL = "pool-full", "P", "UO", "All backends were full, and as many as may waited already."
    QUEUE_TIMEOUT = "queue-timeout", "s", "UO", "No room came free on a backend in time."
    CONNECT_FAILED = "connect-failed", "S", "UF", "No backend that was tried took a connection."
    CONNECT_TIMEOUT = "connect-timeout", "s", "UF", "No backend that was tried took a connection in time."
    SHORTAGE = "shortage", "R", "OM", "The balancer was out of descriptors, memory or local ports."
    UPSTREAM_TLS = "upstream-tls", "S", "UF", "No backend that was tried came to TLS with us."
    UPSTREAM_CERTIFICATE = "upstream-certificate", "S", "UF", "No backend that was tried proved that it is the one."
    UPSTREAM_GONE = "upstream-gone", "S", "UC", "The backend ended the connection before its answer was complete."
    UPSTREAM_TIMEOUT = "upstream-timeout", "s", "UT", "The backend was silent for too long."
    TRY_TIMEOUT = "try-timeout", "s", "UT", "A try had no answer in its time, and no backend was left for another."
    STATUS_UNWANTED = "status-unwanted", "S", "", "An answer was to be tried again, and no backend was left for that."
    EXCHANGE_TIMEOUT = (
        "exchange-timeout",
        "P",
        "UT",
        "Request and answer took longer, all in all, than the route allows.",
    )
    RESPONSE_INVALID = "response-invalid", "P", "UPE", "What the backend sent is no answer that can be passed on."
    BACKEND_DOWN = "backend-down", "D", "LR", "A health check took the backend down, and the pool cuts what is on it."
    DOWNSTREAM_GONE = "downstream-gone", "C", "DC", "The client left before it had its answer."
    DOWNSTREAM_TIMEOUT = "downstream-timeout", "c", "SI", "The client was silent, or did not read, for too long."
    IDLE_TIMEOUT = "idle-timeout", "P", "SI", "Nothing moved for too long after a change of protocol."
    MAX_LIFETIME = "max-lifetime", "P", "DT", "After a change of protocol the connection was older than it may be."
    DRAINING = "draining", "K", "", "The balancer was stopping, and the drain time was up."
    INTERNAL_ERROR = "internal-error", "I", "", "The balancer failed."

    __hash__ = object.__hash__

    def __new__(cls, reason: str, who: str, envoy: str, text: str) -> Self:
        """A member whose value is the reason."""
        member = object.__new__(cls)
        member._value_ = reason
        member.who, member.envoy, member.text = who, envoy, text
        return member

    def code(self, stage: Stage) -> str:
        """Who and when in two letters, as HAProxy has them."""
        return self.who + stage.letter


_BY_REASON = {ending.value: ending for ending in Ending}


def ending_of(error: BalancerError | None) -> Ending:
    """Why an exchange ended that an error ended, or none. What is listed nowhere is taken for a fault of ours."""
    return Ending.DONE if error is None else _BY_REASON.get(error.reason, Ending.INTERNAL_ERROR)
