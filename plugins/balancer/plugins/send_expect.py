"""A health check that follows a script: say this, expect that, in order; refuses to know what protocol it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.errors import CheckFailed, ConfigError
from balancer.interfaces import ICheckTarget, IHealthCheck, IHealthCheckPlugin, Kind
from balancer.plugins.dialogue import MOST, Dialogue, dialogue
from balancer.plugins.settings import is_count, told

_WITHIN: Final = 4096


def _encoded(given: str | bytes) -> Any:
    return given.encode() if isinstance(given, str) else given


@attrs.frozen
class Send:
    """A step of `SendExpect`: say this, a text or bytes. Never shown, as it may hold a password."""

    data: bytes = attrs.field(converter=_encoded, repr=False)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.data, bytes) or not self.data:
            raise ConfigError(["Send: data: it is neither a text nor bytes, or empty; write such as 'PING\\r\\n'"])


@attrs.frozen
class Expect:
    """A step of `SendExpect`: this must come, among the next `within` bytes; what comes before it is passed over.

    A text or bytes are looked for as they stand; `re.compile("^220 ")` is looked for as the regular expression that it
    is, on bytes, and `^` is where the step before it left off. Raises `ConfigError`.
    """

    what: str | bytes | re.Pattern[str] | re.Pattern[bytes]
    within: int = attrs.field(default=_WITHIN, kw_only=True)

    def __attrs_post_init__(self) -> None:
        told(
            self,
            what=(
                isinstance(self.what, str | bytes | re.Pattern) and bool(self.what),
                "is neither a text nor bytes nor a compiled regular expression, or empty; write such as '+PONG'",
            ),
            within=(is_count(self.within, 1, MOST), f"is not a number of bytes from 1 to {MOST}; give such as 4096"),
        )

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """What is looked for."""
        if not isinstance(self.what, re.Pattern):
            return re.compile(re.escape(_encoded(self.what)))
        return re.compile(_encoded(self.what.pattern), self.what.flags & ~re.UNICODE)

    async def hear(self, talk: Dialogue) -> None:
        """Read up to its end. Raises `CheckFailed`."""
        sought = self.what.pattern if isinstance(self.what, re.Pattern) else self.what
        await talk.until(self.pattern, repr(sought), within=self.within)


def _steps(given: Any) -> Any:
    return tuple(given) if isinstance(given, Iterable) else given


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen
class SendExpect:
    """Healthy when each step of a script succeeds: `SendExpect([Send("noop"), Expect("OK")])`.

    What is sent after the last `Expect` is a good-bye: it does not matter what comes of it. Raises `ConfigError`.
    """

    protocols: ClassVar[frozenset[Kind]] = frozenset({Kind.TCP, Kind.HTTP})

    steps: tuple[Send | Expect, ...] = attrs.field(converter=_steps)

    def __attrs_post_init__(self) -> None:
        steps: Any = self.steps
        sound = isinstance(steps, tuple) and all(isinstance(step, Send | Expect) for step in steps)
        told(self, steps=(sound, "are not steps; give a list such as [Send('PING\\r\\n'), Expect('+PONG')]"))
        expects = any(isinstance(step, Expect) for step in steps)
        told(self, steps=(expects, "expect nothing; add an Expect(...), or write TCPCheck() for a connection alone"))

    async def check(self, target: ICheckTarget) -> None:
        async with dialogue(target) as talk:
            for number, step in enumerate(self.steps, 1):
                if isinstance(step, Send):
                    talk.say(step.data)
                else:
                    await self._expect(talk, number, step)

    async def _expect(self, talk: Dialogue, number: int, step: Expect) -> None:
        try:
            await step.hear(talk)
        except CheckFailed as failed:
            raise CheckFailed(f"step {number}: {failed}") from failed
