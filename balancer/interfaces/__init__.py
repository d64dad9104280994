"""The plugin author's whole contract: every interface a stranger implements, and the values that cross it.

Algorithms, health checks, matchers, flow keys and filters are plain objects that provide one of these interfaces. They
are settings as much as code: one object may serve many pools and routes at once, so it must not change once it is made.
Nothing here knows of sockets, of Twisted at run time or of what the balancer does with an answer.
"""

from balancer.errors import CheckFailed
from balancer.interfaces.contracts import (
    IAlgorithm,
    IAlgorithmPlugin,
    IBackend,
    IBodyTransform,
    ICertificate,
    ICheckTarget,
    IFilter,
    IFilterPlugin,
    IFlowKey,
    IFlowKeyPlugin,
    IHealthCheck,
    IHealthCheckPlugin,
    IKeeper,
    IMatcher,
    IMatcherPlugin,
    ISession,
    ISignalSource,
    ISignalSourcePlugin,
    Picker,
)
from balancer.interfaces.filtering import Filter
from balancer.interfaces.matching import Matcher, ask
from balancer.interfaces.values import MORE, Direction, Found, Kind, More, Outcome, Phase, Reply, Report

__all__ = [
    "MORE",
    "CheckFailed",
    "Direction",
    "Filter",
    "Found",
    "IAlgorithm",
    "IAlgorithmPlugin",
    "IBackend",
    "IBodyTransform",
    "ICertificate",
    "ICheckTarget",
    "IFilter",
    "IFilterPlugin",
    "IFlowKey",
    "IFlowKeyPlugin",
    "IHealthCheck",
    "IHealthCheckPlugin",
    "IKeeper",
    "IMatcher",
    "IMatcherPlugin",
    "ISession",
    "ISignalSource",
    "ISignalSourcePlugin",
    "Kind",
    "Matcher",
    "More",
    "Outcome",
    "Phase",
    "Picker",
    "Reply",
    "Report",
    "ask",
]
