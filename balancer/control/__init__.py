"""What an operator may ask of a running balancer, over a local socket."""

from balancer.control.serving import Control

__all__ = ["Control"]
