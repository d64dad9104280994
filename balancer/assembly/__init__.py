"""From the nouns of a config to the parts that run; binds nothing until it is told to.

A new setting of a backend or pool arrives in `pools`, one of a listener in the module of its kind.
"""

from balancer.assembly.assembling import Assembly
from balancer.assembly.binding import BACKLOG, bind, why_not
from balancer.assembly.faults import in_a_line
from balancer.assembly.logs import open_logs
from balancer.assembly.pools import default_algorithm

__all__ = ["BACKLOG", "Assembly", "bind", "default_algorithm", "in_a_line", "open_logs", "why_not"]
