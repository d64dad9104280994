"""A program as a health check: what it is told, and what is made of how it ends."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from twisted.internet.defer import CancelledError, fail
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.errors import CheckFailed, ConfigError
from balancer.interfaces import IHealthCheck, IHealthCheckPlugin, Kind, Report
from balancer.plugins.health import Script
from balancer.testing import FakeBackend
from tests.plugins.examined import Examination, FakeTarget

CHECK = Script(["check-db", "--quick"], environment={"LANG": "C", "TOKEN": "s3cret"})


def running(check: Script = CHECK, address: str = "[::1]:5432") -> Examination:
    """One that runs."""
    return Examination(check, FakeTarget(address=address, backend=FakeBackend(name="b1")))


def ended(status: int, said: bytes = b"") -> Examination:
    """One that has ended."""
    examined = running()
    examined.target.asked[0][1].callback((status, said))
    return examined


def test_provides_the_interface() -> None:
    """It is a health check for pools of every kind, and its class is listed as a plugin."""
    assert verifyObject(IHealthCheck, CHECK)
    assert IPlugin.providedBy(Script)
    assert IHealthCheckPlugin.providedBy(Script)
    assert set(Script.protocols) == set(Kind)


def test_says_which_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words are those of the command, and the environment is the backend's name and place, and what was set."""
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setenv("SECRET", "of the balancer")
    (((command, environment), _),) = running().target.asked
    assert command == ("check-db", "--quick")
    assert environment == {
        "PATH": "/bin",
        "LANG": "C",
        "TOKEN": "s3cret",
        "BALANCER_NAME": "b1",
        "BALANCER_ADDRESS": "[::1]:5432",
        "BALANCER_HOST": "::1",
        "BALANCER_PORT": "5432",
    }
    assert "s3cret" not in repr(CHECK)


def test_may_have_a_path_of_its_own() -> None:
    """A `PATH` that is set is the program's."""
    assert running(Script(["x"], environment={"PATH": "/opt"})).target.asked[0][0][1]["PATH"] == "/opt"


@pytest.mark.parametrize("address", ["/run/db.sock", "run/a:80", "db.sock"])
def test_a_path_has_no_port(address: str) -> None:
    """A unix socket is told by its address alone."""
    environment = running(address=address).target.asked[0][0][1]
    assert environment["BALANCER_ADDRESS"] == address
    assert not environment.keys() & {"BALANCER_HOST", "BALANCER_PORT"}


@pytest.mark.parametrize(
    ("said", "detail"), [(b"", ""), (b"\n", ""), (b" \nall well \r\nmore\n", "'all well'"), (b"a\0b", r"'a\x00b'")]
)
def test_a_good_end(said: bytes, detail: str) -> None:
    """Status 0 is health, and the first line is the evidence."""
    assert ended(0, said).outcome == [Report(detail=detail)]


@pytest.mark.parametrize(
    ("status", "said", "evidence"),
    [
        (2, b"CRITICAL - 9 s behind\nmore", "status 2, and said 'CRITICAL - 9 s behind'"),
        (1, b"", "status 1, and said nothing"),
        (-11, b"", "ended by SIGSEGV, and said nothing"),
        (-60, b"", "ended by signal 60, and said nothing"),
    ],
)
def test_a_bad_end(status: int, said: bytes, evidence: str) -> None:
    """Any other end is told, with the first line."""
    assert ended(status, said).evidence == evidence


def test_a_program_that_is_not_there() -> None:
    """What the system says is the evidence."""
    examined = running()
    fail(CheckFailed("b1: No such file or directory")).chainDeferred(examined.target.asked[0][1])
    assert examined.evidence == "check-db cannot be run: b1: No such file or directory"


def test_a_cancelled_check() -> None:
    """Whoever is cancelled gives up its program."""
    examined = running()
    examined.running.cancel()
    assert examined.outcome[0].check(CancelledError)
    assert examined.target.asked[0][1].called


@attrs.frozen
class Wrong:
    """Settings that could not work, and what is told of them."""

    command: Any
    environment: Any
    mistake: str


COMMAND, ENVIRONMENT = "Script: command: {} is not a list of words; ", "Script: environment: it is not a mapping "


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong("check-db --quick", {}, COMMAND.format("'check-db --quick'")),
        Wrong([], {}, COMMAND.format("()")),
        Wrong([""], {}, COMMAND.format("('',)")),
        Wrong(["x", 5], {}, COMMAND.format("('x', 5)")),
        Wrong(["x\0"], {}, COMMAND.format(r"('x\x00',)")),
        Wrong(5, {}, COMMAND.format("5")),
        Wrong(["x"], "s3cret", ENVIRONMENT),
        Wrong(["x"], {"a=b": "s3cret"}, ENVIRONMENT),
        Wrong(["x"], {"": "s3cret"}, ENVIRONMENT),
        Wrong(["x"], {"a": 5}, ENVIRONMENT),
        Wrong(["x"], {5: "s3cret"}, ENVIRONMENT),
        Wrong(["x"], {"BALANCER_X": "s3cret"}, ENVIRONMENT),
    ],
    ids=repr,
)
def test_refuses_settings_that_could_not_work(wrong: Wrong) -> None:
    """A setting that could not work is refused in one line with a remedy, which shows no secret."""
    with pytest.raises(ConfigError) as caught:
        Script(wrong.command, environment=wrong.environment)
    (line,) = caught.value.mistakes
    assert line.startswith(wrong.mistake)
    assert "s3cret" not in line


def test_the_program_is_told() -> None:
    """What it runs is told, so that one that is not there can be warned of."""
    assert Script(["/bin/check", "--quick"]).programs == ("/bin/check",)
