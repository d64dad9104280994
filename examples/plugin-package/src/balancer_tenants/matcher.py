"""A matcher: requests with a large body."""

from __future__ import annotations

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.errors import ConfigError
from balancer.interfaces import IMatcher, IMatcherPlugin, ISession, Kind, Matcher


@provider(IPlugin, IMatcherPlugin)
@implementer(IMatcher)
@attrs.frozen
class LargeBody(Matcher):
    """Matches requests with a body of more than so many bytes, or of a size that only its end will tell.

    `Matcher` gives it `&`, `|` and `~`. Raises `ConfigError`.
    """

    more_than: int = 1_000_000
    kinds = frozenset({Kind.HTTP})

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.more_than, int) or self.more_than < 0:
            raise ConfigError([f"LargeBody: more_than: {self.more_than!r} is not a number of bytes; give one from 0"])

    def matches(self, session: ISession) -> bool:
        """See `IMatcher`: it never raises, whatever a client sends."""
        if session.request is None:
            return False
        length = session.request.length
        return length is None or length > self.more_than
