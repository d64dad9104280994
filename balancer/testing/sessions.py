"""Strategies for what clients say, hostile ones too: heads of requests, and sessions of every kind.

A head has passed the decoder, so its fields are of the characters that it lets pass, and hold whatever a client can
make of those. First bytes are any bytes at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from balancer.core.messages import RequestHead
from balancer.interfaces import Kind
from balancer.testing.fakes import FakeSession
from balancer.testing.strategies import hypothesis_strategies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

_METHODS: Final = ("GET", "POST", "HEAD", "OPTIONS", "DELETE", "BREW")
PATHS: Final = (
    "/",
    "*",
    "/v1/items",
    "/v1/",
    "/a%0d%0ab",
    "/%ff%00",
    "//",
    "/v1/x?q=1&q",
    "/?",
    "/?=&=",
    "/admin/..;",
    "/a/?q=1",
    "/a/../b",
    "/%2e%2e/",
    "/x?q=%0d%0aa:%20b",
    "/x?a[b]=%00&%e9=%ff",
    f"/?n={'9' * 5000}",
)
HOSTS: Final = (
    "example.com",
    "www.example.com",
    "EXAMPLE.com:8080",
    "evil-example.com",
    "[::1]:80",
    "[::1]",
    "a.",
    "a,b",
    "%41",
    "",
    "a",
    "192.0.2.1",
)
NAMES: Final = ("accept", "authorization", "content-type", "cookie", "user-agent", "x-forwarded-for", "x-user")
VALUES: Final = (
    "",
    "=",
    ";",
    "beta",
    "beta=",
    "a=1; b=2; a=3",
    '"',
    "a" * 500,
    "\xff\xe9",
    "%",
    ",,",
    "Bearer",
    "1e999",
    "nan",
    "-1",
    "0",
    "\xb2",
    "9" * 5000,
    "a@b=1",
    "[" * 5000,
    "{",
    "a\tb",
)
LEADING: Final = (
    b"",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02",
    b"SSH-2.0-x\r\n",
    b"HELO a\r\n",
    b"*1\r\n$",
    b"\xff" * 16,
    b"\x80",
    b"\xe2\x98",
    b"\0" * 16,
    b"\n\n",
    b"9" * 5000,
)
CLIENTS: Final = ("192.0.2.1", "10.1.2.3", "2001:db8::1", "::ffff:10.0.0.1", "fe80::1%eth0", "")


def requests() -> SearchStrategy[RequestHead]:
    """Heads of requests as the decoder lets them pass. Raises `ModuleNotFoundError` without Hypothesis."""
    st = hypothesis_strategies()
    value = st.sampled_from(VALUES) | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
    path = st.text(st.sampled_from("ab/%.~;=-_01"), max_size=12).map(lambda text: f"/{text}")
    heads: SearchStrategy[RequestHead] = st.builds(
        RequestHead,
        st.sampled_from(_METHODS),
        st.sampled_from(PATHS) | path,
        st.sampled_from(HOSTS),
        st.sampled_from(("http", "https")),
        fields=st.lists(st.tuples(st.sampled_from(NAMES), value), max_size=6).map(tuple),
        version=st.sampled_from(("1.1", "1.1", "1.0")),
        length=st.sampled_from((0, 0, 5, 2**40, None)),
    )
    return heads


def sessions(tried: Sequence[Any] = (), *, kinds: Sequence[Kind] = tuple(Kind)) -> SearchStrategy[FakeSession]:
    """Sessions of these kinds that have tried some of those backends: in a tuple, a list or a set, all collections.

    Raises `ModuleNotFoundError` without Hypothesis.
    """
    st = hypothesis_strategies()
    several = st.lists(st.sampled_from(tried), unique=True) if tried else st.just([])
    drawn: SearchStrategy[FakeSession] = st.builds(
        _session,
        st.sampled_from(kinds),
        requests(),
        st.tuples(st.sampled_from((tuple, frozenset, list)), several).map(lambda pair: pair[0](pair[1])),
        st.sampled_from(LEADING) | st.binary(max_size=40),
        st.fixed_dictionaries(
            {
                "client": st.tuples(st.sampled_from(CLIENTS), st.integers(0, 65535)),
                "server_name": st.none() | st.sampled_from(("example.com", "a.example.com", "xn--caf-dma.example")),
                "alpn": st.none() | st.sampled_from(("h2", "http/1.1")),
                "captures": st.dictionaries(st.sampled_from(("tenant", "shard")), st.text(max_size=5), max_size=2),
                "now": st.floats(0, 1e9),
            }
        ),
    )
    return drawn


def _session(kind: Kind, request: RequestHead, tried: Any, peek: bytes, told: dict[str, Any]) -> FakeSession:
    if kind is Kind.HTTP:
        return FakeSession(kind=kind, request=request, tried=tried, attempt=len(tried) + 1, **told)
    told = {**told, "peek": peek, "client": told["client"] if told["client"][0] else ("", 0)}
    return FakeSession(kind=kind, tried=tried, attempt=len(tried) + 1, **told)
