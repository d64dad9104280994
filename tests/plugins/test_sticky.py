"""Stickiness: who came before goes back, who is new is given a backend, and what is done when that cannot be."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from random import Random as Chance
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface import implementer
from zope.interface.verify import verifyObject

from balancer.core.messages import RequestHead, ResponseHead
from balancer.errors import ConfigError
from balancer.interfaces import IAlgorithm, IAlgorithmPlugin, Outcome
from balancer.plugins.algorithms import LeastConnections, RoundRobin
from balancer.plugins.hashing import Hash, Maglev, header, server_name, source
from balancer.plugins.sticky import AppCookie, Learned, OwnCookie, Remembered, Sticky
from balancer.testing.fakes import FakeBackend, FakeSession

OWN = OwnCookie("lb", "0123456789abcdef")
OK = ResponseHead(200, "OK")
KINDS: list[Any] = [OWN, AppCookie("sid"), Learned("x-sid"), Remembered(header("x-user")), header("x-user")]


def fleet(*states: str) -> list[FakeBackend]:
    """Backends b0, b1 and so on in these states."""
    return [FakeBackend(f"b{place}", state=state) for place, state in enumerate(states)]


class Client:
    """A client that keeps what it is given, as clients do."""

    def __init__(self, name: str = "ann") -> None:
        self.name = name
        self._cookies: dict[str, str] = {}
        self._given: dict[str, str] = {}

    def session(self, **told: Any) -> FakeSession:
        """Its next request."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        fields = [("x-user", self.name), ("cookie", cookies), *self._given.items()]
        return FakeSession(request=RequestHead("GET", "/", fields=tuple(fields)), server_name=self.name, **told)

    def take(self, head: ResponseHead) -> None:
        """Remember what an answer gives it."""
        pairs = (value.partition(";")[0].partition("=") for value in head.get_all("set-cookie"))
        self._cookies.update((name, value) for name, _, value in pairs)
        self._given.update(field for field in head.fields if field[0] == "x-sid")

    def asks(self, picker: Any, **told: Any) -> Any:
        """Have a request answered; tell by whom. Backends give it a session of their own."""
        session = self.session(**told)
        backend = picker(session)
        if backend is not None:
            answer = ResponseHead(200, fields=(("set-cookie", "sid=s1"), ("x-sid", "s1")))
            self.take(picker.responded(session, backend, answer))
        return backend


def made(keeper: Any, backends: Sequence[Any], others: Sequence[Any] = (), seed: int = 1) -> Any:
    """The keeper's picker, in as many slices as it takes."""
    picker = keeper.picker(backends, others, Chance(seed))
    while isinstance(picker, Generator):
        try:
            next(picker)
        except StopIteration as finished:
            picker = finished.value
    return picker


def test_provides_the_interface() -> None:
    """It provides `IAlgorithm`, its class is listed as a plugin, and any function of a session will do."""
    sticky = Sticky(OWN)
    assert verifyObject(IAlgorithm, sticky)
    assert IPlugin.providedBy(Sticky)
    assert IAlgorithmPlugin.providedBy(Sticky)
    assert Sticky(server_name).by == Remembered(server_name)


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_the_same_client_has_the_same_backend(kind: Any) -> None:
    """A client goes back to its backend, whoever comes, leaves, or is chosen for others, until that one is gone."""
    keeper, backends, client = Sticky(kind).keeper(), fleet(*["up"] * 4), Client()
    home = client.asks(made(keeper, backends))
    for seed in range(8):
        few = [backend for backend in backends if backend is home or seed & 1 << int(backend.name[1])]
        picker = made(keeper, few, [backend for backend in backends if backend not in few], seed)
        picker(FakeSession())
        assert client.asks(picker) is home
    rest = [backend for backend in backends if backend is not home]
    other = client.asks(made(keeper, rest))
    assert other in rest
    assert client.asks(made(keeper, backends)) is other


def test_a_picker_of_its_own_remembers_for_itself() -> None:
    """Where it is a part of another algorithm it works as long as its picker does."""
    picker: Any = Sticky(header("x-user")).picker(fleet("up", "up", "up"), Chance(1))
    client = Client()
    assert len({client.asks(picker) for _ in range(6)}) == 1
    assert len({Client(name).asks(picker) for name in "abcdef"}) == 3


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(0, 2**32))
def test_own_cookies_agree_between_processes(asked: list[int], seed: int) -> None:
    """A client's cookie leads it to the same backend whichever of several processes it comes to."""
    client = Client()
    homes = set()
    for process in asked:
        picker = made(Sticky(OWN).keeper(), fleet("up", "up", "up"), seed=seed + process)
        homes.add(client.asks(picker).name)
    assert len(homes) == 1


@pytest.mark.parametrize(("draining", "stays"), [("stay", True), ("move", False)])
@pytest.mark.parametrize("state", ["draining", "up"])
def test_who_belongs_to_what_gets_nothing_new(draining: Any, stays: bool, state: str) -> None:
    """Clients of a backend that drains, or comes after others, stay there unless told to move; nobody else goes."""
    keeper, (one, other), client = Sticky(OWN, draining=draining).keeper(), fleet("up", "up"), Client()
    assert client.asks(made(keeper, [one])) is one
    one.become(state=state)
    picker = made(keeper, [other], [one])
    assert {Client().asks(picker) for _ in range(9)} == {other}
    assert client.asks(picker) is (one if stays else other)


def test_where_nobody_gets_anything_new() -> None:
    """While all backends drain, their clients are served and others are not."""
    keeper, (one,), client = Sticky(OWN).keeper(), fleet("up"), Client()
    client.asks(made(keeper, [one]))
    one.become(state="draining")
    picker = made(keeper, [], [one])
    assert client.asks(picker) is one
    assert Client().asks(picker) is None


@pytest.mark.parametrize("state", ["down", "ejected"])
@pytest.mark.parametrize(("down", "moves"), [("move", True), ("refuse", False)])
def test_whose_backend_is_down(state: str, down: Any, moves: bool) -> None:
    """Clients of a backend that is down are given another one, or refused; who is new is not concerned."""
    keeper, (one, other), client = Sticky(OWN, down=down).keeper(), fleet("up", "up"), Client()
    client.asks(made(keeper, [one]))
    one.become(state=state)
    picker = made(keeper, [other], [one])
    assert Client().asks(picker) is other
    assert client.asks(picker) is (other if moves else None)
    assert client.asks(made(keeper, [other])) is other


@pytest.mark.parametrize(("down", "moves"), [("move", True), ("refuse", False)])
def test_whose_backend_failed_the_session(down: Any, moves: bool) -> None:
    """After a failure a session goes on to another backend, or is refused; when the pool refused, it goes on."""
    backends, client = fleet("up", "up"), Client()
    picker = made(Sticky(OWN, down=down).keeper(), backends)
    home = client.asks(picker)
    assert picker(client.session(tried=[home], attempt=1)) is not None
    assert (picker(client.session(tried=[home], attempt=2)) is not None) is moves
    assert picker(Client().session(tried=[home], attempt=2)) is not None


@pytest.mark.parametrize(("full", "waits"), [("wait", True), ("move", False)])
def test_who_waits_for_room(full: Any, waits: bool) -> None:
    """A session belongs to its backend alone, and the pool is told whether it waits for room there."""
    keeper, backends, client = Sticky(OWN, full=full).keeper(), fleet("up", "up"), Client()
    picker = made(keeper, backends)
    home = client.asks(picker)
    assert picker.waits is waits
    assert picker.belongs(client.session(), home)
    assert not any(picker.belongs(client.session(), other) for other in backends if other is not home)
    assert not picker.belongs(Client().session(), home)


def test_backends_do_not_see_the_cookie() -> None:
    """What only the balancer is to know does not reach a backend."""
    picker, client = made(Sticky(OWN).keeper(), fleet("up")), Client()
    home = client.asks(picker)
    head = client.session().request
    assert head is not None
    assert "lb=" in " ".join(head.get_all("cookie"))
    assert "lb=" not in " ".join(picker.requested(client.session(), home, head).get_all("cookie"))


@implementer(IAlgorithm)
class Noted:
    """An algorithm whose picker notes the sessions that end, and signs answers."""

    name = "noted"

    def __init__(self) -> None:
        self.ended: list[Any] = []

    def picker(self, backends: Sequence[Any], random: Any) -> Any:
        noted = self

        class Picker:
            def __call__(self, _session: Any) -> Any:
                return backends[0]

            def released(self, _backend: Any, outcome: Outcome) -> None:
                noted.ended.append(outcome.session)

            def responded(self, _session: Any, _backend: Any, head: ResponseHead) -> ResponseHead:
                return head.with_field("x-signed", "yes")

        return Picker()


def test_the_other_algorithm_hears_of_what_it_chose() -> None:
    """The algorithm for who is new sees the answers and the ends of those that it chose, and no others."""
    noted = Noted()
    keeper, backends, client = Sticky(OWN, noted).keeper(), fleet("up", "up"), Client()
    picker = made(keeper, backends)
    first = client.session()
    home = picker(first)
    answer = picker.responded(first, home, OK)
    assert answer.get("x-signed") == "yes"
    client.take(answer)
    again = client.session()
    assert picker(again) is home
    assert picker.responded(again, home, OK) is OK
    for session in (again, first):
        picker.released(home, Outcome(1.0, 1.0, session=session))
    assert noted.ended == [first]


def test_the_other_algorithm_may_take_its_time() -> None:
    """A picker that is made in slices is made so within this one."""
    sticky = Sticky(OWN, Hash(server_name, Maglev()))
    assert isinstance(sticky.picker(fleet("up", "up"), Chance(1)), Generator)
    assert made(sticky.keeper(), backends := fleet("up", "up"))(Client().session()) in backends


def test_explains() -> None:
    """It tells where a session belongs, and what the other algorithm thinks."""
    backends, client = fleet("up", "up"), Client()
    picker = made(Sticky(OWN, LeastConnections()).keeper(), backends)
    home = client.asks(picker)
    new, known = picker.explain(Client().session()), picker.explain(client.session())
    assert len(new) == 2
    assert known == [(home, 1.0, "the session belongs there"), *new]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"by": "lb"},
            "Sticky: by: 'lb' is no way to know clients by; give OwnCookie('lb', secret), or a function such",
        ),
        (
            {"by": OwnCookie},
            "Sticky: by: OwnCookie is no way to know clients by;",
        ),
        (
            {"otherwise": RoundRobin},
            "Sticky: otherwise: RoundRobin is no algorithm;",
        ),
        ({"draining": "leave"}, "Sticky: draining: 'leave' is not a choice; give 'stay' or 'move'"),
        ({"full": True}, "Sticky: full: True is not a choice; give 'wait' or 'move'"),
        ({"down": None}, "Sticky: down: None is not a choice; give 'move' or 'refuse'"),
    ],
)
def test_mistakes_are_told(settings: dict[str, Any], line: str) -> None:
    """A setting that could not work is told as the config is read."""
    with pytest.raises(ConfigError) as raised:
        Sticky(**{"by": OWN, **settings})
    assert [mistake[: len(line)] for mistake in raised.value.mistakes] == [line]


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_what_is_only_explained_is_not_learned(kind: Any) -> None:
    """A keeper that is still knows where clients belong, and remembers no new ones."""
    keeper, backends = Sticky(kind).keeper(), fleet("up", "up", "up")
    known, home = Client(), made(keeper, backends)
    home = known.asks(home)
    still = made(keeper.still(), backends)
    assert {still(known.session()) for _ in range(9)} == {home}
    assert len({still(Client("bob").session()) for _ in range(9)}) == 3


def test_connections_stick_by_address() -> None:
    """At layer 4 a client is known by where it comes from, and everybody who says nothing of himself is new."""
    picker = made(Sticky(source()).keeper(), fleet("up", "up", "up"))
    ann, bob, nobody = (FakeSession(client=(host, 1)) for host in ("192.0.2.1", "192.0.2.2", ""))
    homes = [picker(one) for one in (ann, bob)]
    assert [picker(nobody) for _ in range(3)] != [picker(nobody)] * 3
    assert [picker(one) for one in (ann, bob)] == homes
    assert homes[0] is not homes[1]
