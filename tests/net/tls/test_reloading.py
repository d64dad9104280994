"""Files that are read again: when they change and hold, at once when told to, and never into something broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.python.failure import Failure

from balancer.core.deadlines import Deadlines
from balancer.net.tls.credentials import Unusable
from balancer.net.tls.files import Look
from balancer.net.tls.reloading import Reloading
from tests.core.virtual_time import VirtualTime

EVERY = 10


def looked(number: int) -> Look:
    """How files are at that time."""
    return frozenset({("a", number, 0, 0)})


class Files:
    """Files of the test's, and the work of reading them, which waits to be done where it is put off."""

    def __init__(self) -> None:
        self.number, self.threads = 0, 1
        self.error: Exception | None = None
        self.used: list[int] = []
        self.ticks = self.loads = 0
        self.told: list[str] = []
        self.time = VirtualTime()
        self.put_off: list[Callable[[], object]] | None = None
        self.reloading = Reloading(
            self,
            self.look(),
            every=EVERY,
            deadlines=Deadlines(self.time),
            aside=self.aside,
            tell=self.told.append,
            warn=self.told.append,
        )

    def pass_looks(self, count: int) -> None:
        """Let so many looks pass."""
        for _ in range(count):
            self.time.advance(EVERY + 0.2)

    def look(self) -> Look:
        """How they are."""
        return looked(self.number)

    def load(self) -> int:
        """What is in them, or what is wrong with that."""
        self.loads += 1
        if self.error is not None:
            raise self.error
        return self.number

    def use(self, loaded: int) -> None:
        """It is in use."""
        self.used.append(loaded)

    def tick(self) -> None:
        """Some time has passed."""
        self.ticks += 1

    def aside(self, work: Callable[[], Any], told: Callable[[bool, Any], object]) -> None:
        """Work at once, unless that is put off, or there is no thread."""
        if not self.threads:
            told(False, Failure(OSError("no thread")))
        elif self.put_off is None:
            told(True, work())
        else:
            self.put_off.append(lambda: told(True, work()))


@pytest.fixture
def files() -> Files:
    """Files that are looked at."""
    files = Files()
    files.reloading.start()
    return files


BROKEN = Unusable(["a.pem: is broken; mend it", "b.pem: is, too; mend it"])
REFUSED = [f"{fault}; what was there before stays in use" for fault in BROKEN.faults]


def test_what_does_not_change_is_not_read(files: Files) -> None:
    """Files are looked at every so often, and read only once they have changed."""
    files.pass_looks(3)
    assert (files.ticks, files.loads, files.told) == (4, 0, [])
    files.number = 1
    files.pass_looks(3)
    assert (files.used, files.loads, files.told) == ([1], 1, ["its files were read anew"])
    assert (files.reloading.reloaded, files.reloading.refused) == (1, 0)


def test_what_is_broken_is_refused_once(files: Files) -> None:
    """Files that cannot be used, and are no better at the next look, are told of once; what was there before stays."""
    files.number, files.error = 1, BROKEN
    files.pass_looks(1)
    assert files.told == []
    files.pass_looks(5)
    assert (files.told, files.used, files.loads) == (REFUSED, [], 2)
    assert files.reloading.refused == 1
    files.number, files.error = 2, None
    files.pass_looks(1)
    assert files.used == [2]


def test_what_is_half_done_is_not_told(files: Files) -> None:
    """Files of which one has changed before the other are nothing to tell of."""
    files.number, files.error = 1, BROKEN
    files.pass_looks(1)
    files.number, files.error = 2, None
    files.pass_looks(1)
    assert (files.told, files.used, files.reloading.refused) == (["its files were read anew"], [2], 0)


def test_what_was_there_before_is_nothing_new(files: Files) -> None:
    """Files that are put back as they were are not read, whatever was refused meanwhile."""
    files.number, files.error = 1, BROKEN
    files.pass_looks(2)
    files.number = 0
    files.pass_looks(2)
    assert (files.told, files.loads) == (REFUSED, 2)


def test_at_once(files: Files) -> None:
    """When told to, files are read at once, whether they have changed or not, and what is wrong is told each time."""
    files.reloading.now()
    assert (files.used, files.told) == ([0], ["its files were read anew"])
    files.error = BROKEN
    files.reloading.now()
    files.reloading.now()
    assert files.told[1:] == [*REFUSED, *REFUSED]
    assert files.reloading.refused == 2


def test_whatever_breaks_is_told(files: Files) -> None:
    """What nobody has foreseen of files is told in its own words, and ends nothing."""
    files.error = ValueError("strange")
    files.reloading.now()
    assert files.told == ["ValueError: strange; what was there before stays in use"]


def test_one_reading_at_a_time(files: Files) -> None:
    """While files are read nobody else reads them, and who is told to meanwhile does so afterwards, once."""
    files.put_off = []
    files.number = 1
    files.pass_looks(3)
    files.reloading.now()
    files.reloading.now()
    assert len(files.put_off) == 1
    files.put_off.pop()()
    assert files.used == [1]
    files.put_off.pop()()
    assert (files.used, files.put_off) == ([1, 1], [])


def test_without_a_thread_the_next_time_is_soon_enough(files: Files) -> None:
    """Where the system has no thread to work in, nothing is told, and the next look finds what there is."""
    files.number, files.threads = 1, 0
    files.pass_looks(1)
    assert (files.told, files.used) == ([], [])
    files.threads = 1
    files.pass_looks(1)
    assert (files.told, files.used) == (["its files were read anew"], [1])


def test_an_end(files: Files) -> None:
    """Nothing is looked at once that is over, and it may be over before it began."""
    files.reloading.stop()
    files.number = 1
    files.pass_looks(5)
    assert (files.ticks, files.loads) == (1, 0)
    Files().reloading.stop()
