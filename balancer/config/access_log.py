"""The access log of a listener, as a user writes it; refuses to open or write a file."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from string import Formatter
from typing import Final

import attrs

from balancer.config.mistakes import Noun, shown, word
from balancer.config.paths import file_path

FORMATS: Final = ("json", "combined", "common")

LOG_FIELDS: Final = {
    "time": "when the exchange ended, as `2026-03-01T12:03:07.250Z`",
    "date": "the same as `01/Mar/2026:12:03:07 +0000`; not in JSON",
    "client": "the client's address",
    "port": "the client's port",
    "request": "method, target and protocol, as they came; not in JSON",
    "method": "the method",
    "target": "the path with the query, as it came",
    "protocol": "the version of HTTP, such as `HTTP/1.1`",
    "scheme": "`http` or `https`",
    "host": "the host that was asked for, with the port, as it came",
    "status": "the status of the answer; 499 when the client left before there was one",
    "sent_bytes": "bytes sent to the client, heads and all",
    "received_bytes": "bytes received from the client, heads and all",
    "referer": "the field of that name",
    "user_agent": "the field of that name",
    "request_id": "the field `x-request-id`",
    "route": "the route taken",
    "pool": "its pool",
    "backend": "the backend that was asked last",
    "attempts": "how often the request was tried",
    "retries": "why it was tried again: the reason each time, with commas between",
    "request_time": "seconds from the first byte of the request head to its last",
    "queue_time": "seconds until a backend was chosen, waits for room included",
    "connect_time": "seconds until a connection to it stood",
    "response_time": "seconds until the head of its answer came",
    "data_time": "seconds until the answer had ended",
    "total_time": "seconds from the first byte of the request to the end",
    "ending": "why the exchange ended, in a word",
    "stage": "how far it had come, in a word",
    "code": "who ended it and in which stage, in two letters",
    "tls_version": "the version of the client's TLS, such as `TLSv1.3`; this and what follows in JSON only with `tls`",
    "cipher": "its cipher",
    "server_name": "the server name that the client asked for",
    "certificate_subject": "the subject of the client's certificate, which proves nothing unless verified",
    "certificate_fingerprint": "SHA-256 of that certificate",
    "certificate_error": "why it was not verified",
}
"""What a line of the log may tell."""


@attrs.frozen(eq=False)
class AccessLog(Noun):
    """Where a listener writes a line for each exchange, and how the line looks. Raises `ConfigError`.

    `path` is a file, which lines are added to, or "-" for standard output. `format` is "json", "combined", "common"
    or one's own: text with the names of fields in braces, such as '{client} "{request}" {status}'; a brace itself
    is written twice. Several listeners may write to one file.
    """

    path: str = attrs.field(converter=file_path)
    format: str = attrs.field(default="json", kw_only=True)

    def __str__(self) -> str:
        return f"AccessLog {shown(self.path)}"

    def _mistakes(self) -> Iterator[str]:
        if list(word("path", self.path)):
            yield f"path: {shown(self.path)} is no path of a file; give one such as '/var/log/site.log', or '-'"
        if self.format not in FORMATS:
            yield from (f"format: {line}" for line in _wrong_format(self.format))


def _wrong_format(given: str) -> Iterator[str]:
    """What is wrong with a format of the user's own."""
    if not isinstance(given, str) or "{" not in given:
        yield f"{shown(given)} is not a choice; give {', '.join(map(repr, FORMATS))} or fields in braces"
        return
    if not given.isprintable():
        yield f"{shown(given)} is not text of one line; write it without controls"
    try:
        pieces = list(Formatter().parse(given))
    except ValueError as error:
        yield f"{shown(given)}: {str(error).lower()}; write a brace that is meant itself twice"
        return
    if all(name is None for _, name, _, _ in pieces):
        yield f"{shown(given)} tells nothing; give fields in braces, such as {{status}}"
    for _, name, spec, conversion in pieces:
        if name is not None and (spec or conversion):
            yield f"{shown(given)}: what stands behind {name!r} would be ignored; write {{{name}}}"
        if name is not None and name not in LOG_FIELDS:
            yield f"{shown(given)}: {shown(name)} is not a field; {_remedy(name)}"


def _remedy(name: str) -> str:
    close = get_close_matches(name, LOG_FIELDS, n=1)
    return f"did you mean {close[0]!r}?" if close else f"give some of {', '.join(LOG_FIELDS)}"
