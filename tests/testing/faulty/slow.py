"""Faulty plugins that take far too long about what a stranger sends, and are quick with all that is usual."""

from __future__ import annotations

import re
from typing import Any

from balancer.errors import CheckFailed
from balancer.interfaces import Kind
from tests.testing.faulty.checks import FirstLine, first_line
from tests.testing.faulty.listing import Faulty

_SLUG = re.compile(r"^/([a-z0-9]+-?)+$")
_SUSPICIOUS = re.compile(r".*.*=.*select")
_READY = re.compile(rb"^220(?:[ -]?\d+)+ ready")


class Slug:
    """Knows a slug by a pattern that tries each way to part it, of which there are twice as many for each letter."""

    def matches(self, session: Any) -> Any:
        """See `IMatcher`."""
        return session.request is not None and _SLUG.match(session.request.path) is not None


class TrimsSpaces:
    """Trims a value by a pattern that begins anew at each of many spaces, as it did to Stack Overflow in 2016."""

    def matches(self, session: Any) -> Any:
        """See `IMatcher`."""
        value = session.request.get("x-tenant") if session.request is not None else None
        return re.sub(r"\s+$", "", value or "") == "blue"


class FirstBytesByPattern:
    """Looks for two words in the first bytes, whatever stands between them, and tries all places for both."""

    peek = 8192

    def matches(self, session: Any) -> Any:
        """See `IMatcher`."""
        return re.search(rb"(.*),(.*),(.*) HELO", session.peek) is not None


class Firewall:
    """Refuses queries by a pattern that tries all places for three stars, as it did to Cloudflare in 2019."""

    def request(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        return head.with_field("x-suspicious", "yes") if _SUSPICIOUS.match(head.target) else head


class _Comments:
    def feed(self, data: bytes) -> bytes:
        """Leave comments out."""
        return re.sub(rb"<!--.*?-->", b"", data)

    def finish(self) -> bytes:
        """Nothing is held back."""
        return b""


class StripsComments:
    """Leaves comments out of pages, and looks for the end of each up to the end of all."""

    def body(self, head: Any, session: Any, direction: Any) -> Any:
        """See `IFilter`."""
        return _Comments()


class BannerByPattern:
    """Reads the greeting of a backend by a pattern that tries each way to part a number."""

    protocols = frozenset({Kind.TCP})

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        if not _READY.match(await first_line(target, FirstLine())):
            raise CheckFailed("it is not ready")


SLOW = [
    Faulty(Slug, "budget"),
    Faulty(TrimsSpaces, "budget"),
    Faulty(FirstBytesByPattern, "budget"),
    Faulty(Firewall, "budget"),
    Faulty(StripsComments, "budget"),
    Faulty(BannerByPattern, "budget"),
]
