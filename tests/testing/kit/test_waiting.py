"""Calls in which all have to wait are heard, whatever they are called by."""

from __future__ import annotations

import socket
import sys
from time import sleep as rest  # noqa: TID251  it is what must be heard

import pytest

from balancer.testing.kit.waiting import waits_in


def knocks() -> None:
    """Connect to where nobody is."""
    with socket.socket() as knocking:
        knocking.settimeout(1)
        knocking.connect_ex(("127.0.0.1", 1))


@pytest.mark.parametrize(
    ("happens", "name"),
    [
        (lambda: rest(0), "time.sleep"),
        (lambda: socket.getaddrinfo("127.0.0.1", 80), "socket.getaddrinfo"),
        (knocks, "socket.connect_ex"),
        (lambda: sorted([2, 1]), ""),
    ],
)  # fmt: skip
def test_what_waits_is_heard(happens: object, name: str) -> None:
    """The first call that waits is named; what only works is not."""
    assert callable(happens)
    assert waits_in(happens) == name


def test_who_listened_before_goes_on() -> None:
    """A profiler at work is asked to wait, and is back at the end, also when something is raised."""

    def profiling(*_: object) -> None:
        return

    before = sys.getprofile()
    sys.setprofile(profiling)
    try:
        with pytest.raises(ZeroDivisionError):
            waits_in(lambda: 1 // 0)
        assert sys.getprofile() is profiling
    finally:
        sys.setprofile(before)
