"""Faulty matchers: they raise, waver, answer what is no answer, or say of themselves what does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from balancer.interfaces import MORE, Matcher
from tests.testing.faulty.listing import Faulty


class CookieByPosition:
    """Takes for granted that a cookie has a value: any client can make it raise."""

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        if session.request is None:
            return False
        cookie: str | None = session.request.get("cookie")
        return cookie is not None and cookie.split("=")[1] == "beta"


class TextOfBytes:
    """Reads the first bytes as text, which a client need not send."""

    peek = 8

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        text: str = session.peek.decode("ascii")
        return text.startswith("HELO")


class PathOfNothing:
    """Asks for the path of what has no request."""

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        path: str = session.request.path
        return path.startswith("/admin")


class EverySecond:
    """Matches every second time it is asked, whatever it is asked about."""

    def __init__(self) -> None:
        self.asked = 0

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        self.asked += 1
        return self.asked % 2 == 0


class AnswersNone:
    """Forgets to answer when it does not match."""

    def matches(self, session: Any) -> Any:
        """See `IMatcher`."""
        return True if session.client[0].startswith("10.") else None


class NarrowHint:
    """Says that it matches one host only, and matches those below it too."""

    hosts = frozenset({"example.com"})

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        return session.request is not None and session.request.host.endswith("example.com")


class ChangesItsMind:
    """Refuses while bytes are missing, where it cannot tell yet, and matches once they are there."""

    peek = 4

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        peek: bytes = session.peek
        return peek.startswith(b"SSH-")


class AlwaysWants:
    """Wants more bytes than it said it would need."""

    peek = 4

    def matches(self, session: Any) -> Any:
        """See `IMatcher`."""
        return session.peek[4] == 0 if len(session.peek) > 4 else MORE


class _Negated(Matcher):
    def __init__(self, matcher: Any) -> None:
        self.matcher, self.peek = matcher, matcher.peek

    def matches(self, session: Any) -> bool:
        return not self.matcher.matches(session)


class NegatedMore(Matcher):
    """Takes the wait for more bytes for a match when it is negated, by an operator of its own."""

    peek = 3

    def matches(self, session: Any) -> Any:
        """See `IMatcher`."""
        data = session.peek[:3]
        if len(data) < 3 and b"GET".startswith(data):
            return MORE
        return data == b"GET"

    def __invert__(self) -> Matcher:
        return _Negated(self)


class WritesCaptures:
    """Writes what it captured into the session instead of answering it."""

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        session.captures = {**session.captures, "client": session.client[0]}
        return True


class CapturesNumbers:
    """Captures what is no text."""

    def matches(self, session: Any) -> Mapping[str, Any]:
        """See `IMatcher`."""
        return {"port": session.client[1]}


MATCHERS = [
    Faulty(CookieByPosition, "hostile"),
    Faulty(TextOfBytes, "hostile"),
    Faulty(PathOfNothing, "hostile"),
    Faulty(EverySecond, "determinism"),
    Faulty(AnswersNone, "hostile"),
    Faulty(NarrowHint, "hints"),
    Faulty(ChangesItsMind, "first_bytes"),
    Faulty(AlwaysWants, "first_bytes"),
    Faulty(NegatedMore, "logic"),
    Faulty(WritesCaptures, "untouched"),
    Faulty(CapturesNumbers, "hostile"),
]
