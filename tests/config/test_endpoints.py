"""The grammar of endpoint strings, next to Twisted's own parser where there is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor

from balancer.config.endpoints import Endpoint, backend_endpoint, endpoint_or_none, likely_endpoint, listener_endpoint

TEXT = st.text("ab:=\\/ é", min_size=1)


@pytest.mark.parametrize(
    ("text", "scheme", "place", "name"),
    [
        ("10.0.0.1:80", "", ("10.0.0.1", 80), "10.0.0.1:80"),
        ("tcp:host.example:80", "tcp", ("host.example", 80), "host.example:80"),
        ("udp:host.example:53", "udp", ("host.example", 53), "udp:host.example:53"),
        ("[::1]:80", "", ("::1", 80), "[::1]:80"),
        ("tcp:[::1]:80", "tcp", ("::1", 80), "[::1]:80"),
        (r"tcp:\:\:1:80", "tcp", ("::1", 80), "[::1]:80"),
        (r"\:\:1:80", "", ("::1", 80), "[::1]:80"),
        ("unix:/run/api.sock", "unix", "/run/api.sock", "unix:/run/api.sock"),
        (r"unix:/run/a\:b", "unix", "/run/a:b", "unix:/run/a:b"),
        ("unix:path=/run//x", "unix", "/run//x", "unix:/run//x"),
        ("db_1.example-a.:5432", "", ("db_1.example-a.", 5432), "db_1.example-a.:5432"),
        ("[fe80::1%eth0]:80", "", ("fe80::1%eth0", 80), "[fe80::1%eth0]:80"),
    ],
)
def test_addresses_of_backends(text: str, scheme: str, place: object, name: str) -> None:
    """A backend's address may be Twisted's, or what people type, and reads the same for each way of writing."""
    endpoint = backend_endpoint(text)
    assert (endpoint.scheme, endpoint.place, str(endpoint)) == (scheme, place, name)


@pytest.mark.parametrize(
    ("text", "scheme", "place", "options"),
    [
        ("tcp:8080", "tcp", ("", 8080), {}),
        ("tcp:0", "tcp", ("", 0), {}),
        ("tcp:8080:127.0.0.1:5", "tcp", ("127.0.0.1", 8080), {"backlog": "5"}),
        (r"tcp:port=8080:interface=\:\:1:backlog=9", "tcp", ("::1", 8080), {"backlog": "9"}),
        ("tcp6:8080:7", "tcp6", ("::", 8080), {"backlog": "7"}),
        ("udp:53:interface=10.0.0.1", "udp", ("10.0.0.1", 53), {}),
        ("unix:/run/x:mode=660:lockfile=0", "unix", "/run/x", {"mode": "660", "lockfile": "0"}),
        ("systemd:domain=INET:index=0", "systemd", "domain=INET:index=0", {}),
    ],
)
def test_endpoints_of_listeners(text: str, scheme: str, place: object, options: object) -> None:
    """Endpoints are taken apart as Twisted does; a type that is not ours keeps its text."""
    endpoint = listener_endpoint(text)
    assert (endpoint.scheme, endpoint.place, endpoint.options) == (scheme, place, options)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("8080", "does not begin with its type; write it as tcp:8080"),
        (":8080", "does not begin with its type; write it as tcp:8080"),
        ("*:80", "does not begin with its type; write it as tcp:80"),
        ("tcp", "does not begin with its type; write it as tcp:8080"),
        ("tcp:10.0.0.1:80", "has its port last; write it as tcp:80:interface=10.0.0.1"),
        ("udp:localhost:53", "has its port last; write it as udp:53:interface=localhost"),
        ("tcp://*:80", "has its port last; write it as tcp:80"),
        ("/run/x", "does not begin with its type; write it as unix:/run/x"),
        ("haproxy:tcp:80", "keeps PROXY headers to itself; bind tcp: or unix:, and give accept_proxy"),
        ("tls:443", "asks for TLS, which is no part of an endpoint here; bind tcp: or unix:, and give tls=TLS(...)"),
        ("tcp:", "has no port; give it a port"),
        ("unix:", "has no address; give it a path"),
        ("unix:/x:mode=9", ": mode: '9' is not an octal number from 0 to 777"),
        ("unix:/x:mode=1000", ": mode: '1000' is not an octal number from 0 to 777"),
        ("unix:/x:lockfile=2", ": lockfile: '2' is not a number from 0 to 1"),
        ("tcp:80:backlog=x", ": backlog: 'x' is not a number from 1 to 65535"),
        ("tcp:80:backlog=0", ": backlog: '0' is not a number from 1 to 65535"),
        ("tcp:80:backlog=65536", ": backlog: '65536' is not a number from 1 to 65535"),
        ("tcp:" + "9" * 5000, "is not a port; give 0 to 65535"),
        ("tcp:80:interface=300.1.1.1", ": the interface is no IP address; give one such as 10.0.0.11 or fe80::1"),
        ("unix:/run/a\nb", "is not text of one line"),
        ("udp:53:10.0.0.1:9", ": '9' is no part of it"),
        ("tcp:80:interface=::1", "gives interface twice"),
        ("tcp:80\\", "ends in a lone backslash"),
        ("tcp:²", "'²' is not a port"),
    ],
)
def test_complaints_about_listeners(text: str, complaint: str) -> None:
    """A wrong endpoint is quoted, and its remedy given."""
    with pytest.raises(ValueError, match=r"^'") as caught:
        listener_endpoint(text)
    assert str(caught.value).startswith(repr(text))
    assert complaint in str(caught.value)


def test_an_endpoint_of_http() -> None:
    """What people write for a type when they think of HTTP is not taken for an interface."""
    assert likely_endpoint("http:80") == "tcp:80"


@pytest.mark.parametrize("text", ["a b:80", "[::1:80", ":80", "[]:80", "unix:/x:y", "a:", "host:80:90", "a:host=b"])
def test_no_addresses(text: str) -> None:
    """What is no address is refused rather than guessed at."""
    with pytest.raises(ValueError, match=r"^'"):
        backend_endpoint(text)


@pytest.mark.parametrize(
    "host", ["300.1.1.1", "10.0.0..1", "10.0.0", "10.0.0.1.", "010.0.0.1", "0x7f.1", "a.0X7F", r"\:\:g", "7"]
)
def test_no_ip_addresses(host: str) -> None:
    """What ends in a number or has a colon is an IP address in its usual form, or a mistake."""
    with pytest.raises(ValueError, match=r": the host is no IP address; give one such as 10\.0\.0\.11 or fe80::1"):
        backend_endpoint(f"{host}:80")


@pytest.mark.parametrize(
    "host", [".example.com", "a..b", "a..", ".", "-a", "a-.b", "b" * 64, "a." * 126 + "aa", "*", "bücher.example"]
)
def test_no_names(host: str) -> None:
    """A name that no resolver can know is a mistake: RFC 1123 section 2.1, and RFC 1035 section 2.3.4 for its sizes."""
    with pytest.raises(ValueError, match=r": the host is no name; "):
        backend_endpoint(f"tcp:{host}:80")


@given(st.lists(st.from_regex(r"[a-z_]([a-z0-9_-]{0,40}[a-z])?", fullmatch=True), min_size=1, max_size=6))
def test_names(labels: list[str]) -> None:
    """A name of sound labels is taken as it is written, also with a dot at its end."""
    name = ".".join(labels)
    assert backend_endpoint(f"{name}:80").place == (name, 80)
    assert backend_endpoint(f"{name}.:80").place == (f"{name}.", 80)


def test_the_longest_name() -> None:
    """A label may have 63 characters and a name 253, beside the dot at its end."""
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert backend_endpoint(f"{longest}.:80").place == (f"{longest}.", 80)
    with pytest.raises(ValueError, match="the host is no name"):
        backend_endpoint(f"{longest}b:80")


@given(TEXT)
def test_as_twisted_unquotes(path: str) -> None:
    """Whatever Twisted's own quoting makes of a text, we read as Twisted does."""
    text = f"unix:address={quoteStringArgument(path)}"
    reactor = MemoryReactor()
    serverFromString(reactor, text).listen(Factory())
    assert listener_endpoint(text).place == reactor.unixServers[0][0] == path


@given(st.text("tcpudnix:=\\[]/.0189 ", max_size=20))
def test_total(text: str) -> None:
    """Any text at all is an endpoint or a ValueError."""
    assert isinstance(endpoint_or_none(backend_endpoint, text), Endpoint | None)
    assert isinstance(endpoint_or_none(listener_endpoint, text), Endpoint | None)


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("tcp:80", "tcp:80", True),
        ("tcp:80", "tcp:81", False),
        ("tcp:80", "udp:80", False),
        ("tcp:0", "tcp:0", False),
        ("tcp:80", "tcp:80:interface=127.0.0.1", True),
        ("tcp:80:interface=0.0.0.0", "tcp:80", True),
        ("tcp:80", "tcp6:80", True),
        ("tcp:80", r"tcp:80:interface=\:\:", True),
        ("tcp6:80", r"tcp:80:interface=\:\:1", True),
        ("tcp:80", r"tcp:80:interface=\:\:1", False),
        ("tcp:80:interface=127.0.0.1", "tcp:80:interface=127.0.0.2", False),
        (r"tcp:80:interface=\:\:1", r"tcp:80:interface=0\:0\:0\:0\:0\:0\:0\:1", True),
        ("tcp:80:interface=localhost", "tcp:80:interface=localhost", True),
        ("udp:53", "udp:53:interface=10.0.0.1", True),
        ("unix:/x", "unix:/x:mode=600", True),
        ("unix:/x", "unix:/y", False),
        ("systemd:domain=INET:index=0", "systemd:domain=INET:index=1", False),
    ],
)
def test_clashes(one: str, other: str, clash: bool) -> None:
    """Two endpoints clash exactly when the system would refuse to bind both, in whichever order."""
    assert listener_endpoint(one).overlaps(listener_endpoint(other)) is clash
    assert listener_endpoint(other).overlaps(listener_endpoint(one)) is clash
