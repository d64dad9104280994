"""Reads a config module: runs the file, finds `config`, and tells every mistake as ready lines.

It refuses to show a user any line that is not theirs: tracebacks are cut to the files in the config's own folder.
"""

from __future__ import annotations

import re
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from balancer.config.document import Config
from balancer.config.meant import likely, meant
from balancer.config.mistakes import collecting, shown
from balancer.errors import ConfigError

_MODULE: Final = "balancer_config"
_CALL: Final = re.compile(r"(\w+)\.__init__\(\) (.*)", re.DOTALL)
_UNEXPECTED: Final = re.compile(r"got an unexpected keyword argument '(\w+)'")
_MISSING: Final = re.compile(r"missing \d+ required .* arguments?: ")
_FEW: Final = 20
"""So many settings are listed to one who gave another."""
_LIBRARIES: Final = ("stdlib", "platstdlib", "purelib", "platlib")
_INSTALLED: Final = (Path(__file__).resolve().parents[1], *(Path(sysconfig.get_paths()[name]) for name in _LIBRARIES))


def load(path: str) -> Config:
    """Run the file at `path` as a module and return what it calls `config`.

    While it runs, modules beside it can be imported. Raises `ConfigError` with a line for each mistake, in the order
    found and each once, and `KeyboardInterrupt` when it was interrupted.
    """
    module = ModuleType(_MODULE)
    module.__file__ = path
    with collecting() as mistakes:
        lines = _run(module, path) or _unfound(module, path)
    mistakes.update(dict.fromkeys(lines))
    if mistakes:
        raise ConfigError(mistakes)
    config: Config = module.config
    return config


def _run(module: ModuleType, path: str) -> list[str]:
    """Run the file in the module; return what stopped it, if anything did."""
    try:
        source = Path(path).read_bytes()
    except OSError as error:
        return [f"{path}: cannot be read: {error.strerror}"]
    try:
        with _importable(module, str(Path(path).resolve().parent)):
            exec(compile(source, path, "exec", dont_inherit=True), vars(module))  # noqa: S102 - a config is a program
    except ConfigError as error:
        return list(error.mistakes)
    except SyntaxError as error:
        return [_misspelt(error, path)]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the user's program raises is theirs to read
        return list(_told(error, path, set()))
    return []


def _misspelt(error: SyntaxError, path: str) -> str:
    line = f", line {error.lineno}" if error.lineno else ""
    text = f": {error.text.strip()}" if error.text else ""
    return f"{error.filename or path}{line}: {error.msg}{text}"


def _unfound(module: ModuleType, path: str) -> list[str]:
    if not hasattr(module, "config"):
        return [f"{path}: there is no name 'config'; end the file with config = Config(...)"]
    if not isinstance(module.config, Config):
        return [f"{path}: config: {shown(module.config)} is not a Config; write config = Config(...)"]
    return []


@contextmanager
def _importable(module: ModuleType, folder: str) -> Iterator[None]:
    """Let the module be found by its name, and its neighbours be imported.

    After a run that ended well it stays registered, for those who look up the module of a class later.
    """
    before = sys.modules.get(_MODULE)
    sys.modules[_MODULE] = module
    sys.path.insert(0, folder)
    try:
        yield
    except BaseException:
        del sys.modules[_MODULE]
        if before is not None:
            sys.modules[_MODULE] = before
        raise
    finally:
        sys.path.remove(folder)


def _told(error: BaseException | None, path: str, told: set[int]) -> Iterator[str]:
    """An exception and what led to it, one after the other; none whose id is among those `told`."""
    label = ""
    while error is not None and id(error) not in told:
        told.add(id(error))
        yield from (label + line for line in (*_told_alone(error, path), *_members(error, path, told)))
        label, error = _before(error)


def _before(error: BaseException) -> tuple[str, BaseException | None]:
    """What led to an exception, if anything did, and how."""
    if error.__cause__ is not None or error.__suppress_context__:
        return "caused by: ", error.__cause__
    return "while handling: ", error.__context__


def _members(error: BaseException, path: str, told: set[int]) -> Iterator[str]:
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for number, member in enumerate(members, 1):
        yield from (f"{number} of {len(members)}: {line}" for line in _told(member, path, told))


def _told_alone(error: BaseException, path: str) -> list[str]:
    """The user's own lines of the traceback, then the exception; a call that does not fit a class is one line."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    summary = traceback.extract_tb(error.__traceback__)
    theirs = [place for place in summary if _is_theirs(place.filename, path)]
    message = "".join(traceback.format_exception_only(error)).strip().splitlines()
    bare = message[-1].partition(". Did you mean")[0]  # what Python guesses differs by its version
    message[-1] = bare + meant(error, frames[-1] if frames else None)
    call = _CALL.fullmatch(str(error)) if isinstance(error, TypeError) else None
    if call and theirs and theirs[-1] is summary[-1]:
        return [f"{_where(theirs[-1], path)}: {call[1]}() {_with_hint(call[2], frames[-1].f_globals.get(call[1]))}"]
    if summary and not theirs:
        return [f"{path}: {line}" for line in message]
    return [*(f"{_where(place, path)}: {place.line}" for place in theirs), *message]


def _is_theirs(filename: str, path: str) -> bool:
    if filename == path or filename.startswith("<"):
        return filename == path
    found = Path(filename).resolve()
    return found.is_relative_to(Path(path).resolve().parent) and not any(map(found.is_relative_to, _INSTALLED))


def _where(place: traceback.FrameSummary, path: str) -> str:
    """Files as the user would name them: relative to the config's folder as it was given."""
    found = Path(place.filename)
    if place.filename != path:
        found = Path(path).parent / found.resolve().relative_to(Path(path).resolve().parent)
    inside = "" if place.name == "<module>" else f", in {place.name}"
    return f"{found}, line {place.lineno}{inside}"


def _with_hint(complaint: str, called: object) -> str:
    """Say what was probably meant."""
    unexpected = _UNEXPECTED.match(complaint)
    if unexpected is None:
        if complaint.startswith("takes "):
            return f"{complaint}; give the others by name, or in a list what is several values of one setting"
        missing = re.findall(r"'(\w+)'", complaint) if _MISSING.match(complaint) else []
        return complaint + (f"; give {', '.join(f'{name}=...' for name in missing)}" if missing else "")
    if unexpected[1] == "send_proxy":
        return f"{unexpected[0]}; only a TCPListener sends it, for a connection to a backend that is one client's alone"
    known = signature(called).parameters if callable(called) else {}
    close = likely(unexpected[1], known)
    if close:
        return f"{unexpected[0]}; did you mean {close!r}?"
    if 0 < len(known) <= _FEW:
        return f"{unexpected[0]}; it takes {', '.join(known)}"
    return f"{unexpected[0]}; leave it out" + (f", or see python -m pydoc {_full_name(called)}" if known else "")


def _full_name(called: Any) -> str:
    """By what a config would import it."""
    return re.sub(r"^balancer\.config\.\w+", "balancer", f"{called.__module__}.{called.__qualname__}")
