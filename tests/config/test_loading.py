"""Config files: how they are run, and what is said of those that cannot be."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from balancer.config import TLS, Config, load
from balancer.errors import ConfigError

TLS_TAKES = [field.name for field in attrs.fields(TLS)]
BY_NAME = "give the others by name, or in a list what is several values of one setting"
SOUND = "config = Config(HTTPListener('tcp:80', pool=Pool('site', backends=['a:1'])))\n"
Load = Callable[[str], Config]
Told = Callable[[str], list[str]]


def test_loads(loaded: Load) -> None:
    """A sound file is loaded to what it calls `config`."""
    assert loaded(SOUND).pools[0].name == "site"


def test_as_a_module(loaded: Load) -> None:
    """The file knows its own name and place, and its classes can be looked up in their module, also later."""
    loaded(
        f"from dataclasses import dataclass\n@dataclass\nclass Mine:\n  x: 'int'\nhere = __file__, __name__\n{SOUND}"
    )
    module = sys.modules["balancer_config"]
    assert module.here == ("conf.py", "balancer_config")
    assert module.Mine(1).x == 1


def test_neighbours(loaded: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module beside the file can be imported while it runs, and the search path is as before when it ends."""
    before = list(sys.path)
    Path("neighbour_of_conf.py").write_text("port = 'tcp:81'\n")
    config = loaded("from neighbour_of_conf import port\n" + SOUND.replace("'tcp:80'", "port"))
    monkeypatch.delitem(sys.modules, "neighbour_of_conf")
    assert config.listeners[0].endpoint == "tcp:81"
    assert sys.path == before


def test_a_failed_load_leaves_the_last_one(loaded: Load, told: Told) -> None:
    """A file that fails does not take the place of the module that was loaded before."""
    loaded(SOUND)
    before = sys.modules["balancer_config"]
    told("1 / 0")
    assert sys.modules["balancer_config"] is before
    del sys.modules["balancer_config"]
    told("1 / 0")
    assert "balancer_config" not in sys.modules


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("x = 1", ["conf.py: there is no name 'config'; end the file with config = Config(...)"]),
        ("config = 5", ["conf.py: config: 5 is not a Config; write config = Config(...)"]),
        ("a = (", ["conf.py, line 2: '(' was never closed: a = ("]),
        ("a = \0", ["conf.py: source code string cannot contain null bytes"]),
        ("import nowhere", ["conf.py, line 2: import nowhere", "ModuleNotFoundError: No module named 'nowhere'"]),
        ("import sys; sys.exit(3)", ["conf.py, line 2: import sys; sys.exit(3)", "SystemExit: 3"]),
        (
            "import json\ndef f(text):\n  return json.loads(text)\nf('x')",
            [
                "conf.py, line 5: f('x')",
                "conf.py, line 4, in f: return json.loads(text)",
                "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
            ],
        ),
        ("raise ValueError('a\\nb')", ["conf.py, line 2: raise ValueError('a\\nb')", "ValueError: a", "b"]),
        (
            "Pool('site', backend=[])",
            ["conf.py, line 2: Pool() got an unexpected keyword argument 'backend'; did you mean 'backends'?"],
        ),
        (
            "TLS('a.pem', key='a.key')",
            [f"conf.py, line 2: TLS() got an unexpected keyword argument 'key'; it takes {', '.join(TLS_TAKES)}"],
        ),
        (
            "Pool('site', zzz=[])",
            [
                (
                    "conf.py, line 2: Pool() got an unexpected keyword argument 'zzz'; "
                    "leave it out, or see python -m pydoc balancer.Pool"
                )
            ],
        ),
        (
            "Pool('site')",
            ["conf.py, line 2: Pool() missing 1 required keyword-only argument: 'backends'; give backends=..."],
        ),
        (
            "Pool('a', 'b:1')",
            [f"conf.py, line 2: Pool() takes 2 positional arguments but 3 were given; {BY_NAME}"],
        ),
        ("raise GeneratorExit", ["conf.py, line 2: raise GeneratorExit", "GeneratorExit"]),
        ("'a' + 1", ["conf.py, line 2: 'a' + 1", 'TypeError: can only concatenate str (not "int") to str']),
    ],
)
def test_what_is_said(told: Told, text: str, lines: list[str]) -> None:
    """Of a file that does not run, its author reads where and why, and no line that is not theirs."""
    assert told(text) == lines


CHAINED = """
try:
    try:
        1 / 0
    except ZeroDivisionError:
        int('x')
except ValueError as error:
    raise KeyError('y') from error
"""

GROUP = """
def fail():
    raise ValueError('a')
one, other = ValueError('b'), TypeError('c')
try:
    fail()
except ValueError as error:
    one.__cause__ = error
raise ExceptionGroup('all', [one, other]) from other
"""


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            CHAINED,
            [
                "conf.py, line 9: raise KeyError('y') from error",
                "KeyError: 'y'",
                "caused by: conf.py, line 7: int('x')",
                "caused by: ValueError: invalid literal for int() with base 10: 'x'",
                "while handling: conf.py, line 5: 1 / 0",
                "while handling: ZeroDivisionError: division by zero",
            ],
        ),
        (
            GROUP,
            [
                "conf.py, line 10: raise ExceptionGroup('all', [one, other]) from other",
                "ExceptionGroup: all (2 sub-exceptions)",
                "1 of 2: ValueError: b",
                "1 of 2: caused by: conf.py, line 7: fail()",
                "1 of 2: caused by: conf.py, line 4, in fail: raise ValueError('a')",
                "1 of 2: caused by: ValueError: a",
                "2 of 2: TypeError: c",
            ],
        ),
        (
            "try: 1 / 0\nexcept ZeroDivisionError: raise ValueError('x') from None",
            ["conf.py, line 3: except ZeroDivisionError: raise ValueError('x') from None", "ValueError: x"],
        ),
        ("one = ValueError('x')\nraise one from one", ["conf.py, line 3: raise one from one", "ValueError: x"]),
    ],
)
def test_what_led_to_it(told: Told, text: str, lines: list[str]) -> None:
    """What led to an exception is told behind it, as are the members of a group, each once."""
    assert told(text) == lines


def test_an_interruption_is_no_mistake(loaded: Load) -> None:
    """Ctrl-C while the file runs is not taken for a mistake in it."""
    with pytest.raises(KeyboardInterrupt):
        loaded("raise KeyboardInterrupt")


def test_in_a_neighbour(told: Told, tmp_path: Path) -> None:
    """A failure in a module beside the file is told with that module's lines as well."""
    (tmp_path / "broken_neighbour.py").write_text("x = 1 / 0\n")
    assert told("import broken_neighbour") == [
        "conf.py, line 2: import broken_neighbour",
        "broken_neighbour.py, line 1: x = 1 / 0",
        "ZeroDivisionError: division by zero",
    ]


def test_a_misspelt_neighbour(told: Told, tmp_path: Path) -> None:
    """A syntax error in a module beside the file names that module."""
    (tmp_path / "misspelt_neighbour.py").write_text("x = \n")
    assert told("import misspelt_neighbour")[0].endswith("misspelt_neighbour.py, line 1: invalid syntax: x =")


def test_plugins_are_heard(told: Told) -> None:
    """A plugin that refuses its settings is told after what was wrong before it."""
    text = "from balancer.errors import ConfigError\nPool('a', backends=[])\nraise ConfigError(['Path: wrong'])"
    assert told(text) == [
        "Pool 'a': backends: there is none; give at least one, such as '10.0.0.11:8080'",
        "Path: wrong",
    ]


def test_unreadable(tmp_path: Path) -> None:
    """A file that is absent, or a folder, is told by its path."""
    for path, reason in ((tmp_path / "none.py", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError) as caught:
            load(str(path))
        assert caught.value.mistakes == (f"{path}: cannot be read: {reason}",)


def test_no_text(tmp_path: Path) -> None:
    """A file that is no text is told as such, not thrown."""
    path = tmp_path / "conf.py"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError) as caught:
        load(str(path))
    assert len(caught.value.mistakes) == 1
    assert caught.value.mistakes[0].startswith(str(path))


def test_too_deep(told: Told) -> None:
    """A failure in which no line of the user's was running is told of the file as a whole."""
    lines = told("x = 1" + " + 1" * 100000)
    assert len(lines) == 1
    assert lines[0].startswith("conf.py: ")
