"""Examples that run as they stand, but on ports that are free; knows nothing of what they serve."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.ports import free_ports

EXAMPLES = Path(__file__).parents[2] / "examples"
PORT = re.compile(r"\b[89]\d{3}\b")


def copied(examples: Iterable[Path], folder: Path) -> Mapping[int, int]:
    """Write copies of these files into a folder; return the ports that they have in place of their own."""
    texts = {path.name: path.read_text() for path in examples}
    own = sorted({*PORT.findall("".join(texts.values()))})
    ports = dict(zip(own, map(str, free_ports(len(own))), strict=True))
    for name, text in texts.items():
        (folder / name).write_text(PORT.sub(lambda found: ports[found[0]], text))
    return {int(port): int(free) for port, free in ports.items()}
