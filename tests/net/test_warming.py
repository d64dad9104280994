"""Connections that are there before anybody asks: made, used, bounded in time and number, and gone at the end."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.assembly import changes
from tests.net.house import House, answer, request


def started(house: House, *ports: int, **pool: Any) -> None:
    """A site that has started."""
    house.site(*ports, **pool)
    changes.started(house.assembly)
    house.network.pump()


def test_they_are_there_at_the_start(house: House) -> None:
    """Each backend has `warm` connections at once, and the first requests go out on them."""
    fars = [house.far(9001), house.far(9002)]
    started(house, 9001, 9002, warm=2)
    assert [len(far.calls) for far in fars] == [2, 2]
    for _ in range(4):
        house.client(request())
    assert [len(far.calls) for far in fars] == [2, 2]
    assert all(call.heard for far in fars for call in far.calls)
    house.client(request())
    assert sum(len(far.calls) for far in fars) == 5


def test_none_without_the_setting(house: House) -> None:
    """Nothing is connected to before it is needed unless that is wanted."""
    far = house.far()
    started(house, 9001)
    assert far.calls == []


def test_they_rest_like_any_other(house: House) -> None:
    """After `keepalive_timeout` without use they are closed, and none takes their place."""
    far = house.far()
    started(house, 9001, warm=1, keepalive_timeout=4)
    house.network.advance(5)
    assert [call.finished for call in far.calls] == [True]


def test_one_that_its_backend_closed_is_nobodys_problem(house: House) -> None:
    """A GET that meets the end of a connection made ahead goes out on another, and the backend is not to blame."""
    far = house.far()
    started(house, 9001, warm=1)
    client = house.client(request())
    far.last.close()
    far.last.say(answer(b"fine"))
    assert client.hear() == answer(b"fine")
    assert house.backends[0].failed == 0


def test_a_backend_that_comes_into_use(house: House) -> None:
    """As many are made as are missing when a backend may be used again, and none while it may not."""
    far = house.far()
    started(house, 9001, warm=2)
    (settings,), (backend,) = house.assembly.pools, house.backends
    changes.drain(house.assembly, settings, backend, draining=True)
    house.network.pump()
    assert [call.finished for call in far.calls] == [True, True]
    changes.drain(house.assembly, settings, backend, draining=False)
    house.network.pump()
    assert len(far.calls) == 4
    changes.weigh(house.assembly, settings, backend, 2)
    house.network.pump()
    assert len(far.calls) == 4


def test_a_backend_that_refuses(house: House) -> None:
    """That none can be made is no failure of a session; whoever needs one finds out."""
    started(house, 9001, warm=2)
    assert house.backends[0].failed == 0
    assert not house.network.connecting


@pytest.mark.parametrize("closed", [False, True])
def test_a_backend_that_hangs(house: House, closed: bool) -> None:
    """One that is not made within `connect_timeout`, or until the balancer stops, is given up."""
    house.network.hang(9001)
    started(house, 9001, warm=1, connect_timeout=5)
    assert house.network.connecting
    if closed:
        house.drain()
    else:
        house.network.advance(5.4)
    assert not house.network.connecting


def test_a_backend_that_goes_out_of_use_meanwhile(house: House) -> None:
    """A connection that stands when its backend is not to be used any more is closed."""
    far = house.far()
    house.site(9001, warm=1)
    changes.started(house.assembly)
    house.backends[0].become(up=False)
    house.network.pump()
    assert [call.finished for call in far.calls] == [True]
