"""The agent's line: every word of HAProxy's, in any order and combination, and only the agent takes anything back."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.agent_line import LONGEST, AgentLine, AgentState, agent_line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"75%\n", {"share": 0.75}),
        (b"weight:75%", {"share": 0.75}),
        (b"weight:2.5", {"weight": 2.5}),
        (b"0%", {"share": 0.0}),
        (b"50% weight:3", {"weight": 3.0}),
        (b"weight:3 50%", {"share": 0.5}),
        (b"maxconn:30", {"limit": 30}),
        (b"ready", {"mode": "ready"}),
        (b"drain", {"mode": "drain"}),
        (b"MAINT", {"mode": "maint"}),
        (b"up", {"up": True}),
        (b"down", {"up": False}),
        (b"fail", {"up": False}),
        (b"failed", {"up": False}),
        (b"Stopped # for the night ", {"up": False, "reason": "for the night"}),
        (b"up,ready\t 10% ,maxconn:5 \r\n", {"up": True, "mode": "ready", "share": 0.1, "limit": 5}),
        (b"up signal:queue=3 signal:kv.use=-0.25", {"up": True, "signals": {"queue": 3, "kv.use": -0.25}}),
        (b"SIGNAL:x=1e3", {"signals": {"x": 1000}}),
        (b"", {}),
        (b" , ,", {}),
    ],
)
def test_words(line: bytes, said: dict[str, Any]) -> None:
    """Each word means what HAProxy takes it for, and what the line does not speak of is None."""
    assert attrs.asdict(agent_line(line)) == attrs.asdict(AgentLine(agent_line(line).text, **said))


@pytest.mark.parametrize(
    "word", ["ok", "-5%", "75", "75%%", "weight:", "weight:x", "maxconn:-1", "signal:a=nan", "ümlaut"]
)
def test_words_that_mean_nothing(word: str) -> None:
    """A word that means nothing is told, and the others on its line count all the same."""
    line = agent_line(f"drain {word} 50%".encode())
    assert (line.mode, line.share, len(line.unknown)) == ("drain", 0.5, 1)


@given(st.binary(max_size=2 * LONGEST))
def test_any_bytes_are_a_line(data: bytes) -> None:
    """Whatever an agent says is a line of bounded length and of printable text in one piece."""
    line = agent_line(data)
    assert len(line.text) <= LONGEST
    assert len(line.signals) <= 32
    assert "\n" not in line.text
    assert AgentState().after(line).share >= 0


def test_what_is_not_spoken_of_stays() -> None:
    """Each part of the state stays as it was until a line speaks of it."""
    state = AgentState().after(agent_line(b"drain 50% maxconn:9")).after(agent_line(b"down #broken"))
    assert state == AgentState(mode="drain", up=False, reason="broken", share=0.5, limit=9)
    assert state.after(agent_line(b"")) == state
    assert state.after(agent_line(b"ready up 100% maxconn:0 #fine")) == AgentState(reason="broken")


@given(st.lists(st.sampled_from([b"up", b"down", b"ready", b"drain", b"maint", b"50%", b"weight:2"]), max_size=8))
def test_up_and_ready_are_two(words: list[bytes]) -> None:
    """`up` takes back what `down` said and `ready` what `drain` and `maint` did, neither what the other did."""
    state = AgentState()
    for word in words:
        state = state.after(agent_line(word))
    verdicts = [word for word in words if word in {b"up", b"down"}] or [b"up"]
    modes = [word.decode() for word in words if word in {b"ready", b"drain", b"maint"}] or ["ready"]
    assert (state.up, state.mode) == (verdicts[-1] == b"up", modes[-1])
    assert bool(state.objection) is (verdicts[-1] == b"down" or modes[-1] == "maint")
    assert state.drains is (modes[-1] == "drain")


@pytest.mark.parametrize(
    ("line", "objection"),
    [
        (b"down", "down"),
        (b"down #disk full", "down (disk full)"),
        (b"maint #upgrade", "maint (upgrade)"),
        (b"maint down", "maint"),
        (b"drain #soon", ""),
        (b"up #well", ""),
    ],
)
def test_objections(line: bytes, objection: str) -> None:
    """Why no session is let in is said in the agent's own words, with the reason that it gave."""
    assert AgentState().after(agent_line(line)).objection == objection


def test_no_terminal_obeys_a_reason() -> None:
    """What goes to logs and people has nothing in it that changes how a terminal behaves."""
    line = agent_line(b"down#\x1b[2J\x07gone\x00")
    assert (line.up, line.reason, line.text) == (False, "?[2J?gone?", "down#?[2J?gone?")
