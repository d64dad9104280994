"""Makes all parts of one balancer, in order; binds nothing and starts nothing."""

from __future__ import annotations

from operator import attrgetter

from balancer import config as nouns
from balancer.assembly.checks import make_agents, make_checks, places
from balancer.assembly.ejection import make_outliers
from balancer.assembly.listeners import make_listener
from balancer.assembly.parts import Parts
from balancer.assembly.pools import make_pool
from balancer.assembly.signals import collect
from balancer.assembly.together import together
from balancer.core.turns import Turns
from balancer.net.sessions import RESERVED


class Assembly(Parts):
    """The parts of one balancer, by the nouns they come from."""

    async def assemble(self, config: nouns.Config) -> None:
        """Make all parts. Raises `StartError` for an unknown host, for an algorithm or a folder that fails."""
        pools = await together(make_pool(self, settings) for settings in config.pools)
        self.pools.update(zip(config.pools, pools, strict=True))
        await self._make_checks(config)
        for settings in config.pools:
            if settings.ejection is not None:
                self.outliers[settings] = make_outliers(self, settings, settings.ejection)
        if config.acmes:
            from balancer.assembly.acme import make_renewal  # noqa: PLC0415  needs a library that others do without

            self.acmes.update((acme, make_renewal(self, acme)) for acme in config.acmes)
        self.most_flows = _most_flows(self.room.limit, config)
        for listener in config.listeners:
            self.listeners.append((listener, make_listener(self, listener)))

    async def _make_checks(self, config: nouns.Config) -> None:
        """Make all checks, and leave them the descriptors they may need."""
        self.turns = Turns(config.max_checks)
        for settings in config.pools:
            if settings.health is not None:
                at = await places(self, settings, attrgetter("check"), "check")
                self.checks.append(make_checks(self, settings, settings.health, config, at))
            if settings.agent is not None:
                at = await places(self, settings, attrgetter("agent"), "agent")
                self.checks.append(make_agents(self, settings, settings.agent, at))
            collect(self, settings, config)
        at_once = min(config.max_checks, sum(map(len, self.checks)))
        self.room.set_apart(max(0, at_once - RESERVED // 2))


def _most_flows(descriptors: int, config: nouns.Config) -> int:
    """The equal part of so many that is for each UDP listener, of one descriptor a flow."""
    sharing = sum(isinstance(listener, nouns.UDPListener) for listener in config.listeners)
    return max(1, descriptors // max(1, sharing))
