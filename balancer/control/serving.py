"""The control socket of one balancer: opened whole or not at all, and gone when closed; knows no command."""

from __future__ import annotations

from balancer.assembly import Assembly, why_not
from balancer.control.commands import Commands
from balancer.errors import StartError
from balancer.net.control import Desk, Door


class Control:
    """The socket at `path`, and what is behind it."""

    def __init__(self, assembly: Assembly, path: str) -> None:
        commands = Commands(assembly)
        desk = Desk(assembly.reactor, assembly.deadlines, commands.answer, commands.refuse)
        self._path, self._door = path, Door(desk, path)

    def open(self) -> None:
        """Listen. Raises `StartError` with one line that says which path, why and what to do."""
        try:
            self._door.open()
        except OSError as error:
            raise StartError(f"Config: control: 'unix:{self._path}': cannot listen: {why_not(error)}") from error

    def close(self) -> None:
        """Listen no more, and leave nothing. Allowed at any time."""
        self._door.close()
