"""A balancer in memory with a pool behind TCP and HTTP, and another, to be asked things; holds no test itself."""

from __future__ import annotations

import json
from typing import Any

from balancer.config import Backend, HTTPListener, Pool, TCPListener
from balancer.control.commands import Commands
from tests.net.house import FRONT, Far, House

RELAY = 8081
"""The port of the TCP listener."""


class Asked:
    """A balancer of which a test asks things. `b1` and `b2` are backends of `site`, and there is a `b2` of `api`."""

    def __init__(self) -> None:
        self.house = House()
        self.fars = [self.house.far(port) for port in (9001, 9002, 9003)]
        site = Pool("site", backends=[Backend("127.0.0.1:9001", name="b1"), Backend("127.0.0.1:9002", name="b2")])
        api = Pool("api", backends=[Backend("127.0.0.1:9003", name="b2")])
        self.house.open(
            TCPListener(f"tcp:{RELAY}", pool=site),
            HTTPListener(f"tcp:{FRONT}", pool=api),
        )
        self.assembly = self.house.assembly
        self.commands = Commands(self.assembly)

    def say(self, line: bytes) -> Any:
        """What a line is answered."""
        said: list[bytes] = []
        self.commands.answer(line, said.append)
        (answer,) = said
        assert answer.endswith(b"\n")
        assert answer.count(b"\n") == 1
        return json.loads(answer)

    def do(self, name: str, **arguments: Any) -> Any:
        """What a command is answered."""
        return self.say(json.dumps({"do": name, **arguments}).encode())

    def relays(self, count: int) -> list[Any]:
        """So many clients of the TCP listener that have spoken."""
        return [self.house.client(b"hello", RELAY) for _ in range(count)]

    @property
    def api(self) -> Far:
        """The backend of the HTTP listener."""
        return self.fars[2]
