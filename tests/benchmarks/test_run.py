"""The whole measurement, at its smallest."""

from __future__ import annotations

import argparse
import os
import re
import sys

import pytest

from benchmarks import run
from benchmarks.peers import Running, free_ports
from benchmarks.processes import Program
from benchmarks.results import WORKLOADS


def test_names_are_checked() -> None:
    """A name that is not known is refused with those that are."""
    names = run.one_of(WORKLOADS)
    assert names("h1,udp-rr") == ["h1", "udp-rr"]
    with pytest.raises(argparse.ArgumentTypeError, match="'h3' is none of h1, h1-conn"):
        names("h1,h3")


def test_the_balancer_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """Our own balancer, alone, gets a row with its cost for requests and one for datagrams."""
    run.compare(["ours"], ["h1", "udp-rr"], rounds=1, seconds=0.1)
    said = capsys.readouterr().out
    found = re.findall(r"\| (\S+) +\| ours \| +([\d.]+) us \|", said)
    assert [name for name, _ in found] == ["h1", "udp-rr"]
    assert all(float(cost) > 0 for _, cost in found)
    assert "left out" not in said


def test_peer_that_fails_under_load_is_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    """A peer that does not serve is named with the reason above it, and has no further turns."""
    core = min(os.sched_getaffinity(0))
    with Program([sys.executable, "-Sc", "input()"], core) as silent:
        stage = run.Stage({"silent": Running(silent, free_ports(("port_h1",)))}, core)
        assert list(stage.measure(WORKLOADS["h1"], rounds=3, seconds=0.1)) == []
    said = capfd.readouterr()
    assert said.out.count("h1: silent is left out") == 1
    assert "ConnectionRefusedError" in said.err
