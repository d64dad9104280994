"""What a check says and hears over one connection: read in any form, within bounds, with evidence of what came."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectionLost

from balancer.errors import CheckFailed
from balancer.plugins.dialogue import Dialogue, dialogue, shown
from tests.plugins.examined import Examination, FakeTarget

SAID = b"hello\r\nworld\n12345abcEND"


@attrs.frozen
class Reading:
    """A check that reads in some way, and keeps what it read."""

    read: Callable[[Dialogue], Awaitable[Any]]
    most: int = 100
    found: list[Any] = attrs.field(factory=list)

    async def check(self, target: Any) -> None:
        async with dialogue(target, most=self.most) as talk:
            self.found.append(await self.read(talk))


async def everything(talk: Dialogue) -> list[bytes]:
    """Read in every form."""
    return [
        await talk.line("a line"),
        await talk.line("a line"),
        await talk.exactly(5, "a number"),
        await talk.until(re.compile(rb"E[A-Z]D"), "an end", within=10),
    ]


def line(talk: Dialogue) -> Awaitable[bytes]:
    """Read a line of ten bytes at most."""
    return talk.line("a line", most=10)


@given(st.lists(st.integers(1, len(SAID) - 1), max_size=8))
def test_reads_however_it_was_cut(cuts: list[int]) -> None:
    """Lines, so many bytes and what ends with a pattern are read alike, however the bytes were cut."""
    check = Reading(everything)
    examined = Examination(check)
    for start, stop in pairwise([0, *sorted(cuts), len(SAID)]):
        assert examined.outcome == []
        examined.says(SAID[start:stop])
    assert check.found == [[b"hello", b"world", b"12345", b"abcEND"]]
    assert examined.outcome == [None]
    assert examined.target.transport.disconnecting


def test_tells_what_came_before_the_end() -> None:
    """A connection that ends too soon is told with what came, and how it ended."""
    assert Examination(Reading(line)).says(b"hel").ends().evidence == "expected a line, got 'hel', then the end"
    lost = Examination(Reading(line)).ends(ConnectionLost()).evidence
    assert lost.startswith("expected a line, got nothing, then: Connection to the other side was lost")


def test_reads_what_came_before_the_end() -> None:
    """What was said before the connection ended is read all the same, by later reads too."""

    async def read(talk: Dialogue) -> bytes:
        await talk.line("a line")
        await paused
        return await talk.line("another")

    paused: Deferred[None] = Deferred()
    check = Reading(read)
    examined = Examination(check).says(b"one\ntwo\n").ends()
    paused.callback(None)
    assert check.found == [b"two"]
    assert examined.outcome == [None]


def test_tells_what_came_when_its_time_is_up() -> None:
    """A check that is cancelled while it waits tells what it waits for and what came so far, and closes."""
    examined = Examination(Reading(line)).says(b"hel")
    examined.running.cancel()
    assert examined.evidence == "expected a line, got 'hel' so far"
    assert examined.target.transport.disconnecting
    examined.says(b"lo\n").ends()
    assert len(examined.outcome) == 1


def test_a_pattern_has_bounds() -> None:
    """What is not among the first bytes is not waited for any longer."""
    assert Examination(Reading(line)).says(b"hello").says(b"world!").evidence == (
        "expected a line, got 'helloworld!' within 10 bytes"
    )


def test_nobody_says_more_than_a_check_hears() -> None:
    """A flood is cut at the bound, and what it began with is the evidence."""
    examined = Examination(Reading(lambda talk: talk.line("a line", most=1000), most=150))
    examined.says(b"x" * 100)
    assert not examined.outcome
    examined.says(b"x" * 2**20)
    assert examined.evidence == f"expected a line, got '{'x' * 120}'..., then more than a check hears"
    assert examined.target.transport.disconnecting
    examined.says(b"more").ends()
    assert len(examined.outcome) == 1


def test_a_flood_behind_what_was_expected_does_no_harm() -> None:
    """What stands among the first bytes counts, whatever follows."""
    check = Reading(line)
    assert Examination(check).says(b"hello\n" + b"x" * 2**20).outcome == [None]
    assert check.found == [b"hello"]


@pytest.mark.parametrize("ended", [False, True])
def test_says_good_bye_as_far_as_it_came(ended: bool) -> None:
    """What was set as good-bye is said however the check ends, but not on a connection that has ended."""

    async def read(talk: Dialogue) -> None:
        talk.say(b"HELLO\n")
        await talk.line("a greeting")
        talk.goodbye = b"QUIT\n"
        await talk.line("more")

    examined = Examination(Reading(read))
    assert examined.target.transport.value() == b"HELLO\n"
    examined.says(b"hi\n")
    if ended:
        examined.ends()
    else:
        examined.running.cancel()
    assert examined.evidence
    assert examined.target.transport.value() == (b"HELLO\n" if ended else b"HELLO\nQUIT\n")


def test_what_happens_while_connecting() -> None:
    """A connection that cannot be made is the evidence, and one under way is given up when the check is cancelled."""
    assert Examination(Reading(line), FakeTarget(answer=fail(CheckFailed("refused")))).evidence == "refused"
    examined = Examination(Reading(line), FakeTarget(answer=Deferred()))
    examined.running.cancel()
    assert examined.outcome[0].check(CancelledError)


def test_shows_bytes_in_one_line() -> None:
    """Evidence shows the first bytes in quotes on one line, whatever they are."""
    assert shown(b"") == "nothing"
    assert shown(b"a\r\n\xff") == r"'a\r\n\xff'"
    assert shown(b"x" * 121) == f"'{'x' * 120}'..."
