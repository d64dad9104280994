"""Lines out of bytes: the same in any split, and never longer than allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.lines import Lines
from balancer.errors import ControlRefused
from balancer.testing.strategies import splits

LONGEST = 8
BYTES = st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\x00", b"0123456"]), max_size=20).map(b"".join)


def read(pieces: list[bytes]) -> list[bytes | None]:
    """The lines, and None at the end if one was too long; asked for after every piece."""
    lines, found = Lines(LONGEST), list[bytes | None]()
    for piece in pieces:
        lines.receive(piece)
        try:
            while (line := lines.next()) is not None:
                found.append(line)
        except ControlRefused:
            return [*found, None]
    return found


def expected(data: bytes) -> list[bytes | None]:
    """The same, by what the words mean."""
    *whole, rest = data.split(b"\n")
    found = list[bytes | None]()
    for line in whole:
        if len(line) > LONGEST:
            return [*found, None]
        found.append(line)
    return [*found, None] if len(rest) > LONGEST else found


@given(BYTES.flatmap(lambda data: st.tuples(st.just(data), splits(data))))
def test_lines_do_not_depend_on_the_split(given_bytes: tuple[bytes, list[bytes]]) -> None:
    """However the bytes are cut, the lines are the same, and a line that is too long ends them at the same place."""
    data, pieces = given_bytes
    assert read([data]) == read(list(pieces)) == expected(data)


def test_a_line_that_is_too_long_stays_so() -> None:
    """There is no way on behind a line that is too long, whether its end has come or not."""
    lines = Lines(LONGEST)
    lines.receive(b"x" * LONGEST)
    assert lines.next() is None
    for more in (b"x", b"\n{}\n"):
        lines.receive(more)
        with pytest.raises(ControlRefused, match="longer than 8 bytes"):
            lines.next()
