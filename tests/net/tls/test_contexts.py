"""Which certificate is for which client, and what a change of certificates does to sessions."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from OpenSSL import SSL

from balancer.core.hello import ClientHello
from balancer.errors import HandshakeFailed, ServerNameRefused
from balancer.net.tls.contexts import ServerContexts
from balancer.net.tls.credentials import DAY, Credentials
from balancer.net.tls.pairs import Pair
from balancer.net.tls.presenting import Manner
from balancer.net.tls.profiles import PROFILES
from tests.net.authority import PAST, Authority
from tests.net.tls.meeting import Client

AUTHORITY = Authority()
PROFILE = PROFILES["modern"]
NOW = PAST.timestamp()


def pair(*names: str, days: int = 90) -> Pair:
    """A certificate for these names."""
    leaf = AUTHORITY.leaf(*names, valid=(PAST, PAST + timedelta(days)))
    return Pair(("a.pem",), leaf.certificate, leaf.key)


ADDRESS, SITE, WILD, WWW = pair("192.0.2.1"), pair("a.example", "b.example"), pair("*.a.example"), pair("www.a.example")
EVERY = Credentials((ADDRESS, SITE, WILD, WWW))
LENIENT, STRICT = Manner(PROFILE, lambda: NOW), Manner(PROFILE, lambda: NOW, strict=True)


def shown(contexts: ServerContexts, name: str | None) -> Pair | None:
    """What a client that asks for a name is shown."""
    certificate = Client().meet(contexts.choose(ClientHello(name)), name).shown
    return next((one for one in (*EVERY.pairs, *contexts.credentials.pairs) if one.certificate == certificate), None)


@pytest.mark.parametrize("manner", [LENIENT, STRICT])
@pytest.mark.parametrize(
    ("name", "wanted"), [("a.example", SITE), ("b.example", SITE), ("x.a.example", WILD), ("www.a.example", WWW)]
)
def test_names_that_are_known(manner: Manner, name: str, wanted: Pair) -> None:
    """A client is shown the certificate for the name it asks for, an exact one before a wildcard."""
    assert shown(ServerContexts(manner, EVERY), name) is wanted


@pytest.mark.parametrize("name", [None, "c.example", "x.y.a.example", "192.0.2.1", "localhost"])
def test_names_that_are_not(name: str | None) -> None:
    """Whoever asks for what is not there is shown the first, or that for the default name; if strict, nothing."""
    assert shown(ServerContexts(LENIENT, EVERY), name) is ADDRESS
    assert shown(ServerContexts(Manner(PROFILE, lambda: NOW, default="www.a.example"), EVERY), name) is WWW
    refusal = "the client named no host" if name is None else f"no certificate is for '{name}'"
    with pytest.raises(ServerNameRefused, match=refusal):
        ServerContexts(STRICT, EVERY).choose(ClientHello(name))


def test_no_hello_is_no_name() -> None:
    """Who did not begin with a hello that can be read is taken for one that asks for no name."""
    assert ServerContexts(LENIENT, EVERY).choose(None) is not None
    with pytest.raises(ServerNameRefused, match="the client named no host"):
        ServerContexts(STRICT, EVERY).choose(None)


@pytest.mark.parametrize(
    ("manner", "pairs", "needed"),
    [
        (LENIENT, (WWW,), False),
        (LENIENT, (WILD,), True),
        (LENIENT, (ADDRESS,), False),
        (LENIENT, (SITE,), True),
        (LENIENT, (WWW, WILD), True),
        (STRICT, (WWW,), True),
        (LENIENT, (), True),
    ],
)
def test_when_the_name_matters(manner: Manner, pairs: tuple[Pair, ...], needed: bool) -> None:
    """The hello is needed where there is more than one name, of a wildcard even, or some are refused."""
    assert ServerContexts(manner, Credentials(pairs)).needs_hello is needed


def test_nothing_there_yet() -> None:
    """As long as there is no certificate at all, everybody is refused."""
    with pytest.raises(ServerNameRefused):
        ServerContexts(LENIENT, Credentials()).choose(ClientHello("a.example"))


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_sessions_are_of_one_name(version: int) -> None:
    """A session is resumed under the name it was made for, and under no other one, of the same certificate even."""
    contexts, client = ServerContexts(LENIENT, EVERY), Client(version=version)

    def resumed(name: str | None) -> bool:
        return client.meet(contexts.choose(ClientHello(name)), name).resumed

    names = ["a.example", "a.example", "b.example", "a.example", None, None, "a.example"]
    assert [resumed(name) for name in names] == [False, True, False, False, False, True, False]


def test_contexts_are_made_once() -> None:
    """The same name has the same context each time, until certificates change or are presented anew."""
    contexts = ServerContexts(LENIENT, EVERY)
    hello = ClientHello("a.example")
    first = contexts.choose(hello)
    assert contexts.choose(hello) is first
    contexts.renew()
    assert contexts.choose(hello) is not first
    assert shown(contexts, "a.example") is SITE


def test_a_change_of_certificates() -> None:
    """Once others are there, they are what clients are shown, and what was made before goes on to work."""
    contexts, other = ServerContexts(LENIENT, Credentials((SITE,))), pair("b.example")
    before = contexts.choose(ClientHello("a.example"))
    contexts.use(Credentials((other,)))
    assert shown(contexts, "a.example") is other
    assert contexts.needs_hello is False
    assert Client().meet(before).shown == SITE.certificate


def test_the_better_one_is_found_anew() -> None:
    """When certificates are presented anew, another one may be valid by then."""
    now, later = NOW, pair("a.example", days=5)
    contexts = ServerContexts(Manner(PROFILE, lambda: now), Credentials((later, pair("a.example", days=3))))
    assert shown(contexts, "a.example") is later
    now = NOW + 4 * DAY
    contexts.renew()
    assert shown(contexts, "a.example") is later


def test_a_context_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not let a context be made, the handshake comes to nothing, and the next one tries again."""
    made = ServerContexts(LENIENT, Credentials((SITE,)))

    def none_left(_: str) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(os, "memfd_create", none_left)
        with pytest.raises(HandshakeFailed, match=r"a\.pem: cannot be presented: Too many open files"):
            made.choose(None)
    assert isinstance(made.choose(None), SSL.Context)
