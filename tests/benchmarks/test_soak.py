"""The soak, at its shortest."""

from __future__ import annotations

import pytest

from benchmarks import soak


def test_nothing_stays(capsys: pytest.CaptureFixture[str]) -> None:
    """After a moment of every kind of load the balancer has in use what it had before, and its log has no error."""
    assert soak.run(seconds=0.5, warm_up=0.5) == []
    said = capsys.readouterr().out
    assert said.count("done: ") == 2
    assert "| sockets " in said


def test_a_load_without_its_answers_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A load that gets no answers, as its requests go to a sink, is named."""
    monkeypatch.setattr(soak, "MIX", (("ask", "port_h1"), ("ask", "port_bulk")))
    monkeypatch.setattr(soak, "BEGINS_WITHIN", 1.0)
    assert soak.run(seconds=0.1, warm_up=0.1)[0].startswith("nothing was done by: ")


def test_a_load_that_ends_fails(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """A load that ends early is named, and the reason stands above."""
    monkeypatch.setattr(soak, "MIX", (("ask", "port_h1"), ("ask", "port_udp")))
    assert soak.run(seconds=0.1, warm_up=0.1) == ["ended early, for the reason above: ask port_udp"]
    assert "ConnectionRefusedError" in capfd.readouterr().err


def test_long_loads_tell_how_far_they_are() -> None:
    """Every minute has its line, and what is left after the last whole one."""
    assert list(soak.spans(150)) == [60, 60, 30]
    assert list(soak.spans(1)) == [1]
