"""The command `balancer explain`, from the command line to what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from balancer.cli import main

CONFIG = """
from balancer import Backend, Config, HTTPListener, Pool
site = Pool("site", backends=[Backend("a.example:1", name="b1", max_connections=1), Backend("b.example:1", name="b2")])
config = Config(HTTPListener("tcp:80", pool=site))
"""


@pytest.fixture
def conf(tmp_path: Path) -> str:
    """A config whose hosts nobody knows."""
    (tmp_path / "conf.py").write_text(CONFIG)
    return str(tmp_path / "conf.py")


def test_text_and_json(conf: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer is printed with status 0, as text or as JSON, and the same each time."""
    command = ["explain", conf, "GET http://site.example/", "--client", "10.1.2.3", "--header", "Cookie: a=b"]
    assert main(command) == 0
    text = capsys.readouterr().out
    assert text.startswith("GET http://site.example/, from 10.1.2.3:50000\n=> pool 'site': backend b")
    assert main(command) == 0
    assert capsys.readouterr().out == text
    assert main([*command, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["request"]["came"] == ["GET / HTTP/1.1", "host: site.example", "cookie: a=b"]


@pytest.mark.parametrize(
    ("options", "backend"),
    [
        (["--down", "b1"], "b2"),
        (["--draining", "b2"], "b1"),
        (["--full", "site/b1"], "b2"),
        (["--down", "b1", "--down", "b2"], None),
    ],
)
def test_what_if(conf: str, options: list[str], backend: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    """Backends that are declared to be out of use are not chosen; that nobody is left is an answer."""
    assert main(["explain", conf, "http://site.example/", "--json", *options]) == 0
    assert json.loads(capsys.readouterr().out)["backend"] == backend


def test_a_request_that_nobody_takes(conf: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal is an answer, with status 0."""
    assert main(["explain", conf, "http://site.example/../"]) == 0
    assert "=> refused with 400, path-refused: the path climbs above the root" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere.py", "http://a.example/"],
        ["conf.py", "what"],
        ["conf.py", "http://a.example/", "--down", "b3"],
        ["conf.py", "udp://:53"],
        ["conf.py", "http://a.example/", "--listener", "tcp:81"],
        ["conf.py", "http://a.example/", "--client", "me"],
        ["conf.py"],
    ],
)
def test_what_is_wrong(
    conf: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong config or command line is one line on standard error, and status 64."""
    monkeypatch.chdir(Path(conf).parent)
    assert main(["explain", *arguments]) == 64
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """Help shows commands to copy."""
    assert main(["explain", "--help"]) == 0
    assert "balancer explain conf.py 'GET https://app.example.com/v1/x'" in capsys.readouterr().out
