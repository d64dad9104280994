"""Runs Twisted's own suites on the lean reactor, in a process of their own; says as JSON what did not succeed.

Tests that Twisted writes for every reactor are made for ours alone, and the rest run with ours installed.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
import unittest
from collections.abc import Iterator
from typing import Any

from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.trial import util
from twisted.trial.reporter import Reporter
from twisted.trial.runner import TestLoader, TestSuite, TrialRunner

from balancer.net.reactor import install

MODULES = [
    "twisted.internet.test.test_base",
    "twisted.internet.test.test_core",
    "twisted.internet.test.test_endpoints",
    "twisted.internet.test.test_epollreactor",
    "twisted.internet.test.test_fdset",
    "twisted.internet.test.test_filedescriptor",
    "twisted.internet.test.test_posixbase",
    "twisted.internet.test.test_protocol",
    "twisted.internet.test.test_sigchld",
    "twisted.internet.test.test_socket",
    "twisted.internet.test.test_stdio",
    "twisted.internet.test.test_tcp",
    "twisted.internet.test.test_threads",
    "twisted.internet.test.test_time",
    "twisted.internet.test.test_tls",
    "twisted.internet.test.test_udp",
    "twisted.internet.test.test_udp_internals",
    "twisted.internet.test.test_unix",
    "twisted.protocols.test.test_tls",
    "twisted.test.test_factories",
    "twisted.test.test_internet",
    "twisted.test.test_loopback",
    "twisted.test.test_policies",
    "twisted.test.test_ssl",
    "twisted.test.test_tcp",
    "twisted.test.test_tcp_internals",
    "twisted.test.test_threads",
    "twisted.test.test_udp",
    "twisted.test.test_unix",
]


def tests_of(suite: Any) -> Iterator[Any]:
    """The single tests of suites of suites."""
    for test in suite:
        yield from tests_of(test) if isinstance(test, unittest.TestSuite) else [test]


def main(folder: str, unwanted: list[str]) -> None:
    """Run all but the unwanted; trial's files go to the folder."""
    install()
    vars(ReactorBuilder)["_reactors"][:] = ["balancer.net.reactor.BalancerReactor"]
    util.DEFAULT_TIMEOUT_DURATION = 20.0
    loader = TestLoader()
    found = [test for name in MODULES for test in tests_of(loader.loadModule(importlib.import_module(name)))]
    wanted = TestSuite(test for test in found if test.id() not in unwanted)
    runner = TrialRunner(lambda *_, **__: Reporter(io.StringIO()), workingDirectory=folder)
    result: Any = runner.run(wanted)
    report = {
        "succeeded": result.successes,
        "failed": {test.id(): str(reason) for test, reason in result.failures + result.errors},
        "skipped": {test.id(): str(reason) for test, reason in result.skips},
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
