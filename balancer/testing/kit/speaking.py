"""What clients and backends say to a plugin whose words one knows: what it looks for, and what is hostile there.

What is known to break plugins is tried outright, one after the other; the strategies are for the rest. A head is one
that the decoder lets pass. Judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from balancer.core.messages import NAME, RequestHead, ResponseHead
from balancer.interfaces import Kind
from balancer.testing.fakes import FakeSession
from balancer.testing.kit.constants import mentioned, patterns
from balancer.testing.sessions import CLIENTS, HOSTS, LEADING, NAMES, PATHS, VALUES, requests, sessions
from balancer.testing.strategies import hypothesis_strategies

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

OWN_NAMES: Final = 4
"""How many fields are taken of those that a plugin names."""
OWN_WORDS: Final = 6
"""How many of its words stand before what is hostile."""
ENDS: Final = ("", "=", "%", "-1", "nan", "\xff\xe9", "\xb2", "9" * 5000, "[" * 5000)
"""What stands behind them."""
NO_VALUE: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
NO_TARGET: Final = re.compile(r"[^!-~]|#")
NO_HOST: Final = re.compile(r"[^0-9A-Za-z.-]")


def brief(text: str) -> str:
    """A text that is shown in a story."""
    return repr(text) if len(text) <= 60 else f"{text[:40]!r} and so on, {len(text)} characters"


def outright_sessions(plugin: Any) -> Iterator[FakeSession]:
    """Sessions that have broken others: of every kind, with first bytes of every sort, and hostile requests."""
    for kind, client in product((Kind.TCP, Kind.UDP), CLIENTS):
        yield FakeSession(kind=kind, client=(client, 50000 if client else 0))
    for data in (*LEADING, *(word[:length] for word in mentioned(plugin) for length in (1, 2, len(word)))):
        yield FakeSession(peek=data)
    for text in _matching(plugin):
        yield FakeSession(peek=text.encode("latin-1", "ignore"))
    for head in outright_requests(plugin):
        yield FakeSession(kind=Kind.HTTP, request=head)
    yield FakeSession(kind=Kind.HTTP, request=RequestHead("GET", "/", "example.com"), client=("", 0))


def outright_requests(plugin: Any) -> Iterator[RequestHead]:
    """Heads that have broken others, with whatever the plugin may look for."""
    for path in PATHS:
        yield RequestHead("GET", path, "example.com")
    for host in HOSTS:
        yield RequestHead("GET", "/", host)
    for text in (*_matching(plugin), *(word.decode("latin-1") for word in mentioned(plugin))):
        yield _requesting(text, text, [(name, _value(text)) for name in _names(plugin)])
    for fields in _hostile_fields(plugin, NAMES):
        yield RequestHead("POST", "/", "example.com", fields=fields)


def outright_answers(plugin: Any) -> Iterator[ResponseHead]:
    """Heads of answers, with hostile values in the fields that the plugin names."""
    for fields in _hostile_fields(plugin, ()):
        yield ResponseHead(200, "OK", fields=fields, length=5)


def _hostile_fields(plugin: Any, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, str]]]:
    own = _names(plugin)
    for name, value in product(dict.fromkeys((*own, *names)), VALUES):
        yield ((name, value),)
    words = [_value(word.decode("latin-1")) for word in mentioned(plugin)[-OWN_WORDS:]]
    for name, word, sign, value in product(own, words, "= ", ENDS):
        yield ((name, _value(f"{word}{sign}{value}")),)


def _matching(plugin: Any) -> list[str]:
    """The simplest text that each of its patterns matches."""
    return [text for text in map(_simplest, patterns(plugin)) if text is not None]


@lru_cache
def _simplest(pattern: re.Pattern[Any]) -> str | None:
    """The first that Hypothesis makes, which is the simplest; None where it soon finds none."""
    hypothesis_strategies()
    from hypothesis import HealthCheck, Phase, Verbosity, find, settings  # noqa: PLC0415  only tests need it

    quickly = settings(
        max_examples=2,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        derandomize=True,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    strategy = _matched(pattern)
    with suppress(Exception):  # one that nothing matches
        return None if strategy is None else _text(find(strategy, lambda _any: True, settings=quickly))
    return None


def _names(plugin: Any) -> list[str]:
    """Those of its words that can be names of fields; the longest first, which are no other word."""
    words = [word.decode("latin-1").lower() for word in reversed(mentioned(plugin))]
    found = [word for word in words if len(word) > 1 and NAME.fullmatch(word)]
    return list(dict.fromkeys(found))[:OWN_NAMES]


def _value(text: str) -> str:
    return NO_VALUE.sub("", text).strip("\t ")


def sessions_for(plugin: Any) -> SearchStrategy[FakeSession]:
    """Sessions of clients that may also say what the plugin mentions, and what its patterns match."""
    st = hypothesis_strategies()
    said = [st.sampled_from(words) for words in [mentioned(plugin)] if words]
    said += [made for made in map(_matched, patterns(plugin)) if made is not None]
    if not said:
        return sessions()
    data = st.one_of(said).map(lambda one: one.encode("latin-1", "ignore") if isinstance(one, str) else one)
    peeks = st.lists(data | st.binary(max_size=3), max_size=4).map(b"".join)
    drawn = sessions() | st.builds(lambda peek: FakeSession(peek=peek), peeks)
    all_of_them: SearchStrategy[FakeSession] = drawn | requests_for(plugin).map(
        lambda head: FakeSession(kind=Kind.HTTP, request=head, server_name=head.host or None)
    )
    return all_of_them


def requests_for(plugin: Any) -> SearchStrategy[RequestHead]:
    """Heads of requests that may also say such things, wherever they can."""
    st = hypothesis_strategies()
    said = [st.sampled_from([word.decode("latin-1") for word in words]) for words in [mentioned(plugin)] if words]
    said += [made.map(_text) for made in map(_matched, patterns(plugin)) if made is not None]
    if not said:
        return requests()
    signs = st.sampled_from(("", " ", "=", ";", ",", "/", "&"))
    part = st.one_of(said)
    value = st.lists(part | st.sampled_from(VALUES), max_size=3).flatmap(
        lambda parts: signs.map(lambda s: s.join(parts))
    )
    names = st.sampled_from([*_names(plugin), "cookie", "x-some"])
    fields = st.lists(st.tuples(names, value.map(_value)), max_size=3)
    heads: SearchStrategy[RequestHead] = requests() | st.builds(_requesting, part | value, part, fields)
    return heads


def _requesting(target: str, host: str, fields: list[tuple[str, str]]) -> RequestHead:
    path = NO_TARGET.sub("", target)
    return RequestHead("GET", path if path.startswith("/") else f"/{path}", NO_HOST.sub("", host), fields=tuple(fields))


def _text(matched: Any) -> str:
    return matched if isinstance(matched, str) else matched.decode("latin-1")


@lru_cache
def _matched(pattern: re.Pattern[Any]) -> Any:
    """A strategy of what a pattern matches; None where Hypothesis cannot make any."""
    st = hypothesis_strategies()
    letters = {} if isinstance(pattern.pattern, bytes) else {"alphabet": st.characters(max_codepoint=255)}
    made = st.from_regex(pattern, fullmatch=True, **letters)
    try:
        made.validate()
    except Exception:  # noqa: BLE001  whatever it cannot do with a pattern of somebody's
        return None
    return made
