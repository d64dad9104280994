"""The interfaces say what a stranger needs, and nothing is required that may be absent."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from zope.interface.interface import InterfaceClass, Method

from balancer import interfaces


def test_all_that_is_public_is_in_one_module() -> None:
    """A plugin author imports every name of the contract from `balancer.interfaces`, and each says what it is."""
    found = {name: getattr(interfaces, name) for name in interfaces.__all__ if name.startswith("I")}
    assert len(found) == 18
    for name, interface in found.items():
        assert isinstance(interface, InterfaceClass), name
        assert interface.getDoc(), name
        for member, description in interface.namesAndDescriptions():
            assert description.getDoc(), f"{name}.{member}"


def test_what_the_engine_calls() -> None:
    """The methods that a plugin must have, and how they are called."""
    called = {
        f"{interface.getName()}.{name}": member.getSignatureString()
        for interface in (interfaces.IAlgorithm, interfaces.IHealthCheck, interfaces.IMatcher, interfaces.IFilter)
        for name, member in interface.namesAndDescriptions()
        if isinstance(member, Method)
    }
    assert called == {
        "IAlgorithm.picker": "(backends, random)",
        "IHealthCheck.check": "(target)",
        "IMatcher.matches": "(session)",
        "IFilter.request": "(head, session)",
        "IFilter.response": "(head, session)",
    }
