"""Where questions lead: through listeners, routes and filters to a backend, an answer or a refusal."""

from __future__ import annotations

from balancer.config import TLS, Backend, HTTPListener, Pool, Route, TCPListener, UDPListener
from balancer.explain import following, offline, question
from balancer.interfaces import Kind, Reply
from balancer.plugins.datagrams import QUIC
from balancer.plugins.filters import Redirect
from balancer.plugins.first_bytes import HTTP1, SNI
from balancer.plugins.flow_keys import QUICConnectionID
from balancer.plugins.hashing import Hash, capture
from balancer.plugins.matchers import Host, Path
from tests.explain.configs import API, SITE, asked, site


def test_a_request_to_its_backend() -> None:
    """A request goes by the first route that matches to the backend that its pool chooses, and else to another."""
    way = asked(site(), "GET http://a.example:8080/api/x")
    (hop,) = way.hops
    assert (hop.listener, hop.kind, hop.routes.taken, way.backend) == ("HTTPListener 'tcp:8080'", Kind.HTTP, 1, "b1")
    assert way.pool is not None
    assert way.pool.retry is not None
    assert (way.pool.pool, way.pool.retry.backend) == ("api", "b3")
    assert asked(site(), "GET http://a.example:8080/api/x", down=["api/b1"]).backend == "b3"
    assert asked(site(), "GET http://a.example:8080/", full=["site/b1"]).backend == "b2"


def test_a_pool_without_a_backend() -> None:
    """Where nobody may serve it, the pool says why."""
    way = asked(site(), "GET http://a.example:8080/", down=["b1", "b2"])
    assert (way.backend, way.error) == (None, None)
    assert way.pool is not None
    assert way.pool.choice.reason == "no-backend"


def test_a_full_pool() -> None:
    """Where all that could serve are full, a request or a connection waits, if the pool lets it."""
    full = [Backend("10.0.0.1:80", name="b1", max_connections=1)]
    for queue, notes in ((5, ["it waits for room first, for 2 s at most"]), (0, [])):
        waiting = {"queue": queue, "queue_timeout": 2.0} if queue else {"queue": 0}
        pool = Pool("full", backends=full, **waiting)
        way = asked(site(TCPListener("tcp:1", pool=pool)), "tcp://:1", full=["b1"])
        assert way.pool is not None
        assert (way.pool.choice.reason, way.notes) == ("pool-full", notes)


def test_no_route() -> None:
    """A request that no route takes is refused as the client is, with all routes told."""
    way = asked(site(HTTPListener("tcp:8080", routes=[Route(Path("/x"), SITE)])), "http://a.example/")
    assert way.error is not None
    assert (way.error.status, way.error.reason, way.route) == (404, "no-route", None)
    assert [route.matches for route in way.hops[0].routes.tried] == [False]


def test_what_a_request_is_refused_for() -> None:
    """What the codec, the path and the name in TLS refuse is refused here, with the listener told."""
    for line, more, status in (
        ("GET http://a.example:8080/", {"headers": ["Content-Length: x"]}, 400),
        ("GET http://a.example:8080/../x", {}, 400),
        ("GET https://a.example:8443/", {"sni": "b.example"}, 421),
    ):
        listeners = HTTPListener("tcp:8080", pool=SITE), HTTPListener("tcp:8443", tls=TLS("/certs"), pool=SITE)
        way = asked(site(*listeners), line, **more)
        assert way.error is not None
        assert (way.error.status, len(way.hops)) == (status, 1)


def test_answers_of_our_own() -> None:
    """A filter's answer is the end of it, and so is that of the last hop; without either a route needs a pool."""
    way = asked(site(HTTPListener("tcp:8080", routes=Route(filters=Redirect(scheme="https")))), "http://a.example/x")
    assert way.reply is not None
    assert (way.reply.status, way.pool) == (308, None)
    way = asked(site(), "OPTIONS http://a.example:8080/", headers=["Max-Forwards: 0"])
    assert way.reply == Reply(200)
    only = Redirect(scheme="https")
    way = asked(site(HTTPListener("tcp:443", tls=TLS("/c"), routes=Route(filters=only))), "https://a.example/")
    assert way.error is not None
    assert str(way.error) == "no filter of the route has answered, and it has no pool"


INSIDE_TLS = HTTPListener(routes=[Route(Host("a.example"), SITE)])
INSIDE = TCPListener(
    "tcp:443",
    routes=[
        Route(SNI("pass.example"), API),
        Route(SNI("no.example"), refuse=True),
        Route(SNI("*.example"), serve=TCPListener(tls=TLS("/certs"), routes=[Route(HTTP1(), serve=INSIDE_TLS)])),
    ],
)


def test_a_listener_inside_a_route() -> None:
    """TLS goes by its server name, and what is served inside goes on by what comes then, over that TLS."""
    way = asked(site(INSIDE), "https://a.example/")
    assert [(hop.kind, hop.routes.taken) for hop in way.hops] == [(Kind.TCP, 3), (Kind.TCP, 1), (Kind.HTTP, 1)]
    assert way.goes is not None
    assert (way.goes.get("x-forwarded-proto"), way.goes.get("x-forwarded-port")) == ("https", "443")
    passed = asked(site(INSIDE), "https://pass.example/")
    assert (passed.backend, passed.came, passed.captures) == ("b1", None, {"server_name": "pass.example"})
    for line, reason in (("https://no.example/", "route-refused"), ("http://a.example:443/", "no-route")):
        refused = asked(site(INSIDE), line)
        assert refused.error is not None
        assert refused.error.reason == reason


def test_first_bytes() -> None:
    """A connection goes by what its client says first, as far as that is given."""
    listener = TCPListener("tcp:22", routes=[Route(HTTP1(), API), Route(SNI("a.example"), SITE)])
    assert asked(site(listener), "tcp://:22", peek="GET / HTTP/1.1\\r\\n").backend == "b1"
    assert asked(site(listener), "tcp://:22", sni="a.example").hops[0].routes.taken == 2
    way = asked(site(listener), "tcp://:22")
    assert way.hops[0].notes == ("its routes look at what the client says first; --peek tells that",)
    assert [route.asked and route.asked.answer for route in way.hops[0].routes.tried] == ["undecided", "undecided"]


def test_captures_choose() -> None:
    """What a route captures is there for the algorithm of its pool."""
    keyed = Pool("keyed", backends=["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"], algorithm=Hash(capture("user")))
    config = site(HTTPListener("tcp:80", routes=[Route(Path(template="/users/{user}"), keyed)]))
    way = asked(config, "http://a.example/users/ann")
    assert way.pool is not None
    assert way.pool.choice.by == "decision"
    assert way.pool.backends[0].note.endswith("key 'ann'")


def test_a_datagram_that_names_its_backend() -> None:
    """A datagram goes by its route, unless it says itself which backend it is for."""
    pool = Pool("quic", backends=[Backend("udp:10.0.0.1:1", name="q1"), Backend("udp:10.0.0.2:1", name="q2")])
    key = QUICConnectionID(length=8, server_ids={"q1": b"\x01", "q2": b"\x02"})
    config = site(UDPListener("udp:443", routes=[Route(QUIC(1), pool)], key=key))
    short = "hex:40" + "0002" + "00" * 20
    way = asked(config, "udp://:443", peek=short)
    assert way.pool is not None
    assert (way.backend, way.pool.choice.algorithm) == ("q2", "what the datagram says of itself")
    other = asked(config, "udp://:443", peek="hex:40" + "0007" + "00" * 20)
    assert other.error is not None
    assert other.error.reason == "no-route"


def test_it_goes_in_slices() -> None:
    """The work is done in steps, so that a balancer that runs is not held up."""
    assert len(list(following(offline(site()), question("http://a.example:8080/")))) > 10
