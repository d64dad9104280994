"""Kinds: found by the interface, else by the looks."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.errors import ConfigError
from balancer.interfaces import Filter
from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.health import TCPCheck
from balancer.plugins.matchers import Always
from balancer.testing.kit.kinds import factory_of, kind_of


class Looks:
    """Has only what a matcher must have."""

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        return True


class Told:
    """Brings what health checks report, and declares no interface."""

    names = frozenset({"queue"})
    reported = True


async def probing(target: Any) -> None:
    """A health check."""


@pytest.mark.parametrize(
    ("plugin", "kind"),
    [
        (RoundRobin(), "algorithm"),
        (TCPCheck(), "health check"),
        (Always(), "matcher"),
        (Filter(), "filter"),
        (Looks(), "matcher"),
        (lambda session: session.tls, "matcher"),
        (lambda head, session: session and head, "filter"),
        (lambda target: target.connect, "health check"),
        (probing, "health check"),
        (Told(), "signal source"),
        (max, "matcher"),
    ],
    ids=repr,
)
def test_kinds_are_found(plugin: Any, kind: str) -> None:
    """Whatever provides an interface, or looks like it, is of that kind; functions are told by what they take."""
    assert kind_of(plugin) == kind


def test_a_function_is_its_own_plugin() -> None:
    """A function with arguments is the plugin itself, one without makes it, and so does a class."""
    assert factory_of(probing)() is probing
    assert factory_of(Looks) is Looks
    made = Looks()
    assert factory_of(lambda: made)() is made


@pytest.mark.parametrize("wrong", [Looks(), 7])
def test_what_cannot_be_called_is_told(wrong: Any) -> None:
    """An object in place of what makes it is told, with how to write it."""
    with pytest.raises(ConfigError, match=r"write conformance\(lambda: \w+\(\.\.\.\)\)"):
        factory_of(wrong)


def test_what_is_no_plugin_is_told() -> None:
    """What is of no kind is told."""
    with pytest.raises(ConfigError, match="which is no plugin"):
        kind_of(7)
