"""Who may import whom, where import-linter does not look: in `plugins/`, and when everything is really imported."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
OPEN_TO_PLUGINS = ("balancer.core", "balancer.errors", "balancer.interfaces", "balancer.plugins")

IMPORT_ALL = """
import importlib, pkgutil, sys
for name in {blocked!r}:
    sys.modules[name] = None
for name in {packages!r}:
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."):
        importlib.import_module(found.name)
print(*sys.modules)
"""

IMPORT_ELSEWHERE = """
import fcntl, os, select, socket
for module, names in {linux!r}.items():
    module = globals()[module]
    for name in [name for name in dir(module) if name.startswith(names)]:
        delattr(module, name)
import balancer.tap
"""

LINUX = {
    "fcntl": ("F_SETPIPE_SZ", "F_GETPIPE_SZ"),
    "os": ("splice", "SPLICE_", "eventfd", "EFD_", "sched_"),
    "select": ("epoll", "EPOLL"),
    "socket": ("MSG_MORE", "SO_BINDTODEVICE", "SO_INCOMING_CPU", "SO_PEERCRED", "TCP_CORK", "TCP_QUICKACK"),
}
"""What modules of Python have on Linux alone: how these names begin."""


def imported_by(path: Path) -> Iterator[str]:
    """Return the names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield f"{node.module}"
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def loaded_with(packages: list[str], blocked: list[str]) -> set[str]:
    """Import whole packages in a new interpreter in which other ones are absent; return all that was loaded."""
    script = IMPORT_ALL.format(packages=packages, blocked=blocked)
    paths = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: path.name)
def test_plugins_have_no_privileges(path: Path) -> None:
    """A built-in plugin imports of the balancer only what a stranger's plugin may import."""
    ours = [name for name in imported_by(path) if name.partition(".")[0] == "balancer"]
    assert [name for name in ours if not f"{name}.".startswith(tuple(f"{room}." for room in OPEN_TO_PLUGINS))] == []


def test_core_and_config_need_no_twisted() -> None:
    """The core, the interfaces and the config load where Twisted and OpenSSL are not installed."""
    packages = ["balancer.core", "balancer.interfaces", "balancer.config"]
    assert "balancer.core.messages" in loaded_with(packages, ["twisted", "OpenSSL"])


def test_nobody_installs_a_reactor() -> None:
    """Importing every module, plugins included, installs no reactor, so that `twist --reactor` decides."""
    loaded = loaded_with(["balancer"], [])
    assert "balancer.plugins.algorithms" in loaded
    assert "twisted.internet.reactor" not in loaded


def test_linux_is_not_needed() -> None:
    """The balancer loads where the system has none of what only Linux has, and then `twist` runs another reactor."""
    command = [sys.executable, "-c", IMPORT_ELSEWHERE.format(linux=LINUX)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_testing_needs_no_test_framework_to_be_imported() -> None:
    """`balancer.testing` loads without Hypothesis and pytest, so that its fakes serve everywhere."""
    assert "balancer.testing.fakes" in loaded_with(["balancer.testing"], ["hypothesis", "pytest"])
