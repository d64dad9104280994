"""What a pool would do, run on a virtual clock: the balancer's own parts, among modelled clients and backends."""

from balancer.testing.simulation.chance import At, Constant, Exponential, LogNormal, Poisson, Recorded, Steady
from balancer.testing.simulation.faults import Fault
from balancer.testing.simulation.results import Result, Share, report
from balancer.testing.simulation.simulating import simulate
from balancer.testing.simulation.traces import Trace

__all__ = [
    "At",
    "Constant",
    "Exponential",
    "Fault",
    "LogNormal",
    "Poisson",
    "Recorded",
    "Result",
    "Share",
    "Steady",
    "Trace",
    "report",
    "simulate",
]
