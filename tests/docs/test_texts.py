"""What the texts show is so: the configs in them load, and the pages drawn from the code leave nothing out."""

from __future__ import annotations

import ast
import inspect
import re
from enum import Enum
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import attrs
import pytest

import balancer
from balancer import errors
from balancer.config import load
from balancer.core import exchange_states, messages, relay
from balancer.interfaces import contracts
from balancer.plugins.health import HTTPCheck
from docs._ext import diagrams, reference

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
TABLES = [exchange_states.TRANSITIONS, relay.TRANSITIONS]


class State(Enum):
    """States for a small table."""

    ONE = "first & foremost"
    TWO = "second"


class Input(Enum):
    """Inputs for a small table."""

    GO = "go"
    BACK = "back"


SMALL = {(State.ONE, Input.GO): State.TWO, (State.TWO, Input.BACK): State.ONE}


def test_config_of_the_readme_loads(tmp_path: Path) -> None:
    """The config that the README shows is one without a mistake."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    (tmp_path / "conf.py").write_text(found[1])
    assert len(load(str(tmp_path / "conf.py")).pools) == 3


def test_rows_are_a_table() -> None:
    """A table has its head, a line beneath it and a row for each thing."""
    assert reference.rows(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


def test_table_shows_each_transition() -> None:
    """A row for each transition, in order, beneath the heading."""
    assert diagrams.table(SMALL).splitlines()[2:] == [
        "| first & foremost | go | second |",
        "| second | back | first & foremost |",
    ]


def test_diagram_shows_each_text_once() -> None:
    """Every state is named once, and every input once for each state that it leaves."""
    texts = [text.text for text in ET.fromstring(diagrams.svg(SMALL)).iter(f"{SVG}text")]  # noqa: S314 - our own
    assert texts == ["first & foremost", "go", "second", "back"]


@pytest.mark.parametrize("table", TABLES, ids=["exchange", "relay"])
def test_diagram_draws_an_arrow_for_each_transition(table: Any) -> None:
    """Each transition is an arrow in a lane of its own, from its own line to a line nothing else uses."""
    picture = ET.fromstring(diagrams.svg(table))  # noqa: S314 - our own
    lines = [path.attrib["d"] for path in picture.iter(f"{SVG}path") if path.attrib["class"] == "arrow"]
    ends = [re.findall(r"M \d+ (\d+) H (\d+) V (\d+)", line)[0] for line in lines]
    assert len(ends) == len(table)
    assert len({lane for _, lane, _ in ends}) == len(table)
    assert len({height for start, _, end in ends for height in (start, end)}) == 2 * len(table)


@pytest.mark.parametrize("table", TABLES, ids=["exchange", "relay"])
def test_diagram_fits_its_page(table: Any) -> None:
    """Nothing is drawn outside the picture."""
    picture = ET.fromstring(diagrams.svg(table))  # noqa: S314 - our own
    numbers = [path.attrib["d"] for path in picture.iter(f"{SVG}path") if path.attrib["class"] == "arrow"]
    assert max(int(lane) for line in numbers for lane in re.findall(r"H (\d+)", line)) < int(picture.attrib["width"])
    assert max(int(end) for line in numbers for end in re.findall(r"V (\d+)", line)) < int(picture.attrib["height"])


def test_reference_shows_each_setting() -> None:
    """Every setting of every noun has its row, with its type and default."""
    page = reference.nouns(getattr(balancer, name) for name in balancer.__all__)
    for name in balancer.__all__:
        assert f"\n## {name}\n" in f"\n{page}"
        assert all(f"\n| `{field.name}` | `" in page for field in attrs.fields(getattr(balancer, name)))
    assert "| `connect_timeout` | `float` | `5.0` |" in page
    assert "| `algorithm` | `IAlgorithm \\| None` | `None` |" in page
    assert "| `address` | `str` | required |" in page


def test_reference_shows_each_interface_member() -> None:
    """Every attribute and method of every interface is there, with what it says of itself."""
    source = inspect.getsource(contracts)
    page = reference.interfaces(source)
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    names = [node.name for node in classes if node.name.startswith("I") and node.bases]
    assert names
    assert all(f"## {name}\n" in page for name in names)
    assert (
        "`picker(backends: Sequence[IBackend], random: Random) -> Picker | Generator[None, None, Picker]`\n: Return"
        in page
    )
    assert "`active: int`\n: Sessions that are on it now, counted from the pick.\n" in page


def test_reference_shows_what_heads_are() -> None:
    """What a filter may ask of a head is there, and what the balancer remembers of it is not."""
    page = reference.values(inspect.getsource(messages), ["Head", "RequestHead", "ResponseHead"])
    assert "`fields: Fields`, `version: str`, `length: int | None`" in page
    assert "\n`host: str`\n: The authority in lower case" in page
    assert "\n`with_field(name: str, value: str) -> Self`\n: A copy with one field of that name" in page
    assert "wire" not in page
    assert "_" not in re.findall(r"\n`(.)", page)


def test_reference_shows_what_is_required() -> None:
    """A setting that has to be given says so, and a default that is made anew each time is shown as it comes out."""
    assert "\n| `name` | `str` | required |" in reference.nouns([balancer.Pool])
    page = reference.nouns([balancer.Route])
    assert "\n| `filters` | `tuple[IFilter \\| FilterFunction, ...]` | `()` |" in page
    assert "\n| `headers` | `Fields` | `{}` |" in reference.nouns([HTTPCheck])


def test_reference_shows_each_error() -> None:
    """Every error that can be raised has its row."""
    page = reference.errors()
    raised = [
        name
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, errors.BalancerError)
    ]
    assert all(f"| `{name}` |" in page for name in raised if name != "BalancerError")
    assert "| `RequestRefused` | downstream | no | 400, or its own |" in page
