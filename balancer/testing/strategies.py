"""Hypothesis strategies for what plugins and codecs are fed; needs the extra `balancer[testing]` when called."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from balancer.testing.fakes import FakeBackend

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

WEIGHTS = (1, 2, 3, 5, 10, 100, 0.5, 0.1)
ZONES = ("", "east", "west")
TAGS = ("canary", "gpu", "replica")


def splits(data: bytes) -> SearchStrategy[list[bytes]]:
    """Lists of non-empty bytes whose join is `data`, many with cuts of one byte; the empty list for no data.

    Raises `ModuleNotFoundError` without Hypothesis.
    """
    strategies = hypothesis_strategies()
    size = strategies.integers(1, 3) | strategies.integers(1, max(1, len(data)))
    sizes = strategies.lists(size, max_size=len(data)) | strategies.just([1] * len(data))
    pieces: SearchStrategy[list[bytes]] = sizes.map(partial(_cut, data))
    return pieces


def backends(min_size: int = 1, max_size: int = 8) -> SearchStrategy[list[FakeBackend]]:
    """Lists of `FakeBackend`s that are up, of different names, and else of any kind.

    Raises `ModuleNotFoundError` without Hypothesis.
    """
    strategies = hypothesis_strategies()
    backend = strategies.builds(
        FakeBackend,
        weight=strategies.sampled_from(WEIGHTS),
        zone=strategies.sampled_from(ZONES),
        tags=strategies.frozensets(strategies.sampled_from(TAGS)),
        tier=strategies.integers(0, 2),
        active=strategies.integers(0, 1000),
        latency=strategies.none() | strategies.floats(0.0001, 30.0),
    )
    drawn: SearchStrategy[list[FakeBackend]] = strategies.lists(backend, min_size=min_size, max_size=max_size)
    return drawn.map(_named)


def snapshots(max_size: int = 8) -> SearchStrategy[tuple[FakeBackend, ...]]:
    """What an algorithm makes a picker for: backends of one tier, at least one. Raises `ModuleNotFoundError`."""
    offered: SearchStrategy[tuple[FakeBackend, ...]] = backends(1, max_size).map(_in_one_tier)
    return offered


def hypothesis_strategies() -> Any:
    """The module `hypothesis.strategies`. Raises `ModuleNotFoundError` that says what to install."""
    try:
        from hypothesis import strategies  # noqa: PLC0415 - the rest of balancer.testing must work without it
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the strategies need Hypothesis; install balancer[testing]", name=error.name
        ) from error
    return strategies


def _cut(data: bytes, sizes: Iterable[int]) -> list[bytes]:
    """Cut pieces of these sizes off the front; what remains is the last piece."""
    pieces, start = [], 0
    for size in sizes:
        pieces.append(data[start : start + size])
        start += size
    return [piece for piece in (*pieces, data[start:]) if piece]


def _in_one_tier(drawn: list[FakeBackend]) -> tuple[FakeBackend, ...]:
    for backend in drawn:
        backend.become(tier=0)
    return tuple(drawn)


def _named(drawn: list[FakeBackend]) -> list[FakeBackend]:
    for number, backend in enumerate(drawn):
        backend.become(name=f"b{number}", address=f"10.0.0.{number + 1}:8080")
    return drawn
