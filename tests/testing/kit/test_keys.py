"""Keys in sessions: whatever the key is made of, a session of the same key can be made."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.hash_tables import Maglev, Rendezvous
from balancer.plugins.hashing import Hash, SourceHash, capture, cookie, header, peeked, query, server_name, uri
from balancer.testing import FakeSession
from balancer.testing.kit.keys import session_of
from tests.testing.kit.told import story_of

KEYS = [header("x-user"), cookie("user"), query("key"), uri(), capture("shard"), server_name, peeked(8, 8)]


@pytest.mark.parametrize("key", [*KEYS, lambda session: session.client[0]])
def test_a_session_has_its_key(key: Any) -> None:
    """The same number gives the same key, whatever else differs, and another number another key."""
    one, again, other = (key(session_of(key, *given)) for given in ((1, 0), (1, 7), (2, 0)))
    assert one == again != other
    assert one is not None


def test_other_ways_to_say_what_the_key_is() -> None:
    """True is the client's address, a text is a header, and a function may make the session itself."""
    assert session_of(True, 1).client[0] == session_of(True, 1, 5).client[0] != session_of(True, 2).client[0]
    named = session_of("X-User", 3)
    assert named.request is not None
    assert named.request.get("x-user") == "key-3"
    assert session_of(lambda key: FakeSession(alpn=key), 4).alpn == "key-4"


@pytest.mark.no_cover  # to be measured takes several times as long as the test, and others reach the same
@pytest.mark.parametrize("key", [header("x-user"), capture("shard")])
def test_the_sound_are_faithful(key: Any) -> None:
    """What goes by a key, as it says, keeps both promises."""
    by_key = lambda: Hash(key, by=Rendezvous())  # noqa: E731  it is a factory
    assert story_of(by_key, "affinity", affinity=key) == ""
    assert story_of(by_key, "movement", affinity=key, movement=0) == ""


def test_all_to_one_is_no_affinity() -> None:
    """Who sends every key to the same backend is told so."""

    class One(RoundRobin):
        def picker(self, backends: Any, random: Any) -> Any:
            return lambda _session: backends[0]

    assert "different keys go to different backends" in story_of(One, "affinity", affinity=True)


def test_none_is_no_backend() -> None:
    """Who declines keys does not keep them."""

    class Declines(RoundRobin):
        def picker(self, backends: Any, random: Any) -> Any:
            return lambda _session: None

    assert "none for key 0" in story_of(Declines, "affinity", affinity=True)
    assert "there is a backend for every session" in story_of(Declines, "weights", weighted=True)
    assert [story_of(Declines, level) for level in ("determinism", "hash_seeds", "memory")] == ["", "", ""]


def test_an_address_that_moves_needlessly() -> None:
    """A sound table passes with what it claims."""
    assert story_of(lambda: SourceHash(by=Maglev(4099)), "movement", affinity=True, movement=0.02) == ""
