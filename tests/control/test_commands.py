"""Commands over the control socket: what each does and answers, and that no line whatever does harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogEvent

from balancer.control.commands import COMMANDS, FAILED
from balancer.core.lines import Lines
from balancer.errors import ControlRefused
from tests.control.house import RELAY, Asked

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SAID = st.dictionaries(
    st.sampled_from(["do", "backend", "weight", "count", "x"]),
    JSON | st.sampled_from([*COMMANDS, "b1", "b2", "site/b2", 0, 0.5]),
).map(lambda said: json.dumps(said).encode())


def test_drain_and_undrain(asked: Asked) -> None:
    """A backend that drains keeps its sessions and gets no new ones until it is undrained; both say how it is."""
    asked.relays(2)
    answer = asked.do("drain", backend="b1")
    assert (answer["ok"], answer["pool"], answer["backend"], answer["state"]) == (True, "site", "b1", "draining")
    assert (answer["active"], answer["eligible"]) == (1, 1)
    asked.relays(2)
    assert asked.do("drain", backend="site/b1")["active"] == 1
    assert asked.do("undrain", backend="b1")["eligible"] == 2
    asked.relays(2)
    assert asked.do("undrain", backend="b1")["active"] == 2


def test_weight(asked: Asked) -> None:
    """A weight by hand is in force at once; with 0 a backend gets no new sessions."""
    assert asked.do("weight", backend="b1", weight=2.5)["weight"] == 2.5
    assert asked.do("weight", backend="b1", weight=0)["eligible"] == 1
    asked.relays(3)
    assert asked.do("weight", backend="b1", weight=1)["active"] == 0


def test_explain(asked: Asked) -> None:
    """Where a request would go is told of the pools as they are now, and nothing changes by it."""
    asked.do("drain", backend="site/b2")
    asked.relays(2)
    told = asked.do("explain", question=f"tcp://:{RELAY}", client="10.1.2.3")
    assert (told["ok"], told["outcome"], told["backend"], told["client"]) == (True, "served", "b1", "10.1.2.3:50000")
    assert [(one["active"], one["reasons"]) for one in told["pool"]["backends"]] == [(2, []), (0, ["draining"])]
    told = asked.do("explain", question="http://a.example/", headers=["Cookie: a=b"])
    assert (told["pool"]["pool"], "cookie: a=b" in told["request"]["sent"]) == ("api", True)
    assert asked.do("explain", question="what")["error"].startswith("'what' is no question; ")
    assert "no listener takes" in asked.do("explain", question="udp://:53")["error"]
    assert "give a list of texts" in asked.do("explain", question="http://a.example/", headers="a: b")["error"]
    assert [one["active"] for one in asked.do("counters")["pools"][0]["backends"]] == [2, 0]


def test_events(asked: Asked) -> None:
    """The latest changes come oldest first, of all backends or of one, and no more than wanted."""
    for name in ("b1", "site/b2", "api/b2"):
        asked.do("drain", backend=name)
    asked.do("undrain", backend="b1")

    def told(**arguments: Any) -> list[str]:
        events = asked.do("events", **arguments)["events"]
        assert all(event["why"] == "control" and event["at"] == 0 for event in events)
        return [f"{event['pool']}/{event['backend']} {event['what']}" for event in events]

    assert told() == ["site/b1 draining", "site/b2 draining", "api/b2 draining", "site/b1 undrained"]
    assert told(backend="b1") == ["site/b1 draining", "site/b1 undrained"]
    assert told(count=1, backend="b1") == ["site/b1 undrained"]
    assert told(count=3) == told()[1:]


def test_help(asked: Asked) -> None:
    """Help tells every command and what it takes, and every command told is one."""
    commands = asked.do("help")["commands"]
    assert set(commands) == set(COMMANDS)
    assert set(commands["weight"]["takes"]) == {"backend", "weight"}
    assert all(asked.do(name)["ok"] is not command["takes"] for name, command in commands.items())


MISTAKES = {
    b"": 'the line is no JSON object; send one such as {"do": "help"}',
    b"drain b1": 'the line is no JSON object; send one such as {"do": "help"}',
    b"[1]": 'the line is no JSON object; send one such as {"do": "help"}',
    b"\xff\xfe": 'the line is no JSON object; send one such as {"do": "help"}',
    b"[" * 60000: 'the line is no JSON object; send one such as {"do": "help"}',
    b"{}": 'there is no `do`; send one such as {"do": "help"}, or do drain, undrain, weight, counters, connections, '
    "events, explain, help",
    b'{"do": "kill"}': '\'kill\' is no command; send one such as {"do": "help"}, or do drain, undrain, weight, '
    "counters, connections, events, explain, help",
    b'{"do": "drain"}': "drain: backend is missing; give the name of a backend, or pool/name",
    b'{"do": "drain", "backend": 1}': "drain: backend: 1 does not fit; give the name of a backend, or pool/name",
    b'{"do": "drain", "backend": "b1", "for": 3}': "drain: 'for' would be ignored; leave it out",
    b'{"do": "drain", "backend": "b9"}': "no backend is named 'b9'; there is b1, site/b2, api/b2",
    b'{"do": "weight", "backend": "b1", "weight": -1}': "weight: weight: -1 does not fit; give a number from 0",
    b'{"do": "weight", "backend": "b1", "weight": true}': "weight: weight: True does not fit; give a number from 0",
    b'{"do": "weight", "backend": "b1", "weight": 1e999}': "weight: weight: inf does not fit; give a number from 0",
    b'{"do": "weight", "backend": "b1", "weight": NaN}': 'the line is no JSON object; send one such as {"do": "help"}',
    b'{"do": "events", "count": 0}': "events: count: 0 does not fit; give a whole number of at least 1",
}


@pytest.mark.parametrize(("line", "error"), MISTAKES.items(), ids=lambda value: str(value)[:30])
def test_mistakes(asked: Asked, line: bytes, error: str) -> None:
    """A line that is no command that can be carried out changes nothing, and is told why in one line."""
    assert asked.say(line) == {"ok": False, "error": error}
    assert asked.do("events")["events"] == []


@given(st.lists(SAID | st.binary(max_size=50), max_size=5))
def test_no_line_does_harm(lines: list[bytes]) -> None:
    """Whatever is said, every line is answered by one object, and the next one is as good as ever."""
    asked = Asked()
    for line in lines:
        answer = asked.say(line.replace(b"\n", b""))
        assert answer["ok"] is True or isinstance(answer["error"], str)
        assert len(json.dumps(answer)) < 10000
    assert asked.do("help")["ok"]
    asked.house.end()


def test_a_fault_of_ours(asked: Asked, monkeypatch: pytest.MonkeyPatch, logged_failures: list[LogEvent]) -> None:
    """What goes wrong in a way nobody foresaw is logged, and the client told that it is not to blame."""
    monkeypatch.setattr(type(asked.assembly.pipes), "lent", property(lambda _: 1 / 0), raising=False)
    assert asked.do("counters") == {"ok": False, "error": FAILED}
    assert logged_failures.pop()["log_failure"].check(ZeroDivisionError)


def test_what_is_refused_before_it_is_read(asked: Asked) -> None:
    """A line that is too long is told as any other mistake."""
    lines = Lines(5)
    lines.receive(b"too long")
    with pytest.raises(ControlRefused) as caught:
        lines.next()
    said = json.loads(asked.commands.refuse(caught.value))
    assert said == {"ok": False, "error": "the line is longer than 5 bytes; send one command a line"}
