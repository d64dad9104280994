"""How the connections of a check end: with what it says last, or at once."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.protocol import Factory

from balancer.errors import CheckFailed
from balancer.interfaces import ICheckTarget
from tests.net.house import House, Speaker
from tests.net.test_checks import checked


def leaving(house: House, said: bytes, *, fails: bool = False) -> Any:
    """A check that says that, and closes."""

    async def check(target: ICheckTarget) -> None:
        speaker: Any = await target.connect(Factory.forProtocol(lambda: Speaker(house.network)))
        speaker.transport.write(said)
        speaker.transport.loseConnection()
        if fails:
            raise CheckFailed("no")

    return check


@pytest.mark.parametrize("fails", [False, True])
def test_a_good_bye_arrives(house: House, fails: bool) -> None:
    """What a check says as it closes reaches the backend, and the connection ends in order, however the check ended."""
    far = house.far()
    checked(house, leaving(house, b"QUIT\r\n", fails=fails))
    house.network.pump()
    assert (far.last.heard, far.last.finished, far.last.ending) == (b"QUIT\r\n", True, "")


class Forgetful:
    """A protocol of a stranger's that keeps no transport, and its factory."""

    doStart = doStop = logPrefix = makeConnection = dataReceived = connectionLost = lambda *_: None

    def buildProtocol(self, _address: Any) -> Forgetful:
        """One more."""
        return Forgetful()


def test_a_protocol_need_not_keep_its_transport(house: House) -> None:
    """What a check leaves open is cut at its end, and checks go on, also when its protocol cannot say where it is."""

    async def check(target: ICheckTarget) -> None:
        factory: Any = Forgetful()
        await target.connect(factory)

    far = house.far()
    checked(house, check)
    house.network.advance(2.5)
    assert [call.ending for call in far.calls] == ["ConnectionLost"] * 3


@pytest.mark.parametrize("stopped", [False, True])
def test_a_good_bye_has_an_end(house: House, stopped: bool) -> None:
    """A backend that does not hear it is cut before the next check, or when no more come."""
    far = house.far()
    far.deaf = True
    checked(house, leaving(house, b"x" * 2**20))
    (first,) = far.calls
    house.network.advance(0.9)
    assert first.ending == ""
    if stopped:
        house.assembly.checks[0].stop()
    else:
        house.network.advance(0.2)
    house.network.pump()
    assert first.gone


def test_nothing_is_begun_when_it_is_over(house: House) -> None:
    """A check that is over neither sends a datagram nor runs a program, and is not answered."""
    kept: list[ICheckTarget] = []

    async def keeps(target: ICheckTarget) -> None:
        kept.append(target)

    checked(house, keeps)
    assert not kept[0].datagram(b"?").called
    assert not kept[0].run(["true"], {}).called
