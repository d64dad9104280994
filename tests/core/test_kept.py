"""Idle connections: which is given, and which are not kept."""

from __future__ import annotations

import attrs

from balancer.core.backend import Backend
from balancer.core.kept import Identity, Kept

PLACE, OTHER = ("10.0.0.1", 80), ("10.0.0.2", 80)
HOUR = 3600


@attrs.define(eq=False)
class Connection:
    """Stands for one."""

    identity: Identity = attrs.Factory(lambda: Identity(PLACE))
    born: float = 0.0
    uses: int = 1
    kept_at: float = -1.0


def backend(name: str = "b", source: str = "") -> Backend:
    """One that is up."""
    return Backend(name, "b:80", PLACE, seconds=lambda: 0.0, source=source)


def kept(limit: int = 3, max_uses: int | None = None) -> Kept[Connection]:
    """A store."""
    return Kept(limit, idle=4, max_age=HOUR, max_uses=max_uses)


def test_the_one_used_last_is_given_first() -> None:
    """Connections come back in the reverse order, each once, and for their own backend alone."""
    subject, one, other = kept(), backend("one"), backend("other")
    first, second = Connection(), Connection()
    assert subject.add(one, first, 0)
    assert subject.add(one, second, 0)
    assert subject.count(one) == 2
    assert subject.take(other) is None
    assert [subject.take(one) for _ in range(3)] == [second, first, None]
    assert subject.count(one) == subject.count(other) == 0


def test_so_many_for_each_backend() -> None:
    """One that is too many for its backend is turned away; another backend has room of its own."""
    subject, one, other = kept(1), backend("one"), backend("other")
    assert [subject.add(which, Connection(), 0) for which in (one, one, other)] == [True, False, True]


def test_the_old_are_turned_away() -> None:
    """One that is as old as may be is not kept any more."""
    subject = kept()
    assert subject.add(backend(), Connection(born=10), HOUR + 9)
    assert not subject.add(backend(), Connection(born=10), HOUR + 10)


def test_the_used_are_turned_away() -> None:
    """One that has carried as many exchanges as it may is not kept; without that bound any number will do."""
    assert kept(max_uses=3).add(backend(), Connection(uses=2), 0)
    assert not kept(max_uses=3).add(backend(), Connection(uses=3), 0)
    assert kept().add(backend(), Connection(uses=10**9), 0)


def test_what_would_not_be_made_today_is_not_kept() -> None:
    """A connection to where its backend is no more, from another address, or to one out of use, is turned away."""
    down = backend()
    down.become(up=False)
    assert not kept().add(down, Connection(), 0)
    assert not kept().add(backend(), Connection(Identity(OTHER)), 0)
    assert not kept().add(backend(source="10.0.0.9"), Connection(), 0)
    assert kept().add(backend(source="10.0.0.9"), Connection(Identity(PLACE, "10.0.0.9")), 0)


def test_what_has_ended_is_forgotten() -> None:
    """One that is removed is given to nobody; to remove what is not there is nothing."""
    subject, one, connection = kept(), backend(), Connection()
    subject.remove(one, connection)
    subject.add(one, connection, 0)
    subject.remove(one, Connection())
    assert subject.count(one) == 1
    subject.remove(one, connection)
    assert subject.take(one) is None


def test_all_of_a_backend() -> None:
    """What is dropped is handed out to be closed, and kept no longer; of everything, too."""
    subject, one, other = kept(), backend("one"), backend("other")
    first, second, third = Connection(), Connection(), Connection()
    for which, connection in ((one, first), (one, second), (other, third)):
        subject.add(which, connection, 0)
    assert subject.drop(one) == [first, second]
    assert subject.drop(one) == []
    subject.add(one, first, 0)
    assert set(subject.close()) == {first, third}
    assert subject.count(one) == subject.count(other) == 0
    assert not subject.add(one, first, 0)


def test_those_that_have_rested_for_long() -> None:
    """Connections that were idle for as long as they may be are handed out to be closed, and no others."""
    subject, one, other = kept(), backend("one"), backend("other")
    first, second, third = Connection(), Connection(), Connection()
    assert subject.next_tired() is None
    for which, connection, now in ((one, first, 1), (other, second, 2), (one, third, 3)):
        subject.add(which, connection, now)
    assert [subject.tired(4.9), subject.next_tired()] == [[], 5]
    assert [subject.tired(6), subject.next_tired()] == [[first, second], 7]
    assert subject.take(one) is third
    assert [subject.tired(99), subject.next_tired()] == [[], None]


def test_a_backend_that_moves() -> None:
    """Only connections to where a backend still is are kept."""
    subject, one = kept(), backend()
    here, there = Connection(), Connection(Identity(OTHER))
    one.move([PLACE, OTHER])
    subject.add(one, here, 0)
    subject.add(one, there, 0)
    one.move([OTHER])
    assert subject.misplaced(one) == [here]
    assert subject.take(one) is there


def test_a_backend_that_is_spoken_to_in_another_way() -> None:
    """Only connections that are secured as they would be today are kept."""
    subject, one = kept(), backend()
    first, second = object(), object()
    plain, secured = Connection(), Connection(Identity(PLACE, "", first))
    one.become(secure=first)
    assert not subject.add(one, plain, 0)
    assert subject.add(one, secured, 0)
    one.become(secure=second)
    assert subject.misplaced(one) == [secured]
