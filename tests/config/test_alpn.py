"""Names of protocols, as users give them."""

from __future__ import annotations

import pytest

from balancer.config.alpn import wrong_protocols
from balancer.config.mistakes import shown


@pytest.mark.parametrize("name", ["", "h2\n", "é", "x" * 256, 2, None])
def test_what_is_no_name(name: object) -> None:
    """What cannot be sent as a name, or not be read in a log, is told; the others are not."""
    (line,) = wrong_protocols(["h2", name])
    assert line == f"alpn: {shown(name)} is no protocol's name; give one such as 'http/1.1'"


def test_names() -> None:
    """A name is up to 255 characters that can be printed."""
    assert list(wrong_protocols(["h2", "http/1.1", "x" * 255])) == []
