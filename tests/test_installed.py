"""The list of installed plugins."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import balancer.plugins
from balancer.installed import endpoint_types, installed

STRANGER = '''
from twisted.plugin import IPlugin
from zope.interface import provider

from balancer.interfaces import IFilterPlugin


@provider(IPlugin, IFilterPlugin)
class Shout:
    """Makes everything louder.

    Not part of the list.
    """


@provider(IPlugin, IFilterPlugin)
class Hush:
    pass
'''


def test_built_in() -> None:
    """The built-in plugins are listed by what they are for, each with what it does and where it is from."""
    lines = list(installed())
    headings = [line for line in lines if not line.startswith(" ")]
    purposes = [heading.split(":")[0] for heading in headings]
    assert purposes == ["algorithms", "health checks", "signals", "matchers", "flow keys", "filters"]
    algorithms = lines[1 : lines.index(headings[1])]
    assert algorithms == sorted(algorithms)
    (found,) = (line for line in algorithms if line.startswith("  RoundRobin: "))
    assert found.endswith(f" (balancer.plugins.algorithms, balancer {version('balancer')})")


def test_of_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that another distribution puts into the plugin folder is listed like the built-in ones."""
    (tmp_path / "stranger_of_test.py").write_text(STRANGER)
    monkeypatch.setattr(balancer.plugins, "__path__", [str(tmp_path)])
    lines = list(installed())
    monkeypatch.delitem(sys.modules, "balancer.plugins.stranger_of_test")
    assert lines == [
        "algorithms: none",
        "health checks: none",
        "signals: none",
        "matchers: none",
        "flow keys: none",
        "filters:",
        "  Hush: no description (balancer.plugins.stranger_of_test, in no installed distribution)",
        "  Shout: Makes everything louder. (balancer.plugins.stranger_of_test, in no installed distribution)",
    ]


def test_with_their_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin defined in an installed package is listed with that distribution and its version."""
    text = (
        "import attr, zope.interface\n"
        "from twisted.plugin import IPlugin\n"
        "from balancer.interfaces import IFilterPlugin\n"
        "class Borrowed:\n  '''From elsewhere.'''\nBorrowed.__module__ = 'attr._make'\n"
        "zope.interface.directlyProvides(Borrowed, IPlugin, IFilterPlugin)\n"
    )
    (tmp_path / "lender_of_test.py").write_text(text)
    monkeypatch.setattr(balancer.plugins, "__path__", [str(tmp_path)])
    assert list(installed())[-1] == f"  Borrowed: From elsewhere. (attr._make, attrs {version('attrs')})"
    monkeypatch.delitem(sys.modules, "balancer.plugins.lender_of_test")


@pytest.mark.parametrize(
    ("origin", "owner"),
    [
        ({"dir_info": {"editable": True}}, "stranger 1.2"),
        ({"dir_info": {}}, "in no installed distribution"),
        ({"archive_info": {}}, "in no installed distribution"),
    ],
)
def test_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: dict[str, Any], owner: str) -> None:
    """A plugin in the folder of a distribution that is installed from there, to be worked on, is listed as its own."""
    facts = tmp_path / "path" / "stranger-1.2.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.2\n")
    project = tmp_path / "its project"
    (facts / "direct_url.json").write_text(json.dumps({"url": project.as_uri(), **origin}))
    project.mkdir()
    (project / "edited_of_test.py").write_text(STRANGER)
    monkeypatch.syspath_prepend(str(facts.parent))
    monkeypatch.setattr(balancer.plugins, "__path__", [str(project)])
    lines = list(installed())
    monkeypatch.delitem(sys.modules, "balancer.plugins.edited_of_test")
    assert lines[-1].endswith(f" (balancer.plugins.edited_of_test, {owner})")


def test_types_of_endpoints() -> None:
    """The types that Twisted has as plugins are known."""
    assert {"systemd", "tcp6"} <= endpoint_types()
