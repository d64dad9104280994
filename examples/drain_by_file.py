"""Takes a backend out of service, gently, while a file of its name exists in a folder.

Run it with `twist balancer --config examples/drain_by_file.py`, then `mkdir drain; touch drain/b1`:
b1 gets no new requests until that file is removed. What it is working on is not disturbed.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import attrs
from zope.interface import implementer

from balancer import Backend, Config, Health, HTTPListener, Pool
from balancer.demo import DemoBackends
from balancer.interfaces import ICheckTarget, IHealthCheck, Kind, Report
from balancer.plugins.health import HTTPCheck


@implementer(IHealthCheck)
@attrs.frozen
class DrainByFile:
    """Healthy as another check says; with a weight of 0 while `folder` holds a file of the backend's name."""

    folder: str
    check_first: IHealthCheck

    @property
    def protocols(self) -> Collection[Kind]:
        return self.check_first.protocols

    async def check(self, target: ICheckTarget) -> Report:
        await self.check_first.check(target)
        return Report(weight=0.0 if self.is_drained(target.backend.name) else 1.0)

    def is_drained(self, name: str) -> bool:
        """One look at a local folder; anything slower would have to wait elsewhere, for a check must not block."""
        return Path(self.folder, name).exists()


web = Pool(
    "web",
    backends=[
        Backend("127.0.0.1:9001", name="b1"),
        Backend("127.0.0.1:9002", name="b2"),
        Backend("127.0.0.1:9003", name="b3"),
    ],
    health=Health(DrainByFile("drain", HTTPCheck("/healthz")), every=0.5),
)

config = Config(
    HTTPListener("tcp:8080:interface=127.0.0.1", pool=web),
    companions=[DemoBackends()],
)
