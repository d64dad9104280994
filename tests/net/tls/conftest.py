"""What tests of TLS get: an authority that they may believe."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.net.authority import Authority
from tests.net.tls.farther import Trusted


@pytest.fixture
def trusted(tmp_path: Path) -> Trusted:
    """An authority of the test's own."""
    authority = Authority()
    return Trusted(authority, tmp_path, authority.store(tmp_path))
