"""The fakes: everything an interface promises, and nothing besides."""

from typing import Any

import pytest
from zope.interface.verify import verifyObject

from balancer.interfaces import IBackend, ISession
from balancer.testing import FakeBackend, FakeSession


@pytest.mark.parametrize(("interface", "fake"), [(IBackend, FakeBackend()), (ISession, FakeSession())])
def test_a_fake_has_every_attribute(interface: Any, fake: object) -> None:
    """A fake has every attribute of its interface, so a plugin under test never misses one."""
    assert verifyObject(interface, fake)


def test_two_backends_are_never_equal() -> None:
    """Backends with the same settings are told apart, as the engine's are."""
    assert len({FakeBackend("a"), FakeBackend("a")}) == 2


def test_a_backend_can_be_set() -> None:
    """A test sets what the engine would count."""
    backend = FakeBackend("a", weight=2)
    backend.become(active=7)
    assert (backend.name, backend.weight, backend.active) == ("a", 2, 7)
