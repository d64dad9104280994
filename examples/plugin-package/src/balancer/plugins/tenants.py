"""Lists the plugins of this package in `balancer plugins`; a config imports them from `balancer_tenants`."""

from balancer_tenants import BannerCheck, LargeBody, LeastOf, ServedBy

__all__ = ["BannerCheck", "LargeBody", "LeastOf", "ServedBy"]
