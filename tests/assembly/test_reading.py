"""Files read at the start, and again when they change."""

from __future__ import annotations

import attrs
import pytest

from balancer.assembly.reading import read_files
from balancer.errors import StartError
from balancer.net.tls.credentials import Unusable
from balancer.net.tls.files import Look
from tests.assembly.parts import assembled, relay
from tests.net.house import lines, listening


@attrs.define
class Files:
    """Something that is read, which changes while it is: `net.tls.reloading.Watched`."""

    version: int = 1
    faults: tuple[str, ...] = ()
    used: list[int] = attrs.Factory(list)

    def look(self) -> Look:
        return frozenset({("a", self.version, 0, 0)})

    def load(self) -> int:
        if self.faults:
            raise Unusable(self.faults)
        self.version += 1
        return self.version

    def use(self, loaded: int) -> None:
        self.used.append(loaded)

    def tick(self) -> None:
        pass


def test_what_changes_while_it_is_read() -> None:
    """A change between the look and the reading at the start is found at the next look."""
    parts, files = assembled(relay()), Files()
    reloading = read_files(parts, "it", files, every=10.0)
    assert files.used == [2]
    with listening() as events:
        reloading.start()
        for _ in range(3):
            parts.reactor.advance(10.5)
        reloading.stop()
    assert files.used[1:]
    assert set(lines(events)) == {"its files were read anew"}


def test_what_cannot_be_used() -> None:
    """There is no start without what the files should hold, and the line that says so names their owner."""
    with pytest.raises(StartError, match=r"^it: a\.pem: is empty$"):
        read_files(assembled(relay()), "it", Files(faults=("a.pem: is empty",)), every=10.0)
