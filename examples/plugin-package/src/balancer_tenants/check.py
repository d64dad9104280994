"""A health check: the backend greets with the line that is expected."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.interfaces import CheckFailed, ICheckTarget, IHealthCheck, IHealthCheckPlugin, Kind, Report
from balancer.plugins.dialogue import dialogue, shown


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen
class BannerCheck:
    """Healthy when the first line that a backend says, unasked, begins with `banner`."""

    banner: bytes = b"220 "
    protocols: ClassVar[Collection[Kind]] = (Kind.TCP,)

    async def check(self, target: ICheckTarget) -> Report:
        """See `IHealthCheck`: no timing and no thresholds, those are the pool's. The connection is closed for us."""
        async with dialogue(target) as talk:
            line = await talk.line("a banner")
        if not line.startswith(self.banner):
            raise CheckFailed(f"greeted with {shown(line)}, expected {shown(self.banner)}")
        return Report(detail=shown(line))
