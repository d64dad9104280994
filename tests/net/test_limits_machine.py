"""However connections begin and end, with limits none stays counted and no more are alive than may be."""

# ruff: noqa: SLF001  looks inside what it tests

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from balancer.config import HTTPListener, Pool, Route, TCPListener
from balancer.core.proxy_protocol import encode_v1
from balancer.plugins.first_bytes import HTTP1
from tests.net.house import FRONT, House, Speaker, request

HOSTS = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"]
LISTED = "127.0.0.1"
SAID = [b"", b"PROX", b"nonsense \r\n\r\n", request(), *(encode_v1((host, 1), (host, 2)) for host in HOSTS[:2])]
GATES: list[dict[str, Any]] = [{}, {"accept_proxy": LISTED}, {"accept_proxy": LISTED, "proxy": "optional"}]
MOST, SHARE = 5, 2


def part(speaker: Speaker, how: str) -> None:
    """End a connection in that way, unless it has ended already."""
    if speaker.transport.connected:
        getattr(speaker, how)()


class Door(RuleBasedStateMachine):
    """A listener with limits, its clients, and a backend that may refuse, or not answer at all."""

    clients: Bundle[Speaker] = Bundle("clients")

    @initialize(
        kind=st.sampled_from([TCPListener, HTTPListener]),
        gate=st.sampled_from(GATES),
        matcher=st.sampled_from([None, HTTP1()]),
        old=st.booleans(),
    )
    def open(self, kind: Any, gate: dict[str, Any], matcher: Any, old: bool) -> None:
        """Open the listener."""
        self.house = House()
        self.far = self.house.far()
        limits = {"max_connections": MOST, "max_connections_per_source": SHARE, "max_rate": 9, "max_rate_per_source": 5}
        pool = Pool("pool", backends=["127.0.0.1:9001"], connect_timeout=2)
        routes = [Route(matcher if kind is TCPListener else None, pool)]
        lifetime = 7 if old else None
        self.house.open(kind(f"tcp:{FRONT}", routes=routes, idle=9, max_lifetime=lifetime, **gate, **limits))
        self.sessions: Any = self.house.assembly.listeners[0][1].sessions  # type: ignore[attr-defined]  # a stream's

    @rule(target=clients, host=st.sampled_from([*HOSTS, LISTED]), said=st.sampled_from(SAID))
    def come(self, host: str, said: bytes) -> Speaker:
        """Somebody connects and says something."""
        return self.house.client(said, host=host)

    @rule(client=clients, said=st.sampled_from(SAID))
    def say(self, client: Speaker, said: bytes) -> None:
        """He says more."""
        if client.transport.connected:
            client.say(said)

    @rule(client=clients, how=st.sampled_from(["finish", "close", "cut"]))
    def leave(self, client: Speaker, how: str) -> None:
        """He leaves, in his way."""
        part(client, how)

    @rule(how=st.sampled_from(["finish", "close", "cut"]))
    def far_leaves(self, how: str) -> None:
        """The backend parts with whom it heard last."""
        if self.far.calls:
            part(self.far.last, how)

    @rule(mood=st.sampled_from(["refuse", "hang", "allow"]))
    def change(self, mood: str) -> None:
        """The backend behaves otherwise from now on."""
        getattr(self.house.network, mood)(9001)

    @rule(seconds=st.sampled_from([0.1, 1, 4]))
    def wait(self, seconds: float) -> None:
        """Time goes by: for rates, headers, connects, idle and old connections."""
        self.house.network.advance(seconds)

    @invariant()
    def counts(self) -> None:
        """Each source is counted for the connections that it has, and nobody has more than he may."""
        taken = Counter(one.source for one in self.sessions._alive if one.source is not None)
        assert self.sessions._admission._shares._taken == taken
        assert max(taken.values(), default=0) <= SHARE
        assert len(self.sessions) == self.house.assembly.room.taken <= MOST

    def teardown(self) -> None:
        """All is ended: nobody is counted."""
        self.house.end()
        assert (len(self.sessions), len(self.sessions._admission._shares), self.house.assembly.room.taken) == (0, 0, 0)


TestDoor = Door.TestCase
TestDoor.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
