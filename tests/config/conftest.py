"""Configs written to a file and loaded, as a user's are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from balancer.config import Config, load
from balancer.errors import ConfigError

HEAD = "from balancer import ACME, TLS, Backend, Config, Health, HTTPListener, Pool, Route, TCPListener, UDPListener\n"

Load = Callable[[str], Config]
Told = Callable[[str], list[str]]


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a config from its text, which starts at line 2 of conf.py after an import of all nouns."""
    monkeypatch.chdir(tmp_path)

    def write_and_load(text: str) -> Config:
        Path("conf.py").write_text(HEAD + dedent(text))
        return load("conf.py")

    return write_and_load


@pytest.fixture
def told(loaded: Load) -> Told:
    """The lines that loading such a text raises."""

    def lines(text: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            loaded(text)
        return list(caught.value.mistakes)

    return lines
