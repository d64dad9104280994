"""Asks a running balancer over its control socket, for the command line; knows nothing of what is behind it."""

from balancer.ctl.asking import NotDone
from balancer.ctl.commands import ABOUT, fill, run

__all__ = ["ABOUT", "NotDone", "fill", "run"]
