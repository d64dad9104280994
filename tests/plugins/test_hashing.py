"""Hashing of a key: what keys there are, and that the same key has the same backend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from functools import partial
from ipaddress import IPv6Address
from random import Random as Chance
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.core.messages import RequestHead
from balancer.errors import ConfigError
from balancer.interfaces import IAlgorithm, IAlgorithmPlugin, Kind
from balancer.plugins.hashing import (
    HEIRS,
    Hash,
    Ketama,
    Maglev,
    Rendezvous,
    SourceHash,
    capture,
    cookie,
    header,
    peeked,
    query,
    server_name,
    source,
    uri,
)
from balancer.testing.fakes import FakeBackend, FakeSession

WAYS = [Maglev(1009), Ketama(), Rendezvous()]
REQUEST = RequestHead(
    "GET",
    "/shop/cart/items?user=a%20b&user=c&empty=",
    "www.example.com",
    fields=(("x-user", "ann"), ("x-user", "bob"), ("cookie", "id=7; other=8")),
)
SESSION = FakeSession(request=REQUEST, captures={"tenant": "red"}, server_name="a.example", peek=b"\x00abcdef")

hosts = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6, network="2000::/3")).map(str)


def fleet(*weights: float) -> list[FakeBackend]:
    """Backends b0, b1 and so on of these weights."""
    return [FakeBackend(f"b{place}", weight=weight) for place, weight in enumerate(weights)]


def pick_with(algorithm: Any, backends: list[FakeBackend], seed: int = 1) -> Any:
    """The picker, made in as many slices as it takes."""
    made = algorithm.picker(backends, Chance(seed))
    while isinstance(made, Generator):
        try:
            next(made)
        except StopIteration as finished:
            made = finished.value
    return made


def clients(*found: str) -> list[FakeSession]:
    """Sessions of clients at these addresses."""
    return [FakeSession(client=(host, 40000 + place)) for place, host in enumerate(found)]


@pytest.mark.parametrize("algorithm", [Hash(server_name), SourceHash()], ids=repr)
def test_provides_the_interface(algorithm: Any) -> None:
    """Both provide `IAlgorithm`, and their classes are listed as plugins."""
    assert verifyObject(IAlgorithm, algorithm)
    assert IPlugin.providedBy(type(algorithm))
    assert IAlgorithmPlugin.providedBy(type(algorithm))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (header("X-User"), "ann"),
        (header("x-none"), None),
        (cookie("id"), "7"),
        (cookie("none"), None),
        (query("user"), "a b"),
        (query("empty"), ""),
        (query("none"), None),
        (uri(), "/shop/cart/items"),
        (uri(1), "/shop"),
        (uri(2), "/shop/cart"),
        (uri(9), "/shop/cart/items"),
        (capture("tenant"), "red"),
        (capture("none"), None),
        (server_name, "a.example"),
        (peeked(3), b"\x00ab"),
        (peeked(3, 4), b"def"),
        (peeked(3, 5), None),
    ],
)
def test_keys(key: Any, value: Any) -> None:
    """Each key is what the session says of itself, or None."""
    assert key(SESSION) == value


@pytest.mark.parametrize("key", [header("a"), cookie("a"), query("a"), uri(), uri(2)])
def test_keys_of_requests_are_none_without_one(key: Any) -> None:
    """A session that is no request has no key that only requests have."""
    assert key(FakeSession()) is None


MISTAKES: list[tuple[Any, Any, str]] = [
    (header, 3, "header: name: 3 is not a name; write it in quotes"),
    (cookie, "", "cookie: name: '' is not a name; write it in quotes"),
    (query, None, "query: name: None is not a name; write it in quotes"),
    (capture, b"x", "capture: name: b'x' is not a name; write it in quotes"),
    (uri, 0, "uri: depth: 0 is not a number from 1 to 65535"),
    (peeked, 0, "peeked: length: 0 is not a number from 1 to 65535"),
    (partial(peeked, 1), -1, "peeked: offset: -1 is not a number from 0 to 65535"),
    (Hash, "x", "Hash: key: 'x' is no function of the session; give one such as header('x-user')"),
    (Hash, cookie, "Hash: key: cookie is no function of the session; give one such as header('x-user')"),
    (Hash, Hash, "Hash: key: Hash is no function of the session; give one such as header('x-user')"),
    (SourceHash, 3, "SourceHash: by: 3 is no way of hashing; give one such as Maglev(), Ketama() or Rendezvous()"),
    (
        lambda bits: SourceHash(ipv6_prefix=bits),
        129,
        "SourceHash: ipv6_prefix: 129 is not a number of bits from 1 to 128",
    ),
    (lambda bits: SourceHash(ipv4_prefix=bits), 0, "SourceHash: ipv4_prefix: 0 is not a number of bits from 1 to 32"),
]


@pytest.mark.parametrize(("make", "value", "line"), MISTAKES)
def test_mistakes_are_told(make: Any, value: Any, line: str) -> None:
    """What cannot be a setting is refused with a line that names it and the remedy."""
    with pytest.raises(ConfigError) as caught:
        make(value)
    assert caught.value.mistakes == (line,)


def test_every_mistake_is_told_at_once() -> None:
    """Two wrong settings have a line each, and a class is no way of hashing."""
    with pytest.raises(ConfigError) as caught:
        Hash(None, by=Maglev)  # type: ignore[arg-type]  # what is to be told
    assert len(caught.value.mistakes) == 2


@given(st.sampled_from(WAYS), st.one_of(st.text(min_size=1), st.binary(min_size=1)), st.permutations(fleet(1, 2, 1, 3)))
def test_the_same_key_has_the_same_backend(by: Any, key: Any, backends: list[FakeBackend]) -> None:
    """Whatever the order of the backends and whatever chance says, a key has one backend, and it was offered."""
    pickers = [pick_with(Hash(lambda _: key, by), found, seed) for seed, found in enumerate((backends, backends[::-1]))]
    chosen = {picker(SESSION) for picker in pickers for _ in range(3)}
    assert len(chosen) == 1
    assert chosen <= set(backends)


@pytest.mark.parametrize("by", WAYS, ids=repr)
def test_texts_and_bytes_are_alike(by: Any) -> None:
    """A text has the backend of its bytes in UTF-8."""
    backends = fleet(1, 1, 1, 1)
    for text in ("caf\u00e9", "a", "7"):
        keys: list[Any] = [text, text.encode()]
        assert (
            len({pick_with(Hash(capture("key"), by), backends)(FakeSession(captures={"key": key})) for key in keys})
            == 1
        )


@pytest.mark.parametrize("nothing", [None, "", b""])
def test_without_a_key_chance_decides(nothing: Any) -> None:
    """Sessions without a key, or with an empty one, are spread by weight."""
    picker = pick_with(Hash(lambda _: nothing, Ketama()), fleet(1, 3))
    counts = Counter(picker(SESSION).name for _ in range(4000))
    assert 850 < counts["b0"] < 1150


@given(st.sampled_from(WAYS), st.sets(st.integers(0, 4), max_size=4), st.text(min_size=1))
def test_who_was_tried_is_passed_over(by: Any, places: set[int], key: str) -> None:
    """A key whose backend was tried has another one, always the same, as long as there is one."""
    backends = fleet(1, 1, 1, 1, 1)
    tried = [backends[place] for place in places]
    picker = pick_with(Hash(lambda _: key, by), backends)
    chosen = {picker(FakeSession(tried=tried)) for _ in range(4)}
    assert len(chosen) == 1
    assert not chosen & set(tried)


@pytest.mark.parametrize("by", WAYS, ids=repr)
def test_when_all_were_tried_one_is_chosen_still(by: Any) -> None:
    """A picker answers, even if the pool will refuse it."""
    backends = fleet(1, 1)
    assert pick_with(Hash(server_name, by), backends)(FakeSession(server_name="a", tried=backends)) in backends


def test_the_search_for_an_heir_is_bounded() -> None:
    """Where most of a table is one's that was tried, only so many steps are taken."""
    backends = fleet(1, 1)
    turn = iter([backends[0]] * 2 * HEIRS)

    class Lopsided:
        """All of it is the first one's."""

        def table(self, _offers: Any) -> Generator[None, None, Any]:
            yield from ()
            return SimpleNamespace(owner=lambda _key: backends[0], heirs=lambda _key: turn)

    pick_with(Hash(server_name, Lopsided()), backends)(FakeSession(server_name="a", tried=backends[:1]))
    assert len(list(turn)) == HEIRS


@given(hosts, st.integers(0, 2**64 - 1))
def test_source_hash_keeps_a_network_together(host: str, low: int) -> None:
    """All addresses of a /64 of IPv6 have one backend, and so has one of IPv4 from whatever port."""
    picker = pick_with(SourceHash(Ketama()), fleet(1, 1, 1, 1, 1))
    near = str(IPv6Address(int(IPv6Address(host)) >> 64 << 64 | low)) if ":" in host else host
    assert len({picker(session) for session in clients(host, near)}) == 1


def test_addresses_are_told_apart_by_prefix() -> None:
    """What is within the prefix tells clients apart, what is behind it does not; mapped addresses are seen."""
    key = source(ipv4_prefix=24, ipv6_prefix=48)
    fours = ("192.0.2.1", "192.0.2.200", "::ffff:192.0.2.7", "192.0.3.1")
    sixes = ("2001:db8:1::1", "2001:db8:1:2::1%eth0", "2001:db8:2::1")
    keys = [key(session) for session in clients(*fours, *sixes, "")]
    assert keys[0] == keys[1] == keys[2]
    assert keys[4] == keys[5]
    assert len({keys[0], keys[3], keys[4], keys[6]} | {keys[7], None}) == 5
    assert source()(clients("::ffff:192.0.2.7")[0]) == "192.0.2.7"


def test_source_hash_of_nobody_is_chance() -> None:
    """Clients on a unix socket, which have no address, are spread."""
    picker = pick_with(SourceHash(Ketama(), ipv4_prefix=24), fleet(1, 1))
    assert len({picker(session).name for session in clients(*[""] * 30)}) == 2


@given(st.sampled_from(WAYS), st.sets(hosts, min_size=1, max_size=30), st.integers(0, 3))
def test_those_who_may_stay_stay(by: Any, found: set[str], gone: int) -> None:
    """When a backend leaves, its clients are spread over the others; by Ketama and Rendezvous only they move."""
    backends = fleet(1, 2, 1, 1)
    rest = [backend for place, backend in enumerate(backends) if place != gone]
    before, after = (pick_with(SourceHash(by), some) for some in (backends, rest))
    moved = [one for one in clients(*found) if before(one) is not after(one) and before(one) is not backends[gone]]
    assert not moved or isinstance(by, Maglev)
    assert all(after(one) in rest for one in clients(*found))


@pytest.mark.parametrize("by", WAYS)
def test_the_order_of_a_key_is_told(by: Any) -> None:
    """An explanation has the backends in the order in which they have the key, as those before are tried."""
    backends = fleet(1, 2, 1, 1)
    picker = pick_with(Hash(header("x-user"), by), backends)
    told = picker.explain(SESSION)
    assert [note for _, _, note in told] == ["owns key 'ann'"] + ["next for key 'ann'"] * 3
    assert [score for _, score, _ in told] == [1, 2, 3, 4]
    tried: list[FakeBackend] = []
    for backend, _, _ in told:
        assert picker(FakeSession(request=REQUEST, tried=tried)) is backend
        tried.append(backend)


def test_a_long_key_is_told_in_part() -> None:
    """Whatever a client says, a note stays short; without a key it says that chance decides."""
    picker = pick_with(Hash(peeked(2000)), fleet(1, 3))
    (_, _, note), *_ = picker.explain(FakeSession(peek=bytes(2000)))
    assert len(note) < 80
    assert note.endswith("\\x0...")
    assert [(share, note) for _, share, note in picker.explain(FakeSession())] == [
        (0.25, "no key, by chance: weight 1"),
        (0.75, "no key, by chance: weight 3"),
    ]


def test_addresses_of_so_many_bits() -> None:
    """A /64 of IPv6 is one key, and each address of IPv4, unless told otherwise; what is no prefix is told."""
    near, far, four, other = map(source(), clients("2001:db8::1", "2001:db8:0:1::1", "192.0.2.1", "192.0.2.2"))
    assert source()(clients("2001:db8::2")[0]) == near
    assert len({near, far, four, other}) == 4
    with pytest.raises(ConfigError) as raised:
        source(0, 33)
    assert raised.value.mistakes == (
        "source: ipv6_prefix: 0 is not a number from 1 to 128",
        "source: ipv4_prefix: 33 is not a number from 1 to 32",
    )


@pytest.mark.parametrize("text", ["header('X')", "cookie('c')", "query('q')", "uri()", "uri(depth=2)"])
def test_keys_of_requests(text: str) -> None:
    """What is hashed is shown as it was written, and what only a request has says so."""
    made = Hash(eval(text))  # noqa: S307  our own text
    assert repr(made).startswith(f"Hash(key={text}, by=")
    assert made.kinds == {Kind.HTTP}


@pytest.mark.parametrize("text", ["capture('c')", "peeked(4, 2)", "source(56, 24)", "server_name"])
def test_keys_of_sessions(text: str) -> None:
    """What sessions of other kinds may have as well is for all of them, and shown in the same way."""
    made = Hash(eval(text))  # noqa: S307  our own text
    assert repr(made).startswith(f"Hash(key={text}, by=")
    assert made.kinds == set(Kind)
