"""What is explained is what happens: the same request, put to the same config as it runs."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.config import TLS, Backend, Config, HTTPListener, Pool, Retry, Route, TCPListener, UDPListener
from balancer.errors import ConfigError
from balancer.explain import follow, lines_of, offline, question, told
from balancer.plugins.algorithms import First
from balancer.plugins.datagrams import DNSName
from balancer.plugins.filters import RequestHeaders, Respond, StripPrefix
from balancer.plugins.first_bytes import SNI
from balancer.plugins.hashing import Ketama, SourceHash
from balancer.plugins.matchers import Cookie, Header, Host, Method, Path
from balancer.plugins.sticky import OwnCookie, Sticky
from tests.net.house import FRONT, House

CLIENT = "127.0.0.7"
PORTS = (9001, 9002, 9003)
NAMES = {f"b{port}": port for port in PORTS}
BACKENDS = [Backend(f"127.0.0.1:{port}", name=name) for name, port in NAMES.items()]

site = Pool("site", backends=BACKENDS, algorithm=First())
keyed = Pool("keyed", backends=BACKENDS, algorithm=SourceHash(Ketama(16)))
names = Pool("names", backends=["udp:127.0.0.1:53"])
sticky = Pool("sticky", backends=BACKENDS[1:], algorithm=Sticky(OwnCookie("lb", "a secret of the tests"), First()))


def listener(trusted: bool) -> HTTPListener:
    """Everything that changes a head on its way, or ends it."""
    return HTTPListener(
        f"tcp:{FRONT}",
        routes=[
            Route(
                Path("/api") & ~Cookie("beta", "on"),
                keyed,
                filters=[StripPrefix("/api"), RequestHeaders(remove=["cookie"])],
            ),
            Route(Path("/fixed") | Header("x-fixed"), filters=Respond(418, "short and stout")),
            Route(Method("POST"), site, max_body=10, retry=Retry(attempt_header="x-attempt")),
            Route(Path("/old"), filters=[StripPrefix("/none")], pool=sticky, upgrades=()),
            Route(Host("app.example", "*.app.example"), sticky),
            Route(Path("/"), site) if trusted else Route(Path("/only"), site),
        ],
        trusted_proxies=[CLIENT] if trusted else [],
        request_id=False,
    )


fields = st.lists(
    st.sampled_from(
        [
            "Cookie: beta=on",
            "Cookie: a=b; lb=x",
            "X-Fixed: 1",
            "X-Forwarded-For: 10.9.9.9, 10.8.8.8",
            "Forwarded: for=10.1.1.1",
            "Connection: close, X-Hop",
            "X-Hop: 1",
            "Connection: upgrade",
            "Upgrade: websocket",
            "X_Odd: 1",
            "Content-Length: 5",
            "Content-Length: 50",
            "Max-Forwards: 0",
            "Te: trailers",
        ]
    ),
    max_size=4,
    unique=True,
)
lines = st.builds(
    "{} http://{}{}".format,
    st.sampled_from(["GET", "POST", "OPTIONS", "TRACE", "PURGE"]),
    st.sampled_from(["app.example:8080", "WWW.app.example", "other.example", "[::1]:8080"]),
    st.sampled_from(["/", "/api/x?y=1", "/a/../api", "/fixed", "/old", "/..", "/%61pi/%2f", "/only"]),
)


@settings(max_examples=30, deadline=None)
@given(lines, fields, st.booleans())
def test_a_request_goes_as_it_was_told(line: str, headers: list[str], trusted: bool) -> None:
    """The backend that was told gets the head that was told, byte for byte; or the client the status that was."""
    served = listener(trusted)
    asked = question(line, headers=headers, client=CLIENT)
    expected = told(follow(offline(Config([served])), asked))
    house = House()
    fars = {name: house.far(port) for name, port in NAMES.items()}
    house.open(served)
    client = house.client(asked.wire, host=CLIENT)
    try:
        heard = {name: far.last.heard for name, far in fars.items() if far.calls}
        if expected["backend"] is None:
            status = (expected["error"] or expected["reply"])["status"]
            assert heard == {}
            assert client.heard.startswith(f"HTTP/1.1 {status} ".encode())
        else:
            assert list(heard) == [expected["backend"]]
            assert heard[expected["backend"]].decode("latin-1").split("\r\n")[:-2] == expected["request"]["sent"]
    finally:
        house.end()


words = st.text(st.sampled_from("aé€%.:/?#@[]\\\r\n\0 -*&=0"), max_size=12)
schemes = st.sampled_from(["http", "https", "tcp", "udp", "GET http", "x https"])
asks = st.builds("{}://{}{}".format, schemes, words, words)
INSIDE = HTTPListener(tls=TLS("/c"), pool=site)
EVERY = Config(
    [
        listener(trusted=True),
        TCPListener("tcp:443", routes=[Route(SNI("a.example"), site), Route(serve=INSIDE)]),
        UDPListener("udp:53", routes=[Route(DNSName("a.example"), names)]),
    ]
)


@settings(max_examples=100)
@given(asks | words, st.lists(words, max_size=2), st.none() | words, st.none() | words, words)
def test_nothing_that_is_asked_does_harm(
    line: str, headers: list[str], client: str | None, sni: str | None, peek: str
) -> None:
    """Whatever is asked has an answer that can be printed and kept, or is a mistake that is told."""
    try:
        asked = question(line, headers=headers, client=client, sni=sni, peek=peek)
        lines = lines_of(json.loads(json.dumps(told(follow(offline(EVERY), asked)))))
    except ConfigError as error:
        lines = [*error.mistakes]
    assert lines
    assert all(line.isprintable() for line in lines)
