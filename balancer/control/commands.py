"""The commands: each a JSON object in a line, answered by another; refuses to know who asks, and over what."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Mapping
from itertools import islice
from typing import Any, Final, NoReturn

import attrs
from twisted.logger import Logger

from balancer import explain
from balancer.assembly import Assembly, changes
from balancer.config.mistakes import shown
from balancer.control.figures import connections, counters, standing
from balancer.control.naming import Member, Names
from balancer.errors import ConfigError, ControlRefused

log = Logger("balancer")

EXAMPLE: Final = 'send one such as {"do": "help"}'
Explaining = Generator[None, None, dict[str, Any]]
"""An answer that takes several slices of work."""

FAILED: Final = "the balancer failed to do that; its log says how"


@attrs.frozen
class Argument:
    """One argument of a command: what it is, in words, and what fits."""

    about: str
    fits: Callable[[Any], bool]
    required: bool = True


@attrs.frozen
class Command:
    """What a command is for, and what it takes by name."""

    about: str
    arguments: Mapping[str, Argument] = attrs.field(factory=dict)


def _is_weight(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= sys.float_info.max


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


BACKEND: Final = Argument("the name of a backend, or pool/name", _is_text)
COMMANDS: Final[Mapping[str, Command]] = {
    "drain": Command("give a backend no new sessions, and leave it those it has", {"backend": BACKEND}),
    "undrain": Command("give a backend new sessions again", {"backend": BACKEND}),
    "weight": Command(
        "put a weight in place of a backend's configured one; 0 is for no new sessions",
        {"backend": BACKEND, "weight": Argument("a number from 0", _is_weight)},
    ),
    "counters": Command("tell what was counted, by listener, by pool and backend, and for the process"),
    "connections": Command("tell the live sessions"),
    "events": Command(
        "tell the latest changes of backends, oldest first",
        {
            "backend": attrs.evolve(BACKEND, required=False),
            "count": Argument("a whole number of at least 1", _is_count, required=False),
        },
    ),
    "explain": Command(
        "tell where a request would go now, and why",
        {
            "question": Argument("a text such as 'GET https://app.example.com/'", _is_text),
            "client": Argument("an address, with a port if that matters", _is_text, required=False),
            "headers": Argument("a list of texts such as 'Cookie: a=b'", _is_list_of_texts, required=False),
            "listener": Argument("the endpoint of a listener, such as 'tcp:443'", _is_text, required=False),
            "sni": Argument("the server name asked for by TLS", _is_text, required=False),
            "peek": Argument("what the client says first, a text, or 'hex:' and digits", _is_text, required=False),
        },
    ),
    "help": Command("tell the commands and what they take"),
}


class Commands:
    """Carries out commands for one balancer, whose parts have been made."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly, self._names = assembly, Names(assembly.pools)
        self._runs: Mapping[str, Callable[..., dict[str, Any] | Explaining]] = {
            "drain": self._drain,
            "undrain": self._undrain,
            "weight": self._weight,
            "counters": lambda: counters(assembly),
            "connections": lambda: connections(assembly, self._names),
            "events": self._events,
            "explain": self._explain,
            "help": _help,
        }

    def answer(self, line: bytes, say: Callable[[bytes], object]) -> None:
        """Do what the line says; say the line that tells what came of it, whatever that is: now, or in a few turns."""
        self._assembly.work(self._answering(line, say))

    def _answering(self, line: bytes, say: Callable[[bytes], object]) -> Generator[None, None, None]:
        """The same, in slices of work where that takes long."""
        try:
            name, arguments = _read(line)
            told = self._runs[name](**arguments)
            answer = _line({"ok": True, **((yield from told) if isinstance(told, Generator) else told)})
        except ControlRefused as error:
            answer = self.refuse(error)
        except Exception:  # noqa: BLE001  a fault of ours must not end the connection, nor be kept from the log
            log.failure("a command of the control socket failed")
            answer = self.refuse(ControlRefused(FAILED))
        say(answer)

    def refuse(self, error: ControlRefused) -> bytes:
        """The line that says why nothing was done."""
        return _line({"ok": False, "error": str(error)})

    def _drain(self, backend: str) -> dict[str, Any]:
        return self._set_draining(backend, draining=True)

    def _undrain(self, backend: str) -> dict[str, Any]:
        return self._set_draining(backend, draining=False)

    def _set_draining(self, backend: str, *, draining: bool) -> dict[str, Any]:
        member = self._names.find(backend)
        changes.drain(self._assembly, member.settings, member.backend, draining=draining)
        return _told(member)

    def _weight(self, backend: str, weight: float) -> dict[str, Any]:
        member = self._names.find(backend)
        changes.weigh(self._assembly, member.settings, member.backend, float(weight))
        return _told(member)

    def _events(self, backend: str | None = None, count: int | None = None) -> dict[str, Any]:
        member = None if backend is None else self._names.find(backend)
        wanted = (
            event
            for event in reversed(self._assembly.events)
            if member is None or (event.pool, event.backend) == (member.pool.name, member.backend.name)
        )
        latest = list(islice(wanted, count))
        return {"events": [attrs.asdict(event) for event in reversed(latest)]}

    def _explain(self, question: str, **more: Any) -> Explaining:
        """Put to the pools as they are."""
        listeners = [settings for settings, _ in self._assembly.listeners]
        try:
            asked = explain.question(question, **more)
            way = yield from explain.following(explain.Ground(listeners, self._assembly.pools), asked)
        except ConfigError as error:
            raise ControlRefused(str(error)) from error
        return explain.told(way)


def _told(member: Member) -> dict[str, Any]:
    """How a backend is after a command, and how many of its pool take new sessions now."""
    return {"pool": member.pool.name, "eligible": len(member.pool.eligible()), **standing(member.backend)}


def _help() -> dict[str, Any]:
    commands = {
        name: {"about": command.about, "takes": {key: argument.about for key, argument in command.arguments.items()}}
        for name, command in COMMANDS.items()
    }
    return {"commands": commands}


def _line(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer).encode() + b"\n"


def _read(line: bytes) -> tuple[str, dict[str, Any]]:
    """The command in a line, and its arguments. Raises `ControlRefused` unless they fit."""
    try:
        said = json.loads(line.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise ControlRefused(f"the line is no JSON object; {EXAMPLE}")
    name = said.pop("do", None)
    if not isinstance(name, str) or name not in COMMANDS:
        wrong = f"{shown(name)} is no command" if name is not None else "there is no `do`"
        raise ControlRefused(f"{wrong}; {EXAMPLE}, or do {', '.join(COMMANDS)}")
    for mistake in _mistakes(COMMANDS[name].arguments, said):
        raise ControlRefused(f"{name}: {mistake}")
    return name, said


def _mistakes(takes: Mapping[str, Argument], given: Mapping[str, Any]) -> list[str]:
    """What does not fit, a line for each."""
    unknown = [f"{shown(key)} would be ignored; leave it out" for key in given if key not in takes]
    missing = [f"{key} is missing; give {one.about}" for key, one in takes.items() if one.required and key not in given]
    wrong = [
        f"{key}: {shown(value)} does not fit; give {takes[key].about}"
        for key, value in given.items()
        if key in takes and not takes[key].fits(value)
    ]
    return unknown + missing + wrong


def _no_number(constant: str) -> NoReturn:
    """Python's JSON takes NaN and the infinities, which are none."""
    raise ValueError(constant)
