"""A conversation whose connection is closed: it ends what is under way, and holds nothing that leads back to it."""

from __future__ import annotations

import gc
import weakref

import pytest

from tests.core.test_conversation import Talk, request
from tests.core.test_journal import Logged


def test_the_exchange_under_way_ends() -> None:
    """Who waits for an answer when the connection is closed is no longer answered, and its backend is let go."""
    scene = Talk()
    scene.talk.receive(request("/1"))
    scene.stage.connect()
    scene.take()
    scene.talk.lost()
    assert scene.take() == ["u1 cut", "client refused 499 downstream-gone", "client done"]
    assert (scene.talk.over, scene.talk.exchange) == (True, None)
    assert scene.stage.at_rest()


def test_between_two_requests_nothing_is_said() -> None:
    """A connection that is closed when no answer is due is only over."""
    scene = Talk()
    scene.talk.receive(request("/1"))
    scene.answer()
    scene.talk.lost()
    assert scene.take() == []
    assert scene.talk.over


@pytest.mark.parametrize("kind", [Talk, Logged])
def test_nothing_leads_back(kind: type[Talk]) -> None:
    """A conversation that was lost is gone as soon as nobody has it, with a log of its listener or without."""
    scene = kind()
    scene.talk.receive(request("/1"))
    scene.answer()
    gone = weakref.ref(scene.talk)
    gc.collect()
    gc.disable()
    try:
        scene.talk.lost()
        del scene.talk, scene.line.talk
        del scene.stage.carried
        assert gone() is None
    finally:
        gc.enable()
