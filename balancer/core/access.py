r"""The line that the access log has of an exchange: what it tells and how it looks; refuses to know where it goes.

No client can forge a line, or a field of one. In JSON every text is a JSON string. In other formats whatever is not
printable ASCII, a double quote, a backslash, and outside of double quotes a space, is written as `\xHH`: a text is one
word, or stands between two quotes. What is not known is `-`, and null in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from operator import itemgetter
from string import Formatter
from typing import Any, Final, NamedTuple, get_type_hints

from balancer.core.dates import MONTHS

UNKNOWN: Final = "-"
"""Stands for a text that is not known."""

COMMON: Final = '{client} - - [{date}] "{request}" {status} {sent_bytes}'
COMBINED: Final = COMMON + ' "{referer}" "{user_agent}"'

UNSAFE: Final = re.compile(r"[^ !#-\[\]-~]")
UNSAFE_WORD: Final = re.compile(r"[^!#-\[\]-~]")


class Record(NamedTuple):
    """One exchange, as a line may tell of it.

    Texts are as they came, and never empty; times are in seconds, None where it never came so far.
    """

    time: str
    date: str
    client: str
    port: int
    request: str
    method: str
    target: str
    protocol: str
    scheme: str
    host: str
    status: int
    sent_bytes: int
    received_bytes: int
    referer: str
    user_agent: str
    request_id: str
    route: str
    pool: str
    backend: str
    attempts: int
    retries: str
    request_time: float | None
    queue_time: float | None
    connect_time: float | None
    response_time: float | None
    data_time: float | None
    total_time: float
    ending: str
    stage: str
    code: str


OF_TLS: Final = (
    "tls_version",
    "cipher",
    "server_name",
    "certificate_subject",
    "certificate_fingerprint",
    "certificate_error",
)
"""What a line may tell beside, of how the client's connection came: texts that follow those of a record."""

Told = tuple[Any, ...]
"""A `Record`, with the texts `OF_TLS` behind it where a log tells of TLS."""


class Stamps:
    """Writes the time, in UTC; what is the same within a second is made once."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._second, self._iso, self._date = -1, "", ""

    def now(self) -> tuple[str, str]:
        """ISO 8601 with milliseconds, and as in the common log format."""
        wall = self._wall()
        second = int(wall)
        if second != self._second:
            at = datetime.fromtimestamp(second, UTC)
            self._second, self._iso = second, at.strftime("%Y-%m-%dT%H:%M:%S")
            self._date = at.strftime(f"%d/{MONTHS[at.month - 1]}/%Y:%H:%M:%S +0000")
        return f"{self._iso}.{int(wall % 1 * 1000):03d}Z", self._date


SPECS: Final = {
    name: "%s" if kind is str else "%d" if kind is int else "%.6f" for name, kind in get_type_hints(Record).items()
} | dict.fromkeys(OF_TLS, "%s")
"""How each field is written."""

TEXTS: Final = {name for name, spec in SPECS.items() if spec == "%s"} - {"time", "date"}
"""Those in which anything may stand."""

IN_JSON: Final = [name for name in Record._fields if name not in {"date", "request"}]
"""What JSON tells; the others tell of the rest."""


def tells_of_tls(given: str) -> bool:
    """Whether a format of the user's own tells anything of TLS."""
    return any(name in OF_TLS for _, name, _, _ in Formatter().parse(given))


def compile_format(given: str, *, tls: bool = False) -> Callable[[Told], str]:
    """What writes the line of an exchange, without its end: in a format by its name, or in the user's own.

    With `tls` JSON tells of that, too.
    """
    if given != "json":
        return Layout({"common": COMMON, "combined": COMBINED}.get(given, given), _escaped, UNKNOWN).line
    names = [*IN_JSON, *OF_TLS] if tls else IN_JSON
    json_text = ",".join(f'"{name}":"{{{name}}}"' if SPECS[name] == "%s" else f'"{name}":{{{name}}}' for name in names)
    write = Layout(f"{{{{{json_text}}}}}", lambda text, _quoted: json.dumps(text)[1:-1], "null").line
    # Within a text each quote has a backslash before it, so none there is behind a colon.
    return lambda record: write(record).replace(f':"{UNKNOWN}"', ":null")


def _escaped(text: str, quoted: bool) -> str:
    return (UNSAFE if quoted else UNSAFE_WORD).sub(_hexadecimal, text)


def _hexadecimal(found: re.Match[str]) -> str:
    """The bytes of a character; one that no client can send is from the config, and in UTF-8."""
    encoded = found[0].encode("latin-1" if found[0] <= "\xff" else "utf-8", "backslashreplace")
    return "".join(f"\\x{byte:02x}" for byte in encoded)


class Layout:
    """A format taken apart: `escape` makes a text safe, between quotes or not, and `unknown` stands for a lacking time.

    Nearly always no text needs that and no time lacks, and then a line is made by a single `%`.
    """

    def __init__(self, given: str, escape: Callable[[str, bool], str], unknown: str) -> None:
        self._escape, self._unknown = escape, unknown
        self._pieces = [(literal.replace("%", "%%"), name) for literal, name, _, _ in Formatter().parse(given)]
        names, quoted = [name for _, name in self._pieces if name is not None], _quoted(self._pieces)
        self._ways = [way if name in TEXTS else None for name, way in zip(names, quoted, strict=True)]
        self._values, self._in_quotes, self._words = (
            _getter([name for name, way in zip(names, self._ways, strict=True) if way in wanted])
            for wanted in ((True, False, None), (True,), (False,))
        )
        self._templates: dict[tuple[bool, ...], str] = {}
        self._template = self._lacking((False,) * len(names))

    def line(self, record: Told) -> str:
        """The line of an exchange, without its end."""
        values = self._values(record)
        if UNSAFE.search("".join(self._in_quotes(record))) or UNSAFE_WORD.search("".join(self._words(record))):
            values = tuple(
                value if way is None else self._escape(value, way)
                for value, way in zip(values, self._ways, strict=True)
            )
        try:
            return self._template % values
        except TypeError:  # a time is None
            return self._lacking(tuple(value is None for value in values)) % values

    def _lacking(self, missing: tuple[bool, ...]) -> str:
        """The template for values of which those are None; made once for each of the few cases."""
        if missing not in self._templates:
            absent = iter(missing)
            self._templates[missing] = "".join(
                literal + ("" if name is None else f"{self._unknown}%.0s" if next(absent) else SPECS[name])
                for literal, name in self._pieces
            )
        return self._templates[missing]


def _quoted(pieces: Sequence[tuple[str, str | None]]) -> list[bool]:
    """Of each field whether it stands between double quotes: an odd number of them before it."""
    marks = accumulate(literal.count('"') for literal, _ in pieces)
    return [count % 2 == 1 for count, (_, name) in zip(marks, pieces, strict=True) if name is not None]


def _getter(names: Sequence[str]) -> Callable[[Told], tuple[Any, ...]]:
    """What takes the fields of those names out of a record."""
    indexes = [(*Record._fields, *OF_TLS).index(name) for name in names]
    if len(indexes) > 1:
        return itemgetter(*indexes)
    return lambda record: tuple(record[index] for index in indexes)
