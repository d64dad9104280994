"""The list of installed plugins."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import balancer.plugins
from balancer.installed import installed

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
    assert [heading.split(":")[0] for heading in headings] == ["algorithms", "health checks", "matchers", "filters"]
    algorithms = lines[1 : lines.index(headings[1])]
    assert algorithms == sorted(algorithms)
    assert any(line.startswith("  RoundRobin: ") and "(balancer.plugins.algorithms, " in line for line in algorithms)


def test_of_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that another distribution puts into the plugin folder is listed like the built-in ones."""
    (tmp_path / "stranger_of_test.py").write_text(STRANGER)
    monkeypatch.setattr(balancer.plugins, "__path__", [str(tmp_path)])
    lines = list(installed())
    monkeypatch.delitem(sys.modules, "balancer.plugins.stranger_of_test")
    assert lines == [
        "algorithms: none",
        "health checks: none",
        "matchers: none",
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
