"""Draws a table of transitions as an SVG diagram and as a Markdown table; knows no Sphinx and no part of the balancer.

The states stand in a column in the order in which they are defined. Each transition is a line of its own text in the
box of the state it leaves, and an arrow that runs in a lane of its own to the box of the state it enters.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final
from xml.sax.saxutils import escape

from attrs import frozen

Transitions = Mapping[tuple[Any, Any], Any]
"""(state, input): state after. States and inputs are enumerations whose values are texts."""

LINE: Final = 20
"""Pixels from one line of text to the next."""

GAP: Final = 24
"""Pixels between two boxes."""

WIDTH: Final = 460
"""Pixels across a box."""

LANE: Final = 16
"""Pixels between two lanes."""

STYLE: Final = """
rect.page { fill: white } rect.state { fill: #f4f6fb; stroke: #44546a }
text { font: 13px sans-serif; fill: #1c2733 } text.state { font-weight: bold }
path.arrow { fill: none; stroke: #44546a } path.head { fill: #44546a }
"""


@frozen
class Box:
    """One state: its top, the inputs that lead out of it, and how many arrows come in."""

    top: int
    state: Enum
    leaving: tuple[tuple[Enum, Enum], ...]
    entering: int

    @property
    def height(self) -> int:
        return (1 + len(self.leaving) + self.entering) * LINE + LINE // 2

    def line(self, number: int) -> int:
        """The middle of a line of text; 0 is the name of the state."""
        return self.top + LINE // 4 + number * LINE + LINE // 2


def table(transitions: Transitions) -> str:
    """The transitions as a Markdown table, in the order of the mapping."""
    rows = [f"| {before.value} | {what.value} | {after.value} |" for (before, what), after in transitions.items()]
    return "\n".join(["| state | what happens | state after |", "|---|---|---|", *rows, ""])


def svg(transitions: Transitions) -> str:
    """The transitions as a picture that needs no script, no font and no network."""
    boxes = _boxes(transitions)
    bottom = max(box.top + box.height for box in boxes.values()) + GAP
    right = WIDTH + (len(transitions) + 3) * LANE
    shapes = "".join(_drawn(box) for box in boxes.values()) + _arrows(boxes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{right}" height="{bottom}" viewBox="0 0 {right} {bottom}">'
        f'<style>{STYLE}</style><rect class="page" width="{right}" height="{bottom}"/>{shapes}</svg>\n'
    )


def _boxes(transitions: Transitions) -> dict[Enum, Box]:
    any_state: Any = next(iter(transitions.values()))
    states = list(any_state.__class__)
    boxes: dict[Enum, Box] = {}
    top = GAP
    for state in states:
        leaving = tuple((what, after) for (before, what), after in transitions.items() if before is state)
        box = Box(top, state, leaving, sum(after is state for after in transitions.values()))
        boxes[state] = box
        top += box.height + GAP
    return boxes


def _drawn(box: Box) -> str:
    lines = [_text(box.line(0), str(box.state.value), "state")]
    lines += [_text(box.line(number), str(what.value), "input") for number, (what, _) in enumerate(box.leaving, 1)]
    return (
        f'<rect class="state" x="{GAP}" y="{box.top}" width="{WIDTH - GAP}" height="{box.height}" rx="6"/>'
        + "".join(lines)
    )


def _text(middle: int, text: str, kind: str) -> str:
    indent = GAP + (LINE // 2 if kind == "state" else LINE + LINE // 2)
    return f'<text class="{kind}" x="{indent}" y="{middle + 4}">{escape(text)}</text>'


def _arrows(boxes: Mapping[Enum, Box]) -> str:
    """One arrow for each transition: out of its own line, along its own lane, into a free line of the other box."""
    entered = dict.fromkeys(boxes, 0)
    lane, arrows = WIDTH + LANE, []
    for box in boxes.values():
        for number, (_, after) in enumerate(box.leaving, 1):
            entered[after] += 1
            target = boxes[after]
            arrows.append(_arrow(box.line(number), lane, target.line(len(target.leaving) + entered[after])))
            lane += LANE
    return "".join(arrows)


def _arrow(start: int, lane: int, end: int) -> str:
    head = f"M {WIDTH} {end} l 8 -4 v 8 z"
    line = f"M {WIDTH} {start} H {lane} V {end} H {WIDTH + 8}"
    return f'<path class="arrow" d="{line}"/><path class="head" d="{head}"/>'
