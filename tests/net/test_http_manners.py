"""Connections of HTTP clients: those that grow too old close between two requests; all are made in one go."""

from __future__ import annotations

from balancer.config import HTTPListener, Pool
from balancer.net.http_manners import LINGER
from tests.net.house import FRONT, Far, House, answer, request


def site(house: House) -> Far:
    """Open a listener whose connections live for ten seconds."""
    far = house.far()
    house.open(HTTPListener(f"tcp:{FRONT}", pool=Pool("pool", backends=["127.0.0.1:9001"]), max_lifetime=10))
    return far


def test_an_idle_one_is_closed(house: House) -> None:
    """A connection without a request is closed in order when it is too old, and not before."""
    far = site(house)
    client = house.client(request())
    far.last.say(answer(b"a"))
    house.network.advance(9.5)
    assert not client.finished
    house.network.advance(1)
    assert (client.hear(), client.finished) == (answer(b"a"), True)


def test_the_answer_under_way_comes_first(house: House) -> None:
    """A client that waits for its answer gets it, is told that it was the last, and what it sent next is not served."""
    far = site(house)
    client = house.client(request("GET /1") + request("GET /2"))
    house.network.advance(11)
    assert not client.finished
    far.last.say(answer(b"done"))
    assert client.hear() == answer(b"done", "connection: close")
    assert client.finished
    assert b"GET /2" not in far.last.hear()


def test_an_answer_that_has_begun_is_finished(house: House) -> None:
    """When the head of an answer is out already, its body follows and then the close."""
    far = site(house)
    client = house.client(request())
    far.last.say(answer(b"whole")[:-3])
    house.network.advance(11)
    far.last.say(b"ole")
    assert (client.hear(), client.finished) == (answer(b"whole"), True)


def test_a_head_that_has_begun_is_served(house: House) -> None:
    """A request whose first bytes are in is served, and the connection closed behind its answer."""
    far = site(house)
    client = house.client()
    house.network.advance(9)
    client.say(request()[:5])
    house.network.advance(2)
    client.say(request()[5:])
    far.last.say(answer(b"ok"))
    assert (client.hear(), client.finished) == (answer(b"ok", "connection: close"), True)


def test_who_is_being_closed_is_left_alone(house: House) -> None:
    """A connection that lingers after a refusal is not closed sooner for being old."""
    site(house)
    client = house.client()
    house.network.advance(9)
    client.say(b"nonsense\r\n\r\n")
    client.say(b"more of it")
    house.network.advance(1.3)
    assert client.hear().startswith(b"HTTP/1.1 400 ")
    assert not client.gone
    house.network.advance(1.5)
    assert client.gone


def test_who_leaves_sooner_leaves_nothing(house: House) -> None:
    """A client that leaves before its time leaves no timer."""
    site(house)
    house.client().cut()
    assert len(house.assembly.deadlines) == 0


def test_who_was_refused_late_has_time_to_hear_it(house: House) -> None:
    """However long an upload took before it was refused, what still comes of it cuts nobody off who has yet to read."""
    far = house.far()
    house.site(9001, idle=5)
    client = house.client(request("POST /", "content-length: 1000000", body=b"part"))
    for _ in range(6):
        house.network.advance(1.5)
        client.say(b"more")
    far.last.say(answer(status="413 Content Too Large"))
    house.network.advance(LINGER - 0.1)
    assert client.finished
    assert not client.gone
    house.network.advance(1)
    assert client.gone


def test_connections_have_their_members_from_the_start(house: House) -> None:
    """No exchange gives a connection a member more, for which CPython would make it a dictionary and be slow."""
    far = house.far()
    house.site(9001)
    client = house.client()
    connection = client.transport.other.protocol
    talk = vars(connection)["_conversation"]
    parts = [connection, talk, vars(talk)["_line"]]
    before = [set(vars(one)) for one in parts]
    client.say(request())
    parts.append(far.last.transport.other.protocol)
    before.append(set(vars(parts[-1])))
    far.last.say(answer(b"ok"))
    assert client.hear() == answer(b"ok")
    assert [set(vars(one)) for one in parts] == before
