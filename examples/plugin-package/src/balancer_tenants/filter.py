"""A filter: tells clients who answered."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.core.messages import ResponseHead
from balancer.interfaces import Filter, IFilter, IFilterPlugin


@provider(IPlugin, IFilterPlugin)
@implementer(IFilter)
@attrs.frozen
class ServedBy(Filter):
    """Puts `name` into the field `x-served-by` of every answer."""

    name: str

    def response(self, head: ResponseHead, session: Any) -> ResponseHead:
        """See `IFilter`: a head is not changed in place; each of its methods returns a copy."""
        return head.with_field("x-served-by", self.name)
