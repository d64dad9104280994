"""The lines of the access log: what they tell, and that nobody can make them tell anything else."""

from __future__ import annotations

import json
import re
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.access import OF_TLS, UNKNOWN, Record, Stamps, compile_format, tells_of_tls

PLAIN = Record(
    time="2026-03-01T12:03:07.250Z",
    date="01/Mar/2026:12:03:07 +0000",
    client="192.0.2.1",
    port=5000,
    request="GET /a?b=100% HTTP/1.1",
    method="GET",
    target="/a?b=100%",
    protocol="HTTP/1.1",
    scheme="http",
    host="example.com:80",
    status=200,
    sent_bytes=5123,
    received_bytes=812,
    referer="http://example.com/",
    user_agent="curl/8 (x)",
    request_id=UNKNOWN,
    route="Path('/a')",
    pool="site",
    backend="b1",
    attempts=2,
    retries="connect-failed",
    request_time=0.0,
    queue_time=0.25,
    connect_time=0.001,
    response_time=1.5,
    data_time=0.000001,
    total_time=1.751001,
    ending="done",
    stage="done",
    code="--",
)
TEXTS = st.text(st.characters(max_codepoint=0xFF), min_size=1) | st.sampled_from(
    ['"-"', "-", '","x":"', "\\", '\\"', "\n", "%s", '" 200', "a b", "null"]
)
TIMES = st.none() | st.floats(0, 1e6)
RECORDS = st.builds(
    PLAIN._replace,
    **dict.fromkeys(("client", "request", "target", "host", "referer", "user_agent", "request_id", "route"), TEXTS),
    **dict.fromkeys(("request_time", "queue_time", "connect_time", "response_time", "data_time"), TIMES),
    status=st.integers(200, 599),
)
WORDS = re.compile(r'(?:(?P<word>[!#-~]+)|"(?P<quoted>[ !#-~]+)")(?: |$)')
ESCAPED = re.compile(r"\\x([0-9a-f]{2})")


def read(line: str) -> list[str]:
    """The words of a line, taken as what they were; fails for a line that has anything else."""
    found = list(WORDS.finditer(line))
    assert "".join(word[0] for word in found) == line
    return [ESCAPED.sub(lambda code: chr(int(code[1], 16)), word["word"] or word["quoted"]) for word in found]


def shown(value: Any) -> str:
    """A field as other formats than JSON have it."""
    return UNKNOWN if value is None else f"{value:.6f}" if isinstance(value, float) else str(value)


def test_the_common_format() -> None:
    """The common log format is that of other servers."""
    line = compile_format("common")(PLAIN)
    assert line == '192.0.2.1 - - [01/Mar/2026:12:03:07 +0000] "GET /a?b=100% HTTP/1.1" 200 5123'


def test_the_combined_format() -> None:
    """The combined format is the common one, the referer and the user agent."""
    line = compile_format("combined")(PLAIN)
    assert line == compile_format("common")(PLAIN) + ' "http://example.com/" "curl/8 (x)"'


def test_json() -> None:
    """JSON has all fields by name, times as numbers, and null for what is not known."""
    told = json.loads(compile_format("json")(PLAIN._replace(connect_time=None)))
    unlike = {"date", "request"}
    expected = {name: value for name, value in PLAIN._asdict().items() if name not in unlike}
    assert told == {**expected, "request_id": None, "connect_time": None}


def test_what_is_told_of_tls() -> None:
    """Formats of one's own name what is known of TLS, and JSON has it where a log tells of TLS."""
    told = (*PLAIN, "TLSv1.3", "X", "a.example", "CN=J\u00f6rg M", "00ff", UNKNOWN)
    own = '{status} {tls_version} {cipher} {server_name} "{certificate_subject}" {certificate_fingerprint} {code}'
    assert compile_format(own)(told) == '200 TLSv1.3 X a.example "CN=J\\xf6rg M" 00ff --'
    found = json.loads(compile_format("json", tls=True)(told))
    assert [found[name] for name in OF_TLS] == ["TLSv1.3", "X", "a.example", "CN=J\u00f6rg M", "00ff", None]
    assert not set(json.loads(compile_format("json")(told))) & set(OF_TLS)
    assert compile_format("combined", tls=True)(told) == compile_format("combined")(PLAIN)


@pytest.mark.parametrize(
    ("own", "tells"),
    [("json", False), ("combined", False), ("{status} {{cipher}}", False), ("{status} {cipher}", True)],
)
def test_formats_that_tell_of_tls(own: str, tells: bool) -> None:
    """A format tells of TLS that names one of its fields."""
    assert tells_of_tls(own) is tells


@pytest.mark.parametrize("text", ['"-', '"-"', ':"-', ':"-"', '\\"-', '-"', ',"-":"-'])
def test_json_takes_no_text_for_one_that_is_not_known(text: str) -> None:
    """What looks like the end of an unknown field stands in a text as it was sent."""
    told = json.loads(compile_format("json")(PLAIN._replace(referer=text, user_agent=text)))
    assert (told["referer"], told["user_agent"]) == (text, text)


@pytest.mark.parametrize(
    ("own", "line"),
    [
        ("{status}", "200"),
        ("{{{target}}} 50% {total_time}s", "{/a?b=100%} 50% 1.751001s"),
        ("{user_agent} '{user_agent}' \"{user_agent}\"", "curl/8\\x20(x) 'curl/8\\x20(x)' \"curl/8 (x)\""),
        ("[{date}] {date}", "[01/Mar/2026:12:03:07 +0000] 01/Mar/2026:12:03:07 +0000"),
        ("é {status} {{", "é 200 {"),
    ],
)
def test_a_format_of_ones_own(own: str, line: str) -> None:
    """A user's format is written as it stands, with the fields in place of their names; a brace is written twice."""
    assert compile_format(own)(PLAIN) == line


def test_what_is_not_known() -> None:
    """A time that never came is a dash, as all is that is not known."""
    line = compile_format("{queue_time} {status} {data_time} {request_id}")
    for _ in range(2):
        assert line(PLAIN._replace(queue_time=None, data_time=None)) == "- 200 - -"
    assert line(PLAIN._replace(data_time=None)) == "0.250000 200 - -"


@given(RECORDS)
def test_no_text_leaves_its_place_in_json(record: Record) -> None:
    """Whatever clients send, a line is one JSON object of printable ASCII that has each field as it was."""
    line = compile_format("json")(record)
    assert re.fullmatch(r"[ -\x7f]+", line)
    pairs = json.loads(line, object_pairs_hook=list)
    names = [name for name in Record._fields if name not in {"date", "request"}]
    assert [name for name, _ in pairs] == names
    for (_, told), value in zip(pairs, itemgetter(*map(Record._fields.index, names))(record), strict=True):
        if isinstance(value, float):
            assert told == pytest.approx(value, abs=1e-6)
        else:
            assert told == (None if value == UNKNOWN else value)


@given(RECORDS)
def test_no_text_leaves_its_place_in_other_formats(record: Record) -> None:
    """Whatever clients send, a line has as many words as its format, and each says what it stands for."""
    names = ["client", "status", "host", "referer", "queue_time", "target", "user_agent", "connect_time", "request"]
    quoted = {"host", "user_agent"}
    own = " ".join(f'"{{{name}}}"' if name in quoted else f"{{{name}}}" for name in names)
    assert read(compile_format(own)(record)) == [shown(getattr(record, name)) for name in names]


def test_names_in_other_scripts() -> None:
    """What a config names in whatever script is written in UTF-8 and hexadecimal digits, or as JSON has it."""
    record = PLAIN._replace(pool="\u20ac", route="\ud800")
    assert compile_format("{pool} {route}")(record) == r"\xe2\x82\xac \x5c\x75\x64\x38\x30\x30"
    assert json.loads(compile_format("json")(record))["pool"] == "\u20ac"


def test_stamps() -> None:
    """The time is UTC, to the millisecond in ISO 8601, and follows a clock that is set back as well."""
    now = 1772366587.25
    stamps = Stamps(lambda: now)
    assert stamps.now() == ("2026-03-01T12:03:07.250Z", "01/Mar/2026:12:03:07 +0000")
    now += 0.7499
    assert stamps.now()[0] == "2026-03-01T12:03:07.999Z"
    now += 300 * 86400 + 0.1
    assert stamps.now() == ("2026-12-26T12:03:08.099Z", "26/Dec/2026:12:03:08 +0000")
    now = 0.0
    assert stamps.now() == ("1970-01-01T00:00:00.000Z", "01/Jan/1970:00:00:00 +0000")
