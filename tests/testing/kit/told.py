"""Runs one promise of the kit and says how it was broken, with all that chance decides left out."""

from __future__ import annotations

import re
from typing import Any

from balancer.testing import conformance
from balancer.testing.kit import Broken

LONGEST = 100
"""Characters of a line that are held."""


def story_of(factory: Any, level: str, **claims: Any) -> str:
    """The whole story; empty where the promise is kept."""
    made = conformance(factory, **{"profile": "quick", **claims})
    try:
        getattr(made(), f"test_{level}")()
    except Broken as broken:
        return str(broken)
    return ""


def moral_of(story: str) -> str:
    """What was promised and what came, without numbers and names of backends."""
    told = "\n".join(story.splitlines()[-2:])
    told = re.sub(r"(?:\bb?[0-9][0-9.e-]*(?:: N)?%?(?:, )?)+", "N ", told)
    told = re.sub(r" +", " ", re.sub(r"(?:<[^>]*>|0x\w+)", "...", told))
    return "\n".join(line[:LONGEST] for line in told.splitlines())


def broken_by(faulty: Any) -> str:
    """The moral of the story about a faulty plugin."""
    return moral_of(story_of(faulty.factory, faulty.level, **faulty.claims))
