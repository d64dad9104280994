"""What the pages print in Python runs as it stands: as a config of its own, or as a part of one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import balancer
from balancer.plugins import algorithms, filters, first_bytes, flow_keys, health, matchers

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs").glob("*/*.md"))]
FENCED = re.compile(r"```python\n(.*?)```", re.DOTALL)
WHOLE = re.compile(r"^config = Config\($", re.MULTILINE)
"""What a config of its own ends with: it finds nothing around it."""
SNIPPETS = [
    pytest.param(text, id=f"{page.stem}-{number}")
    for page in PAGES
    if page.parent.name != "_generated"
    for number, text in enumerate(FENCED.findall(page.read_text()))
]
POOLS = ("database", "dns", "games", "inside", "live", "logs", "outside", "site", "sockets", "web")
"""What a part of a config calls the pools that it does not show."""


def around() -> dict[str, Any]:
    """What a part of a config finds around it."""
    modules = (balancer, algorithms, filters, first_bytes, flow_keys, health, matchers)
    names = {name: value for module in modules for name, value in vars(module).items() if not name.startswith("_")}
    site = balancer.Pool("elsewhere", backends=["10.0.9.9:80"])
    names["LISTENERS"] = [balancer.HTTPListener("tcp:9999", pool=site)]
    return {**names, **{name: balancer.Pool(name, backends=["10.0.0.11:80", "10.0.0.12:80"]) for name in POOLS}}


@pytest.mark.parametrize("text", SNIPPETS)
def test_runs(text: str) -> None:
    """It is Python that builds what it says, without a mistake; dots in brackets stand for what it leaves out."""
    whole = text.replace("Config([...]", "Config(LISTENERS").replace("backends=[...]", "backends=['10.0.0.13:80']")
    names = {} if WHOLE.search(text) else around()
    exec(compile(whole, "snippet", "exec"), names)  # noqa: S102  our own text


def test_there_are_some() -> None:
    """The pages are found, and so is what they print."""
    assert len(SNIPPETS) > 20
