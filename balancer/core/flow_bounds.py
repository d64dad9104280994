"""How many datagrams and flows a listener may have, and what it has counted; refuses to know what a flow is."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Bounds:
    """How long a flow lives and how many there may be.

    A flow ends after `idle` seconds of silence from both sides, or, where `replies` is given, as soon as each of its
    datagrams has had so many; a backend that owes any when the flow expires has failed. After `requests` datagrams the
    client's next one begins another flow, and before that many no number of replies ends one. At most `max_flows` are
    kept, of those `max_flows_per_source` of one IPv4 address or IPv6 /64. All but `replies` are at least one.
    """

    idle: float
    max_flows: int
    replies: int | None = None
    requests: int | None = None
    max_flows_per_source: int | None = None


@attrs.define
class Counts:
    """What one listener has counted. A datagram received is passed on once, or is in one of the drops.

    At any time `opened` is the sum of the flows active, `finished`, `expired`, `evicted`, `refused`, `given_up` and
    `stopped`.
    """

    received: int = 0
    received_bytes: int = 0
    sent: int = 0
    """Replies that were sent to clients."""
    sent_bytes: int = 0
    dropped_no_route: int = 0
    dropped_no_backend: int = 0
    dropped_full: int = 0
    """Every backend had all the flows and other sessions it takes; a datagram does not wait."""
    dropped_policy: int = 0
    dropped_draining: int = 0
    dropped_source: int = 0
    """Its source had all the flows it may have."""
    dropped_unsent: int = 0
    """No socket towards the backend could be had, or it did not take the datagram, as when that is too long."""
    dropped_replies: int = 0
    """The listening socket did not take the reply."""
    opened: int = 0
    """Flows that were given a backend; one that moves is given another, and counts again."""
    finished: int = 0
    """Flows that had all their datagrams and replies."""
    expired: int = 0
    unanswered: int = 0
    """Those of the expired whose backend owed replies."""
    evicted: int = 0
    refused: int = 0
    given_up: int = 0
    """Flows that ended because their backend was down."""
    stopped: int = 0
