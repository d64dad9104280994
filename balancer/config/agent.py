"""How the agents of a pool's backends are asked, as a user writes it; refuses to ask any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from balancer.config.mistakes import Noun, seconds, share, shown

_LEAST_EVERY: Final = 0.05
_LEAST_TIMEOUT: Final = 0.01
_LONGEST: Final = 1024


def wrong_port(port: object) -> Iterator[str]:
    """Expect a port, or None."""
    if port is not None and (not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65535):
        yield f"port: {shown(port)} is not a port; give 1 to 65535"


def _default_timeout(agent: Agent) -> float:
    return agent.every


@attrs.frozen
class Agent(Noun):
    """Asks a small program beside each backend how that wants to be treated: HAProxy's agent check.

    The agent is at `port` of the backend's host, or where `Backend(agent=...)` says. It is sent `send`, if anything,
    and answers with one line of words: `75%` of the configured weight or `weight:3` in its place, `maxconn:30` sessions
    at once (0: as configured), `drain` and `maint` until `ready`, `down`, `fail` or `stopped` until `up`, with a reason
    after `#`, and `signal:NAME=3.5` for algorithms. What a line does not speak of stays as it was. Both health checks
    and the agent are heard: a backend serves if neither objects. An agent that cannot be reached changes nothing.

    It is asked `every` so many seconds (0.05 or more), give or take `jitter` (a share of that), in the clear, and has
    `timeout` seconds to answer (if not given, `every`). Raises `ConfigError`.
    """

    port: int | None = None
    send: str = attrs.field(default="", kw_only=True)
    every: float = attrs.field(default=2.0, kw_only=True)
    timeout: float = attrs.field(default=attrs.Factory(_default_timeout, takes_self=True), kw_only=True)
    jitter: float = attrs.field(default=0.1, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        yield from wrong_port(self.port)
        if not isinstance(self.send, str) or not self.send.isascii() or len(self.send) > _LONGEST:
            yield f"send: {shown(self.send)} is not ASCII text of up to {_LONGEST} characters; give one such as 'b1\\n'"
        yield from seconds("every", self.every, like=2, least=_LEAST_EVERY)
        if self.timeout is not self.every:
            yield from seconds("timeout", self.timeout, like=2, least=_LEAST_TIMEOUT)
        yield from share("jitter", self.jitter)
