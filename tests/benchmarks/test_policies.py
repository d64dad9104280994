"""The comparison of the algorithms: small, it comes out as a table and as JSON, the same each time."""

from __future__ import annotations

import json

import pytest
from twisted.plugin import getPlugins

import balancer.plugins
from balancer.interfaces import IAlgorithmPlugin
from benchmarks import policies

NOT_MEASURED = {"First", "Subset", "Exact", "Fallback", "Zones", "Sticky", "Score"}
"""Those that choose by what is configured, or as those do that they are made of."""


def test_every_algorithm_is_compared() -> None:
    """No algorithm of ours is missing."""
    ours = {plugin.__name__ for plugin in set(getPlugins(IAlgorithmPlugin, balancer.plugins))}  # type: ignore[attr-defined]  # classes, all of them
    assert ours - NOT_MEASURED == {type(each).__name__ for each in policies.POLICIES.values()}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only some of it, for a test has little time: tables of hashing take long to make."""
    some = {name: policies.POLICIES[name] for name in ("RoundRobin()", "PeakEWMA()")}
    monkeypatch.setattr(policies, "POLICIES", some)


@pytest.mark.usefixtures("few")
def test_it_comes_out_as_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """Each case has a table with a line for each algorithm, and a column for each law at each load."""
    policies.main(["--requests", "50"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith(":")] == [f"{case.about}:" for case in policies.CASES]
    assert len(lines) == len(policies.CASES) * (len(policies.POLICIES) + 3)
    assert lines[1].split()[:4] == ["constant", "10%", "constant", "50%"]


@pytest.mark.usefixtures("few")
def test_it_comes_out_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """All figures of the cases that were asked for come as JSON."""
    policies.main(["--requests", "5", "--cases", "failing", "--json"])
    (found,) = json.loads(capsys.readouterr().out).values()
    assert found.keys() == policies.POLICIES.keys()
    assert {len(results) for results in found.values()} == {9}
