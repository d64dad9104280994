"""Access logs, from what a user wrote: made, shared by listeners, and opened all before anything is bound."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.parts import Parts
from balancer.core.access import Stamps, Told, compile_format, tells_of_tls
from balancer.core.journal import Access
from balancer.errors import StartError
from balancer.net.access_log import AccessLog

log = Logger("balancer")


def access(parts: Parts, settings: nouns.AccessLog, *, tls: bool = False) -> Access:
    """Where the records of a listener go, which speaks `tls` or not."""
    tls = tls or tells_of_tls(settings.format)
    if settings.path not in parts.logs:
        parts.logs[settings.path] = AccessLog(parts.reactor, parts.deadlines, settings.path, told=_tell)
    add, line = parts.logs[settings.path].add, compile_format(settings.format, tls=tls)

    def write(record: Told) -> None:  # made here: in the log's thread a line would cost the reactor as much (the GIL)
        add(line(record))

    return Access(write, Stamps(parts.wall), tls=tls)


def _tell(line: str) -> None:
    log.error("{line}", line=line)


def open_logs(logs: Mapping[str, AccessLog]) -> None:
    """Open them. Raises `StartError`, with one line that says which one cannot be, why, and what to do."""
    for path, one in logs.items():
        try:
            one.open()
        except OSError as error:
            remedy = "give the path of a file that the balancer may write"
            raise StartError(f"AccessLog {path!r}: cannot be opened: {error.strerror}; {remedy}") from error
