"""Access logs as values, and what a user is told of a wrong one."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import pytest

from balancer.config import AccessLog, HTTPListener, Pool
from balancer.config.access_log import LOG_FIELDS
from balancer.core.access import OF_TLS, Record
from balancer.errors import ConfigError

EVERY = ", ".join(LOG_FIELDS)


def test_fields_are_those_that_are_known() -> None:
    """The fields that a format may name are just those that an exchange has."""
    assert tuple(LOG_FIELDS) == (*Record._fields, *OF_TLS)


@pytest.mark.parametrize(
    "own", ["common", "{client}", '{{{client}}} "{request}" 100%', "".join(f"{{{one}}}" for one in LOG_FIELDS)]
)
def test_formats(own: str) -> None:
    """A format is one by its name, or text that has fields in braces."""
    assert AccessLog("-", format=own).format == own


def test_the_format_unless_given() -> None:
    """Without a format it is the one that tells everything."""
    assert AccessLog("/var/log/x.log").format == "json"


@pytest.mark.parametrize("path", ["", 5, "a\nb"])
def test_paths_that_are_none(path: Any) -> None:
    """What is no path is told in one line, which says what to give."""
    with pytest.raises(ConfigError) as caught:
        AccessLog(path)
    said = f"{path!r} is no path of a file; give one such as '/var/log/site.log', or '-'"
    assert caught.value.mistakes == (f"AccessLog {path!r}: path: {said}",)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("clf", "'clf' is not a choice; give 'json', 'combined', 'common' or fields in braces"),
        (None, "None is not a choice; give 'json', 'combined', 'common' or fields in braces"),
        ("{clint}", "'{clint}': 'clint' is not a field; did you mean 'client'?"),
        ("{}", f"'{{}}': '' is not a field; give some of {EVERY}"),
        ("{client.x}", "'{client.x}': 'client.x' is not a field; did you mean 'client'?"),
        ("{client!r}", "'{client!r}': what stands behind 'client' would be ignored; write {client}"),
        ("{status:5}", "'{status:5}': what stands behind 'status' would be ignored; write {status}"),
        ("{client", "'{client': expected '}' before end of string; write a brace that is meant itself twice"),
        ("{port} }", "'{port} }': single '}' encountered in format string; write a brace that is meant itself twice"),
        ("{{client}}", "'{{client}}' tells nothing; give fields in braces, such as {status}"),
        ("{client}\n", "'{client}\\n' is not text of one line; write it without controls"),
    ],
)
def test_formats_that_are_none(given: Any, line: str) -> None:
    """What is wrong with a format is one line, which says what to write."""
    with pytest.raises(ConfigError) as caught:
        AccessLog("-", format=given)
    assert caught.value.mistakes == (f"AccessLog '-': format: {line}",)


def test_a_path_of_pathlib() -> None:
    """A path may be one of `pathlib`."""
    assert AccessLog(PurePath("/var/log/site.log")).path == "/var/log/site.log"


def test_a_path_is_no_access_log() -> None:
    """Whoever gives a listener the path alone is told, in good English, what to give."""
    with pytest.raises(ConfigError, match="access_log: '/x' is not an AccessLog; give one such as AccessLog"):
        HTTPListener("tcp:80", pool=Pool("site", backends=["a:1"]), access_log="/x")  # type: ignore[arg-type]  # a path
