"""The office that every question to an authority goes to, in place of a network."""

from __future__ import annotations

from functools import partialmethod
from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from tests.net.acme.office import Office


def _sent(adapter: Any, office: Office, *given: Any, **settings: Any) -> Any:
    return office.send(adapter, *given, **settings)


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Office:
    """Where all requests of HTTP go."""
    made = Office()
    monkeypatch.setattr(HTTPAdapter, "send", partialmethod(_sent, made))
    return made
