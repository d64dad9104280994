"""The kit on health checks: every faulty one is caught with its message."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory

from balancer.errors import CheckFailed
from balancer.interfaces import Kind, Report
from tests.testing.faulty.checks import CHECKS, FirstLine, first_line
from tests.testing.faulty.morals import MORALS
from tests.testing.faulty.well import WELL, Digits, Nested
from tests.testing.kit.told import broken_by, story_of


@pytest.mark.parametrize("faulty", [*CHECKS, *WELL], ids=str)
def test_every_faulty_check_is_caught(faulty: Any) -> None:
    """The promise that a faulty health check breaks is named, and what came instead."""
    assert tuple(broken_by(faulty).splitlines()) == MORALS[str(faulty)]


@pytest.mark.parametrize(("faulty", "raised"), [(Digits, "ValueError"), (Nested, "RecursionError")])
def test_what_only_much_of_it_breaks(faulty: Any, raised: str) -> None:
    """Numbers without end and brackets without end are among what backends say."""
    assert f"came: it raised {raised}: " in story_of(faulty, "garbage")  # in words of the version of Python


class Sound:
    """Waits for a line, and sees to it that nothing is left."""

    protocols = frozenset({Kind.TCP})
    line = FirstLine

    async def check(self, target: Any) -> Report | None:
        """See `IHealthCheck`."""
        found = await first_line(target, self.line())
        return Report(detail=repr(found[:80]))


class Raising(FirstLine):
    """Fails where bytes come."""

    def dataReceived(self, data: bytes) -> None:
        """Expect what need not come."""
        raise KeyError(data)


ALL = ["shape", "cancelled", "refused", "garbage", "splits", "evidence", "blocking", "flapping", "side_by_side"]


@pytest.mark.parametrize("level", ALL)
def test_a_sound_one_passes(level: str) -> None:
    """What ends in every case, and judges each time anew, is not refused."""
    assert story_of(Sound, level) == ""


def test_a_function_is_a_check() -> None:
    """A coroutine function passes as a check."""

    async def probing(target: Any) -> None:
        await first_line(target, FirstLine())

    assert [story_of(lambda: probing, level) for level in ALL] == [""] * 9


def test_other_faults() -> None:
    """What names no protocols, fails in its protocol, or connects once it was cancelled, is told."""

    class Nameless:
        async def check(self, target: Any) -> None:
            await first_line(target, FirstLine())

    class Again(Sound):
        async def check(self, target: Any) -> Report | None:
            try:
                return await super().check(target)
            except CancelledError:
                target.connect(Factory.forProtocol(FirstLine))
                raise

    assert "protocols attribute was not provided" in story_of(Nameless, "shape")
    assert "the protocol of a check takes whatever a backend says" in story_of(
        type("R", (Sound,), {"line": Raising}), "garbage"
    )
    assert "it asks anew" in story_of(Again, "cancelled")


def test_a_check_may_forget_how_it_was() -> None:
    """What was well and is not told so the next time is a fault too."""

    class Once(Sound):
        def __init__(self) -> None:
            self.asked = 0

        async def check(self, target: Any) -> Report | None:
            self.asked += 1
            found = await super().check(target)
            if self.asked > 1:
                raise CheckFailed("again?")
            return found

    assert "a check tells how the backend is now" in story_of(Once, "flapping")


def test_memory_is_traced_on() -> None:
    """Who traces memory already goes on doing so."""
    tracemalloc.start()
    try:
        assert story_of(Sound, "garbage") == ""
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


class Patient(Sound):
    """Tries again for a while where it cannot connect."""

    async def check(self, target: Any) -> Report | None:
        """See `IHealthCheck`."""
        try:
            return await super().check(target)
        except CheckFailed:
            pause: Deferred[None] = Deferred()
            call = target.clock.callLater(60, pause.callback, None)
            try:
                await pause
            finally:
                call.cancel()
            raise


class Datagrams:
    """Takes the first datagram for all there is, for it is."""

    protocols = (Kind.UDP,)

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        if await target.datagram(b"ping") != b"PONG\r\n":
            raise CheckFailed("expected PONG")


@pytest.mark.parametrize("sound", [Patient, Datagrams])
def test_no_sound_one_is_refused(sound: Any) -> None:
    """A check may take its time, or hear datagrams, which are not cut."""
    assert [story_of(sound, level) for level in ALL] == [""] * 9


@pytest.mark.parametrize("kinds", [(), "tcp", None, (7,)])
def test_kinds_are_judged(kinds: Any) -> None:
    """Protocols are kinds, one at least."""
    assert "protocols names the kinds of pool" in story_of(type("Odd", (Sound,), {"protocols": kinds}), "shape")


def test_long_evidence() -> None:
    """Evidence that becomes longer with what a backend says is told with its length."""

    class Long(Sound):
        async def check(self, target: Any) -> Report | None:
            return Report(detail=repr(await first_line(target, self.line())))

    assert "65541 of them" in story_of(Long, "evidence")
