"""The command line `balancer`: what it prints and the status it exits with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import balancer
from balancer.assembly import default_algorithm
from balancer.cli import COMMANDS, main
from tests.net.authority import Authority

SOUND = """
from balancer import Config, HTTPListener, Pool
config = Config(HTTPListener("tcp:80", pool=Pool("site", backends=["a:1"])))
"""


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sound conf.py in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("conf.py").write_text(SOUND)
    return Path("conf.py")


def test_check_prints_the_plan(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sound config is checked with status 0 and its plan printed, with the default algorithm and all time-outs."""
    assert main(["check", str(conf)]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("HTTPListener 'tcp:80': ")
    assert f"Pool 'site': algorithm={default_algorithm()!r}" in printed.out
    assert re.search(r"^HTTPListener 'tcp:80' +idle +75 ", printed.out, re.MULTILINE)
    assert printed.err == ""


def test_check_prints_certificates(conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Certificates are read and printed with the rest, and what is wrong with them is a mistake like any other."""
    Authority().leaf("a.example").store(tmp_path)
    conf.write_text(SOUND.replace("import ", "import TLS, ", 1).replace('"tcp:80"', '"tcp:80", tls=TLS("site.pem")'))
    assert main(["check", str(conf)]) == 0
    assert capsys.readouterr().out.splitlines()[-2].startswith("CERTIFICATE OF")
    Path("site.pem").write_text("")
    assert main(["check", str(conf)]) == 64
    assert capsys.readouterr().err.startswith("TLS 'site.pem': site.pem: holds no PEM block; ")
    conf.write_text(conf.read_text().replace('"site.pem"', '"site.pem", keylog="absent/keys"'))
    assert main(["check", str(conf)]) == 64
    assert "TLS 'site.pem': keylog: 'absent/keys': No such file" in capsys.readouterr().err


def test_check_tells_of_certificates_to_be_obtained(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a certificate that is to be obtained the plan says what there is of it."""
    acme = "ACME('a.example', storage='acme', agree_to_terms=True, challenge='tls-alpn-01')"
    conf.write_text(SOUND.replace("import", "import ACME, TLS,").replace('80",', f'80", tls=TLS(acme={acme}),'))
    assert main(["check", str(conf)]) == 0
    line = "ACME 'a.example': there is no certificate yet; it is obtained when the balancer runs"
    assert line in capsys.readouterr().out.splitlines()
    conf.write_text(conf.read_text().replace("agree", "ca='absent.pem', agree"))
    assert main(["check", str(conf)]) == 64
    assert capsys.readouterr().err.startswith("ACME 'a.example': ca: absent.pem: cannot be read: No such file")


def test_check_warns(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is hardly meant is told behind all the rest, and the config is right all the same."""
    algorithm = "__import__('balancer.plugins.combinators').plugins.combinators.Zones('eu')"
    conf.write_text(SOUND.replace('["a:1"]', f'["a:1"], algorithm={algorithm}'))
    assert main(["check", str(conf)]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "",
        "warning: Pool 'site': algorithm: no backend is in the zone 'eu'; give some a Backend(..., zone='eu')",
    ]


def test_check_tells_mistakes(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong config is checked with status 64 and a line for each mistake, with no usage text and no plan."""
    conf.write_text(SOUND.replace("a:1", "a").replace("tcp:80", "80"))
    assert main(["check", str(conf)]) == 64
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "Backend 'a': address: 'a' has no port; write it as host:port",
        "HTTPListener '80': endpoint: '80' does not begin with its type; write it as tcp:80",
    ]


def test_check_reads_files(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file for TLS with backends that is of no use is a mistake like any other."""
    text = SOUND.replace("import Config", "import UpstreamTLS, Config")
    conf.write_text(text.replace('["a:1"]', '["a:1"], tls=UpstreamTLS(ca="absent.pem")'))
    assert main(["check", str(conf)]) == 64
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Pool 'site': tls: absent.pem: cannot be read: No such file or directory; ")
    conf.write_text(text.replace('["a:1"]', '["a:1"], tls=UpstreamTLS(keylog="absent/keys")'))
    assert main(["check", str(conf)]) == 64
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Pool 'site': tls: keylog: 'absent/keys': No such file or directory; ")


def test_check_knows_types_of_endpoints(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A type of endpoint is one of ours or one that Twisted has a plugin for; another is a mistake like any other."""
    for endpoint in ("tcp6:80", "unix:/run/x", "systemd:domain=INET:index=0"):
        conf.write_text(SOUND.replace("tcp:80", endpoint))
        assert main(["check", str(conf)]) == 0
    capsys.readouterr()
    conf.write_text(SOUND.replace("tcp:80", "localhost:8080"))
    assert main(["check", str(conf)]) == 64
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "HTTPListener 'localhost:8080': endpoint: 'localhost' is no type of endpoint that is installed; "
        "write it as tcp:8080:interface=localhost\n"
    )


def test_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    """The installed plugins are listed with status 0."""
    assert main(["plugins"]) == 0
    assert "\n  RoundRobin: " in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version is printed with status 0."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"balancer {balancer.__version__}\n"


@pytest.mark.parametrize("argv", [[], ["chek"], ["check"], ["check", "a", "b"]])
def test_wrong_command_lines(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong command line is one line on standard error that names the next step, and status 64."""
    assert main(argv) == 64
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(r"balancer.*: .*; see balancer.* --help\n", printed.err)


@pytest.mark.parametrize("argv", [["check", "conf.py"], ["plugins"], ["--help"]])
def test_output_that_cannot_be_written(
    conf: Path, argv: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Output that finds no room is one line on standard error and status 74, whatever was to be printed."""
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(argv) == 74
    assert capsys.readouterr().err == "balancer: the output cannot be written: No space left on device\n"


def test_a_process_without_room_for_its_output(conf: Path) -> None:
    """The interpreter has nothing to add as it ends."""
    program = "import sys; from balancer.cli import main; sys.exit(main(['check', 'conf.py']))"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr.count("\n")) == (74, 1)


def test_a_reader_that_has_seen_enough(conf: Path) -> None:
    """Who closes the pipe, as `head` does, is told nothing of it."""
    program = "import sys; from balancer.cli import main; sys.exit(main(['check', 'conf.py']))"
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=pipe, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (74, "")


def test_an_interrupted_check(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C while a config loads is no traceback of ours."""
    conf.write_text("raise KeyboardInterrupt")
    assert main(["check", str(conf)]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_teaches(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help of every command shows lines to copy, each set off from the text."""
    assert main([command, "--help"]) == 0
    assert re.search(r"^    (balancer|from balancer)[. ]", capsys.readouterr().out, re.MULTILINE)


def test_help_teaches(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The help names every command and shows a config that can be copied and is sound."""
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown and command.about.split(",")[0] in shown for name, command in COMMANDS.items())
    example = re.search(r"\n\n((?:    .*\n|\n)+)", shown)
    assert example is not None
    conf.write_text("\n".join(line.removeprefix("    ") for line in example[1].splitlines()))
    assert main(["check", str(conf)]) == 0


def test_config_needs_no_twisted() -> None:
    """All that a config imports from `balancer` is there without Twisted."""
    program = "import sys; sys.modules['twisted'] = None; import balancer; print(*balancer.__all__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == balancer.__all__
