"""From samples to the figures of a table: cost for a unit, and the ratio to the reference within each round.

The speed of a machine drifts, so a ratio is taken between peers of the same round, and the result is the median over
the rounds. Pure; refuses to know how a sample was taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

import attrs

from benchmarks.processes import Usage


@attrs.frozen
class Workload:
    """One kind of work: what the load does (`kind`), and against which port of a peer.

    A unit is what is counted, `per` of them make one of what the table shows, in `scale` nanoseconds called `shown`.
    """

    name: str
    what: str
    kind: str
    port: str
    shown: str = "us"
    scale: float = 1000.0
    per: int = 1
    reference: str = "haproxy"


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("h1", "HTTP/1.1 requests with tiny answers, keep-alive", "ask", "port_h1"),
        Workload("h1-conn", "the same, a connection for each", "connect", "port_h1"),
        Workload("tls-h1", "as h1, over TLS 1.3", "ask-tls", "port_tls"),
        Workload("tls-full", "the same, a connection with a full handshake for each", "shake", "port_tls"),
        Workload("tls-resume", "the same, each handshake resuming a session", "resume", "port_tls"),
        Workload("l4-rr", "round trips on relayed TCP connections", "ask", "port_l4"),
        Workload("l4-conn", "the same, a connection for each", "connect", "port_l4"),
        Workload("l4-bulk", "KiB through one relayed TCP connection", "pour", "port_bulk", "ns", 1.0, 1024),
        Workload("udp-rr", "round trips of relayed datagrams", "echo", "port_udp", reference="nginx"),
    )
}


@attrs.frozen
class Sample:
    """One turn of one peer: what it used, and how many units were done, in how many seconds."""

    round: int
    peer: str
    usage: Usage
    done: int
    seconds: float

    @property
    def cost(self) -> float:
        """Nanoseconds of processor time for a unit."""
        return self.usage.total / self.done


@attrs.frozen
class Figures:
    """What the table says of one peer at one workload; shares are of 1, `ratio` is None without a reference."""

    peer: str
    cost: float
    system: float
    busy: float
    ratio: float | None


def figures(samples: Sequence[Sample], workload: Workload) -> list[Figures]:
    """The figures of each peer, in the order of their first turn in the first round."""
    reference = {sample.round: sample.cost for sample in samples if sample.peer == workload.reference}
    peers = dict.fromkeys(sample.peer for sample in samples)
    return [_figures_of([s for s in samples if s.peer == peer], workload, reference) for peer in peers]


def _figures_of(own: Sequence[Sample], workload: Workload, reference: dict[int, float]) -> Figures:
    ratios = [sample.cost / reference[sample.round] for sample in own if sample.round in reference]
    used = sum((sample.usage for sample in own), Usage())
    return Figures(
        peer=own[0].peer,
        cost=median(sample.cost for sample in own) * workload.per / workload.scale,
        system=used.system / max(1, used.user + used.system),
        busy=used.total / 1e9 / sum(sample.seconds for sample in own),
        ratio=median(ratios) if ratios else None,
    )


HEADINGS = ("workload", "peer", "cost", "user", "system", "core busy", "ratio")


def rows(found: Iterable[Figures], workload: Workload) -> list[tuple[str, ...]]:
    """A line of the table for each peer."""
    return [
        (
            workload.name,
            one.peer,
            f"{one.cost:.1f} {workload.shown}",
            f"{1 - one.system:.0%}",
            f"{one.system:.0%}",
            f"{one.busy:.0%}",
            "" if one.ratio is None else f"{one.ratio:.2f} x {workload.reference}",
        )
        for one in found
    ]


def table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """The lines in columns, as a table of Markdown that is plain to read as it is; figures stand to the right."""
    widths = [max(map(len, column)) for column in zip(headings, *lines, strict=True)]
    left = [heading in {"workload", "peer", "what"} for heading in headings]
    marks = ["-" * width if start else "-" * (width - 1) + ":" for width, start in zip(widths, left, strict=True)]
    shown = [
        " | ".join(
            cell.ljust(width) if start else cell.rjust(width)
            for cell, width, start in zip(line, widths, left, strict=True)
        )
        for line in (headings, marks, *lines)
    ]
    return "\n".join(f"| {line} |" for line in shown)
