"""Backends that are well: claimed in each way there is, found where they can be, and missed aloud."""

from __future__ import annotations

from typing import Any
from unittest import SkipTest

import pytest
from twisted.internet.protocol import Protocol

from balancer.errors import CheckFailed
from balancer.interfaces import Kind
from tests.testing.faulty.checks import FirstLine, first_line
from tests.testing.kit.told import story_of

LEVELS = ["flapping", "side_by_side"]


class Secret:
    """Passes on what nobody would guess."""

    protocols = frozenset({Kind.TCP})

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        if await first_line(target, FirstLine()) != b"swordfish":
            raise CheckFailed("expected the word")


class ByDatagram(Secret):
    """The same without a connection."""

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        if await target.datagram(b"?") != b"swordfish":
            raise CheckFailed("expected the word")


class ByProgram(Secret):
    """The same by a program."""

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        if await target.run(["true"], {}) != (0, b"swordfish"):
            raise CheckFailed("expected the word")


class Constant(Secret):
    """Asks nobody."""

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""


class Backend(Protocol):
    """Tells the word to whoever asks."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        """Answer."""
        self.transport.write(b"swordfish\n")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("healthy", [b"swordfish\n", [b"swordfish\n"], (b"sword", b"fish\n"), Backend])
def test_claims(healthy: Any, level: str) -> None:
    """What a backend says that is well may be bytes, answers one by one, or a protocol."""
    if healthy == (b"sword", b"fish\n"):
        assert "it still waits" in story_of(Secret, level, healthy=healthy)  # for it asks only once
    else:
        assert story_of(Secret, level, healthy=healthy) == ""


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("check", [ByDatagram, ByProgram])
def test_claims_without_a_connection(check: Any, level: str) -> None:
    """A datagram is answered so, and a program says so."""
    assert story_of(check, level, healthy=b"swordfish") == ""


@pytest.mark.parametrize("level", LEVELS)
def test_a_wrong_claim(level: str) -> None:
    """A check that does not pass on what its author claims is told why."""
    story = story_of(Secret, level, healthy=b"trout\n")
    assert story.endswith("promised: a check passes on what healthy= says\ncame: it fails: expected the word")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("check", "told"), [(Secret, "it passes on nothing that was tried; .*healthy="), (Constant, "it asks nothing")]
)
def test_what_is_not_tried_is_told(check: Any, told: str, level: str) -> None:
    """Where no backend is known to be well, the promise is skipped with the reason, and not kept in silence."""
    with pytest.raises(SkipTest, match=told):
        story_of(check, level)
