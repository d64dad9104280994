"""The faulty plugins: enough of them, each with its fault in words, and none so broken that it cannot be made."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from balancer.core.session import Session
from balancer.interfaces import Kind
from balancer.testing import FakeBackend
from tests.testing.faulty.answering import ANSWERING
from tests.testing.faulty.checks import CHECKS
from tests.testing.faulty.claiming import CLAIMING
from tests.testing.faulty.coming_again import COMING_AGAIN
from tests.testing.faulty.filters import FILTERS
from tests.testing.faulty.hearing import FILTERS as HEARING_FILTERS
from tests.testing.faulty.hearing import MATCHERS as HEARING_MATCHERS
from tests.testing.faulty.lasting import LASTING
from tests.testing.faulty.listing import Faulty
from tests.testing.faulty.matchers import MATCHERS
from tests.testing.faulty.sharing import SHARING
from tests.testing.faulty.slow import SLOW
from tests.testing.faulty.sources import SOURCES
from tests.testing.faulty.well import WELL

ALGORITHMS = [*ANSWERING, *CLAIMING, *LASTING, *SHARING, *COMING_AGAIN]
OBVIOUS = {"AnswersName", "Awaitable", "CountsForTheEngine", "MarksAsTried", "NeedsRequest", "NeverMade", "Sorting"}
"""Those that a single request over TCP shows."""


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        (ALGORITHMS, 15),
        ([*MATCHERS, *HEARING_MATCHERS], 5),
        ([*CHECKS, *WELL], 5),
        ([*FILTERS, *HEARING_FILTERS], 5),
        (SOURCES, 5),
        (SLOW, 5),
    ],
    ids=lambda given: str(given)[:2],
)
def test_there_are_enough(kind: Sequence[Faulty], least: int) -> None:
    """There are faulty plugins of every kind, each another one, and each says in a sentence what is wrong with it."""
    assert len({str(one) for one in kind}) == len(kind) >= least
    assert all((one.factory.__doc__ or "").partition("\n")[0].endswith(".") for one in kind)


@pytest.mark.parametrize("faulty", ALGORITHMS, ids=str)
def test_a_fault_is_not_obvious(faulty: Any) -> None:
    """A faulty algorithm serves one session on three equal backends, so that a quick look does not show the fault."""
    backends = tuple(FakeBackend(name) for name in ("a", "b", "c"))
    served = True
    try:
        chosen = faulty.factory().picker(backends, Random(1))(Session(Kind.TCP, ("192.0.2.1", 40000), 0.0))
        served = chosen in backends
        chosen.close() if hasattr(chosen, "close") else None
    except (AttributeError, TypeError):
        served = False
    assert served is (str(faulty) not in OBVIOUS)
