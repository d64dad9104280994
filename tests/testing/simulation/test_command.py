"""`balancer simulate`: what it prints, and what it tells of a wrong command line."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from balancer.cli import main
from balancer.testing.simulation import Constant, Exponential, LogNormal, Recorded
from balancer.testing.simulation.command import service

SOUND = """
from balancer import Backend, Config, HTTPListener, Pool
site = Pool("site", backends=[Backend(f"10.0.0.{number}:80", name=f"b{number}") for number in (1, 2)])
config = Config([HTTPListener("tcp:80", pool=site)])
"""
FEW = "--requests", "200"


@pytest.fixture(autouse=True)
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sound conf.py in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("conf.py").write_text(SOUND)


def test_it_prints_what_comes_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A pool and another algorithm stand beside each other, below a line that says what was simulated."""
    fault = "--fault", "b2 down at 0.5"
    assert main(["simulate", "conf.py", *FEW, "--compare", "LeastConnections", *fault]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Pool 'site': 200 requests, Poisson(rate=80.0), Exponential(mean=0.05), faults: 1: ")
    assert [line.split()[0] for line in lines[3:5]] == ["round-robin", "least-connections"]
    assert lines[6].split() == ["backend", "due", "round-robin", "least-connections"]


def test_it_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    """All figures come as JSON, the same for the same seed."""
    call = ["simulate", "conf.py", *FEW, "--json", "--rate", "50", "--pool", "site"]
    assert main(call) == 0
    first = capsys.readouterr().out
    assert main(call) == 0
    assert capsys.readouterr().out == first
    (found,) = json.loads(first)
    assert (found["requests"], found["algorithm"], found["errors"]) == (200, "round-robin", 0)
    assert main([*call, "--seed", "1"]) == 0
    assert capsys.readouterr().out != first


def test_what_was_recorded_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    """Arrivals and times of work come from files."""
    Path("times").write_text("100\n100.5\n103\n")
    Path("took").write_text("0.25\n")
    assert main(["simulate", "conf.py", "--arrivals", "times", "--service", "recorded:took", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["requests"], found["seconds"]) == pytest.approx((3, 3.2505))


def test_health_checks_report_tags(capsys: pytest.CaptureFixture[str]) -> None:
    """A pool that chooses by the tags that health checks report is simulated with those that are given."""
    text = SOUND.replace("Config,", "Config, Health,").replace(
        "])\nconfig", "], health=HEALTH, algorithm=PRIMARY)\nconfig"
    )
    imports = "from balancer.plugins.combinators import Subset\nfrom balancer.plugins.health import TCPCheck\n"
    text = text.replace("HEALTH", "Health(TCPCheck())").replace("PRIMARY", "Subset('primary', otherwise=None)")
    Path("conf.py").write_text(imports + text)
    assert main(["simulate", "conf.py", *FEW, "--json", "--tag", "b2=primary", "--tag", "b2=fast"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert [backend["tries"] > 0 for backend in found["backends"]] == [False, True]


def test_it_draws(capsys: pytest.CaptureFixture[str]) -> None:
    """A picture is drawn beside what is printed."""
    assert main(["simulate", "conf.py", *FEW, "--plot", "drawn.svg"]) == 0
    assert "<svg" in Path("drawn.svg").read_text()
    assert "round-robin" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("constant:0.1", Constant(0.1)),
        ("exponential:0.1", Exponential(0.1)),
        ("lognormal:0.1", LogNormal(0.1)),
        ("lognormal:0.1:2", LogNormal(0.1, 2)),
        ("recorded:took", Recorded([0.5, 1])),
    ],
)
def test_laws_are_read(text: str, law: object) -> None:
    """How long work takes is written as the name of a law and its numbers."""
    Path("took").write_text("0.5 1")
    assert service(text) == law


@pytest.mark.parametrize("text", ["exponential", "exponential:x", "exponential:1:2", "weibull:1"])
def test_other_laws_are_not_known(text: str) -> None:
    """What cannot be read is told, with all that can be."""
    with pytest.raises(ArgumentTypeError, match=r"is none; give constant:SECONDS, .* or recorded:FILE"):
        service(text)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--pool", "shop"], "simulate: pool: 'shop' is not in use; give one of site"),
        (["--fault", "b2"], "fault: 'b2' cannot be read; write it as 'b2 slow 10 at 30 for 20'"),
        (["--fault", "b3 down"], "simulate: Pool 'site': faults: there is no backend 'b3'; name one"),
        (["--tag", "b2=primary"], "simulate: Pool 'site': reports: would be ignored, for no health check makes any"),
        (["--tag", "b2"], "--tag: 'b2' tells no tag of a backend; write one such as b1=primary"),
        (["--requests", "0"], "Trace: requests: 0 is not a whole number of at least 1"),
        (["--rate", "0"], "Poisson: rate: 0.0 is not a positive number; give one such as 100"),
        (["--load", "80"], "--load: 80 is not above 0 and up to 10; give a share such as 0.8 for 80 %, or requests"),
        (["--load", "0"], "--load: 0 is not above 0 and up to 10; give a share such as 0.8 for 80 %, or requests"),
        (["--arrivals", "none"], "none: cannot be read: No such file or directory"),
        (["--arrivals", "conf.py"], "conf.py: could not convert string to float: 'from'; give numbers of seconds, "),
        (
            ["--service", "recorded:nothing"],
            "--load: backends that take no time can do any number of requests; give a ",
        ),
        (["--compare", "Subset"], "--compare: 'Subset' is not one that can be made as it is; give "),
        (["--compare", "Mine"], "--compare: 'Mine' is not one that can be made as it is; give "),
        (["--requests", "9", "--plot", "no/where.png"], "plot: no/where.png: cannot be written: "),
        (["--requests", "9", "--plot", "drawn.txt"], "plot: drawn.txt: cannot be written: "),
    ],
)
def test_mistakes_are_told(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong command line is told in a line, with status 64, and nothing else is printed."""
    Path("nothing").write_text("0 0")
    assert main(["simulate", "conf.py", *arguments]) == 64
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(line)
    assert len(printed.err.splitlines()) == 1
