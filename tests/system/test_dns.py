"""A DNS server behind the balancer: `dig` gets every answer, whatever its size, by UDP and by TCP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ports import free_ports
from tests.system.process import HOST, Front
from tests.system.programs import Program, said

TEXTS = [f"{number:02d}" * 60 for number in range(12)]
"""Some 1.5 KiB, which is more than a datagram may carry unless EDNS allows it (RFC 1035, 4.2.1; RFC 6891, 6.2.5)."""


@pytest.fixture
def ask(program: Callable[[str], str], tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Run `dig` on a balancer in front of a server of its own; return what it said."""
    (port,) = free_ports(1)
    records = ["--host-record=small.example,192.0.2.1", *(f"--txt-record=large.example,{text}" for text in TEXTS)]
    where = [f"--port={port}", f"--listen-address={HOST}", "--bind-interfaces", f"--pid-file={tmp_path / 'pid'}"]
    alone = [
        "--no-daemon",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--local=/example/",
        "--edns-packet-max=4096",
    ]
    with Program(program("dnsmasq"), *alone, *where, *records) as names:
        names.says("started")
        with Front(tmp_path, port, udp="idle=5") as front:
            dig = [program("dig"), f"@{HOST}", "-p", str(front.port), "+tries=1", "+time=5"]
            yield lambda *arguments: said(*dig, *arguments)


def test_small_answers(ask: Callable[..., str]) -> None:
    """A name is looked up by UDP and by TCP, and fifty in a row too."""
    for way in ("+notcp", "+tcp"):
        assert ask("small.example", "+short", way) == "192.0.2.1\n"
        assert ask(*["small.example"] * 50, "+short", way, "+keepopen") == "192.0.2.1\n" * 50


def test_a_large_datagram(ask: Callable[..., str]) -> None:
    """An answer of more than 512 bytes arrives in one datagram when EDNS allows it."""
    answer = ask("large.example", "TXT", "+bufsize=4096", "+ignore")
    assert all(text in answer for text in TEXTS)
    assert "(UDP)" in answer


def test_a_truncated_answer(ask: Callable[..., str]) -> None:
    """An answer that is cut short in its datagram is had whole by TCP."""
    assert " tc " in ask("large.example", "TXT", "+noedns", "+ignore")
    answer = ask("large.example", "TXT", "+noedns")
    assert "retrying in TCP mode" in answer
    assert all(text in answer for text in TEXTS)
    assert "(TCP)" in answer
