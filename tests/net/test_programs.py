"""Programs as children: what they say, how they end, and that nothing of them is left."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from balancer.net.programs import KEPT, Program

SHELL = ("sh", "-c")


async def told(reactor: Any, script: str, **environment: str) -> tuple[int, bytes]:
    """What comes of a script."""
    return await Program(reactor, [*SHELL, script], {"PATH": os.defpath, **environment}).ended


async def until(reactor: Any, true: Callable[[], bool]) -> None:
    """Wait for that; the test's deadline is the bound."""
    while not true():
        await deferLater(reactor, 0.01)


def alive(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def descriptors() -> int:
    """How many we have open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ("exit 0", 0, b""),
        ("echo well; exit 3", 3, b"well\n"),
        ("echo one; echo two >&2", 0, b"one\ntwo\n"),
        ("kill -KILL $$", -9, b""),
        ("exec >&- 2>&-; sleep 0.05; exit 7", 7, b""),
        ('echo "$WHO $HOME"', 0, b"me \n"),
        ("read line; echo $?", 0, b"1\n"),
    ],
)
async def test_how_it_ends(reactor: Any, script: str, status: int, said: bytes) -> None:
    """The exit status or signal is told, and both outputs; it hears nothing, and has no environment but ours."""
    assert await told(reactor, script, WHO="me") == (status, said)


async def test_what_it_says_is_bounded(reactor: Any) -> None:
    """A program may say any amount and is not held up; the first bytes are kept."""
    status, said = await told(reactor, "head -c 3000000 /dev/zero; echo end")
    assert (status, said) == (0, bytes(KEPT))


async def test_words_are_no_shell_s(reactor: Any) -> None:
    """Arguments arrive as they are."""
    program = Program(reactor, ["printf", "%s|", "$(id)", "a b", "'"], {})
    assert await program.ended == (0, b"$(id)|a b|'|")


async def test_a_program_that_is_not_there(reactor: Any) -> None:
    """What cannot be run is an error of the system's, at once, and nothing stays open."""
    before = descriptors()
    with pytest.raises(FileNotFoundError):
        Program(reactor, ["/nowhere/at-all"], {})
    assert descriptors() == before


def test_a_clock_runs_nothing(tmp_path: Path) -> None:
    """Where there is no reactor to look after it no program is begun."""
    with pytest.raises(AttributeError):
        Program(Clock(), ["touch", str(tmp_path / "begun")], {})
    assert not list(tmp_path.iterdir())


async def test_what_it_leaves_behind_is_ended(reactor: Any) -> None:
    """A program ends at its own exit, though what it started still holds its output, and that ends with it."""
    status, said = await told(reactor, "sleep 60 & echo $!; exit 5")
    assert status == 5
    await until(reactor, lambda: not alive(int(said)))


async def test_a_cancelled_program_is_ended(reactor: Any, tmp_path: Path) -> None:
    """Who is cancelled is killed with all that it started, whatever it makes of signals, and what it said is told."""
    before = descriptors()
    note = tmp_path / "note"
    program = Program(
        reactor, [*SHELL, f"trap '' TERM INT; echo waiting; sleep 60 & echo $! $$ >{note}; wait"], {"PATH": os.defpath}
    )
    await until(reactor, lambda: note.exists() and note.read_text().endswith("\n"))
    pids = [int(word) for word in note.read_text().split()]
    assert all(map(alive, pids))
    program.ended.cancel()
    assert await program.ended == (-9, b"waiting\n")
    await until(reactor, lambda: not any(map(alive, pids)))
    await until(reactor, lambda: not Path(f"/proc/{pids[1]}").exists())
    program.kill()
    assert descriptors() == before


async def test_many_at_once(reactor: Any) -> None:
    """Each of many learns of its own end."""
    running = [Deferred.fromCoroutine(told(reactor, f"echo {number}; exit {number}")) for number in range(20)]
    assert [await one for one in running] == [(number, b"%d\n" % number) for number in range(20)]
