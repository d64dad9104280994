"""A pytest plugin (`-p tests.net.lean_plugin`): the tests that want the reactor get the lean one."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Install it before pytest-twisted looks for the default, of whose class it is."""
    from balancer.net.reactor import install  # not earlier, for the sake of measured coverage

    install()
