"""The tables of consistent hashing: shares, movement, agreement, and slices of the work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from random import Random as Chance
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.errors import ConfigError
from balancer.interfaces import IBackend
from balancer.plugins.hash_tables import MOST_POINTS, Hashing, Ketama, Maglev, Rendezvous, Table, hashed
from balancer.plugins.rotation import Offer
from balancer.testing.fakes import FakeBackend

ALL: list[Hashing] = [Maglev(1009), Ketama(), Rendezvous()]
KEYS = [hashed(str(number).encode()) for number in range(500)]

fleets = st.dictionaries(
    st.text("abcxyz.:\u00e9\ud800", min_size=1), st.sampled_from([0.5, 1, 2, 5]), min_size=2, max_size=8
)


def finished(work: Generator[None, None, Table]) -> Table:
    """What the work comes to."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            table: Table = end.value
            return table


def fleet(weights: dict[str, float]) -> list[Offer]:
    """Backends of these names and weights, in the order of names."""
    return [(FakeBackend(name), weights[name]) for name in sorted(weights)]


def alike(count: int) -> list[Offer]:
    """So many backends, b000 and so on, of one weight."""
    return fleet(dict.fromkeys((f"b{number:03}" for number in range(count)), 1.0))


def owners(by: Hashing, offers: Sequence[Offer], keys: Sequence[int] = KEYS) -> list[str]:
    """Who has these keys."""
    table = finished(by.table(offers))
    return [table.owner(key).name for key in keys]


VECTORS = {
    "Maglev": ("223120323221203333302301", "222120222221202132302201"),
    "Ketama": ("121002221330203223002013", "121202221100203211222113"),
    "Rendezvous": ("110003002330231033310333", "110003102222221021320322"),
}
"""Who of b0 to b3 has key0 to key23: of one weight, and of the weights 1, 2, 3 and 0.5."""


@pytest.mark.parametrize("by", [Maglev(), Ketama(), Rendezvous()], ids=repr)
def test_vectors(by: Hashing) -> None:
    """Who has which key is written down, and never changes."""
    keys = [hashed(f"key{number}".encode()) for number in range(24)]
    shares = [dict.fromkeys("0123", 1.0), dict(zip("0123", (1.0, 2.0, 3.0, 0.5), strict=True))]
    fleets = [fleet({f"b{name}": weight for name, weight in share.items()}) for share in shares]
    found = tuple("".join(owner[1] for owner in owners(by, offers, keys)) for offers in fleets)
    assert found == VECTORS[type(by).__name__]
    assert (hashed(b"key"), hashed(b"")) == (0xCE7CCCADC3A94CF5, 0xE4A6A0577479B2B4)


def test_processes_agree() -> None:
    """Another process, with another seed for Python's own hashes, has the same vectors."""
    run = "from tests.plugins.test_hash_tables import *; [test_vectors(by()) for by in (Maglev, Ketama, Rendezvous)]"
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    paths = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), *sys.path]))
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths}
    ran = subprocess.run([sys.executable, "-c", run], env=environment, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()


def paper(names: Sequence[str], size: int) -> list[str]:
    """Maglev's table as its paper writes the rule down, in pseudocode 1."""
    permutations = []
    for name in names:
        digest = blake2b(name.encode(), digest_size=16).digest()
        offset, skip = int.from_bytes(digest[:8], "big") % size, int.from_bytes(digest[8:], "big") % (size - 1) + 1
        permutations.append([(offset + turn * skip) % size for turn in range(size)])
    entry: dict[int, str] = {}
    while len(entry) < size:
        for name, wanted in list(zip(names, permutations, strict=True))[: size - len(entry)]:
            entry[next(slot for slot in wanted if slot not in entry)] = name
    return [entry[slot] for slot in range(size)]


@given(st.sets(st.text("abc123"), min_size=1, max_size=9), st.sampled_from([2, 3, 31, 101]))
def test_maglev_is_the_papers(names: set[str], size: int) -> None:
    """Among equals every slot is whose the paper says."""
    offers = fleet(dict.fromkeys(names, 2.5))
    assert owners(Maglev(size), offers, range(size)) == paper(sorted(names), size)


@given(fleets)
def test_maglev_honours_weights_to_a_slot(weights: dict[str, float]) -> None:
    """A backend lacks a slot of its share at most, and has as many more at most as all the others lack."""
    slots, total = Counter(owners(Maglev(1009), fleet(weights), range(1009))), sum(weights.values())
    for name, weight in weights.items():
        assert -1 <= slots[name] - 1009 * weight / total <= 1 + len(weights) * weight / total


@pytest.mark.parametrize(("by", "most"), [(Maglev(), 1.1), (Ketama(), 1.25), (Rendezvous(), 1.1)], ids=repr)
@pytest.mark.parametrize("heavy", [1.0, 4.0])
def test_shares_are_those_of_the_weights(by: Hashing, most: float, heavy: float) -> None:
    """Of twenty thousand keys no backend has many more than its weight says."""
    offers = [(backend, heavy if place < 5 else 1.0) for place, (backend, _) in enumerate(alike(20))]
    total = sum(weight for _, weight in offers)
    found = Counter(owners(by, offers, [hashed(b"%d" % number) for number in range(20_000)]))
    for backend, weight in offers:
        assert 20_000 * weight / total / most < found[backend.name] < 20_000 * weight / total * most


@given(st.sampled_from([Ketama(), Rendezvous()]), fleets, st.data())
@settings(max_examples=50)
def test_only_what_must_moves(by: Hashing, weights: dict[str, float], data: st.DataObject) -> None:
    """When a backend leaves, only its keys move; when it comes, only to it."""
    gone = data.draw(st.sampled_from(sorted(weights)))
    rest = {name: weight for name, weight in weights.items() if name != gone}
    with_it, without = owners(by, fleet(weights)), owners(by, fleet(rest))
    assert all(before in {after, gone} for before, after in zip(with_it, without, strict=True))


@given(st.sampled_from([Ketama(), Rendezvous()]), fleets, st.data())
@settings(max_examples=50)
def test_more_weight_only_attracts(by: Hashing, weights: dict[str, float], data: st.DataObject) -> None:
    """When a backend gets heavier, keys move to it alone."""
    name = data.draw(st.sampled_from(sorted(weights)))
    before, after = owners(by, fleet(weights)), owners(by, fleet({**weights, name: weights[name] * 2}))
    assert all(new in {old, name} for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize(("size", "most"), [(10, 0.01), (100, 0.02)])
def test_maglev_moves_few_others(size: int, most: float) -> None:
    """When a backend leaves, at most this share of all keys moves that need not."""
    offers, slots = alike(size), range(65537)
    gone = offers[3][0]
    before, after = owners(Maglev(), offers, slots), owners(Maglev(), offers[:3] + offers[4:], slots)
    moved = sum(old not in {new, gone.name} for old, new in zip(before, after, strict=True))
    assert moved <= most * len(slots)


@given(st.sampled_from(ALL), fleets, st.sampled_from(KEYS))
def test_heirs_begin_with_the_owner(by: Hashing, weights: dict[str, float], key: int) -> None:
    """The first in turn is the owner, and all come."""
    table = finished(by.table(fleet(weights)))
    turn = [backend.name for backend in table.heirs(key)]
    assert turn[0] == table.owner(key).name
    assert set(turn) == set(weights)


@given(st.sampled_from([Ketama(), Rendezvous()]), fleets, st.sampled_from(KEYS))
def test_the_next_heir_is_the_next_owner(by: Hashing, weights: dict[str, float], key: int) -> None:
    """Who is next in turn is who has the key when the owner has left."""
    turn = [backend.name for backend in finished(by.table(fleet(weights))).heirs(key)]
    following = next(name for name in turn if name != turn[0])
    rest = {name: weight for name, weight in weights.items() if name != turn[0]}
    assert owners(by, fleet(rest), [key]) == [following]


def test_a_ring_ends_where_it_begins() -> None:
    """A key beyond the last point belongs to the owner of the first."""
    table = finished(Ketama(1).table(alike(3)))
    assert table.owner((1 << 64) - 1) is table.owner(0)
    assert len(list(islice(table.heirs((1 << 64) - 1), 9))) == 3


def test_rings_are_bounded() -> None:
    """However heavy the backends, there are no more points than may be, and each has its share of them."""
    table: Any = finished(Ketama().table(fleet({"a": 1e9, "b": 3e9})))
    points = Counter(backend.name for backend in table.heirs(0))
    assert MOST_POINTS / 2 <= sum(points.values()) <= MOST_POINTS
    assert points["b"] == pytest.approx(3 * points["a"], abs=2)
    assert Counter(backend.name for backend in finished(Ketama().table(fleet({"a": 1e-9, "b": 1}))).heirs(0))["a"] == 1


def slices(by: Hashing, offers: list[tuple[IBackend, float]]) -> list[float]:
    """Milliseconds of this process's own time that each slice took."""
    work = by.table(offers)
    found: list[float] = []
    for _ in range(10**6):
        before = process_time()
        try:
            next(work)
        except StopIteration:
            return found
        finally:
            found.append((process_time() - before) * 1000)
    raise AssertionError("it never ends")


@pytest.mark.no_cover  # to be measured takes several times as long as the work
@pytest.mark.parametrize("by", [Maglev(), Ketama(), Rendezvous()], ids=repr)
@pytest.mark.parametrize("uneven", [False, True])
def test_no_slice_is_long(by: Hashing, uneven: bool) -> None:
    """With 512 backends no slice of the work takes more than 5 ms; the best of three runs of each counts."""
    chance = Chance(1)
    offers = [(backend, chance.choice([1, 2, 5]) if uneven else 1.0) for backend, _ in alike(512)]
    runs = [slices(by, offers) for _ in range(3)]
    assert max(min(times) for times in zip(*runs, strict=True)) < 5


@pytest.mark.parametrize("size", [0, 1, 4, 65536, 655379, 7.0, "7", True, None])
def test_maglev_wants_a_prime(size: Any) -> None:
    """A size that is no prime, or too large, is refused with a line that says so."""
    with pytest.raises(ConfigError, match=r"^Maglev: size: .* is no prime up to 655373; give one such as 65537$"):
        Maglev(size)


@pytest.mark.parametrize("points", [0, 10001, 1.5, None])
def test_ketama_wants_a_number(points: Any) -> None:
    """What is no number of points is refused with a line that says so."""
    with pytest.raises(ConfigError, match=r"^Ketama: points: .* is not a number of points from 1 to 10000; give 160$"):
        Ketama(points)
