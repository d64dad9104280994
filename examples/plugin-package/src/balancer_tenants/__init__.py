"""Plugins of an example."""

from balancer_tenants.algorithm import LeastOf
from balancer_tenants.check import BannerCheck
from balancer_tenants.filter import ServedBy
from balancer_tenants.matcher import LargeBody

__all__ = ["BannerCheck", "LargeBody", "LeastOf", "ServedBy"]
