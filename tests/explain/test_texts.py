"""What is told for people: short, the answer first. The golden texts of the examples show the whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from balancer.config import Backend, HTTPListener, Pool, Route
from balancer.explain import lines_of, offline, question, told
from balancer.explain.way import follow
from balancer.plugins.algorithms import First, Random
from balancer.plugins.filters import Respond
from balancer.plugins.matchers import Host, Path
from tests.explain.configs import API, SITE, site, text


def answer(*routes: Route, line: str = "http://a.example/", **more: Any) -> str:
    """The second line, for routes at port 80."""
    return text(site(HTTPListener("tcp:80", routes=routes)), line, **more)[1]


def test_the_answer_comes_first() -> None:
    """The first two lines say what was asked, and how it ends."""
    assert text(site(), "tcp://:5432")[:2] == [
        "tcp://:5432, from 192.0.2.1:50000",
        "=> pool 'api': backend b1; if that fails: backend b3",
    ]
    assert answer(Route(pool=SITE), down=["b1"]) == "=> pool 'site': backend b2; if that fails: nobody"
    assert answer(Route(pool=SITE), down=["b1", "b2"]) == "=> not served, no-backend: pool 'site': no backend is up"
    assert answer(Route(Path("/x"), SITE)) == "=> refused with 404, no-route: no route matches"
    assert answer(Route(filters=Respond(204))) == "=> answered with 204, by a filter"
    once = text(site(), "OPTIONS http://a.example:8080/", headers=["Max-Forwards: 0"])[1]
    assert once == "=> answered with 200, by the balancer itself"


def test_who_else_it_may_be() -> None:
    """A choice by turn or by chance is told as one, with some of those that it is made among."""
    many = Pool("many", backends=[f"10.0.0.{number}:1" for number in range(1, 13)], algorithm=Random())
    line = answer(Route(pool=many))
    assert line.count(":1,") + line.count(":1 and") > 8
    assert " by chance among 10.0.0.1:1, 10.0.0.2:1, " in line
    assert "and 4 more; if that fails: backend" in line


def broken(_session: Any) -> Any:
    """A matcher that raises."""
    raise ValueError("no")


def test_routes_and_their_parts() -> None:
    """Each route has its answer, and beneath it those of its matcher's parts, one inside the other."""
    routes = (
        Route(Host("b.example") | (Path("/y") & ~Path("/z")), API, name="odd"),
        Route(~(Path("/") & Host("a.example")), API),
        Route(broken, API),
        Route(Path(template="/{page}"), SITE),
        Route(pool=API),
    )
    lines = text(site(HTTPListener("tcp:80", routes=routes)), "http://a.example/x")
    shown = lines[lines.index("HTTPListener 'tcp:80'") + 1 : lines.index("the backend is sent") - 1]
    assert shown == [
        "  route 1 'odd'  no      any of",
        "                 no        Host('b.example')",
        "                 no        all of",
        "                 no          Path('/y')",
        "                 yes         ~Path('/z')",
        "  route 2        no      not",
        "                 yes       all of",
        "                 yes         Path('/')",
        "                 yes         Host('a.example')",
        "  route 3        failed  broken: ValueError: no",
        "  route 4        yes     Path(template='/{page}')",
        "  1 more route is not tried",
        "  captures: page='x'",
    ]


def test_many_routes() -> None:
    """Routes for other hosts and paths are told together."""
    routes = [Route(Path(f"/{number}"), SITE) for number in range(40)]
    lines = text(site(HTTPListener("tcp:80", routes=routes)), "http://a.example/37")
    assert "  37 routes are for other hosts or paths" in lines
    assert "  route 38  yes  Path('/37')" in lines
    assert "  2 more routes are not tried" in lines


def test_backends_and_their_reasons() -> None:
    """Each backend is a row: how it is, and why not, or what the algorithm says of it."""
    lines = text(site(), "http://a.example:8080/", full=["site/b1"])
    assert lines[-4:] == [
        "Pool 'site', first",
        "  BACKEND  STATE  TIER  WEIGHT  ACTIVE  SCORE  NOTE",
        "  b1       up     0     1       2 of 2  1      not chosen: full (2 of 2)",
        "  b2       up     0     1       0       2      in this order",
    ]


def changed(change: Callable[[dict[str, Any]], object]) -> list[str]:
    """The lines for an answer that was changed."""
    value = told(follow(offline(site()), question("http://a.example:8080/")))
    change(value)
    return lines_of(value)


def drained(chosen: str, value: dict[str, Any]) -> None:
    """As if that one had been chosen among all, and the first drained."""
    value["pool"]["choice"].update(backend=chosen, among=["b1", "b2"])
    value["pool"]["backends"][0].update(reasons=["draining"])


def test_what_is_out_of_the_ordinary() -> None:
    """Panic, an algorithm that stands in, and one that cannot explain itself are told with the pool."""
    lines = changed(lambda value: value["pool"].update(panic=True, fault="explain() raised ValueError: no"))
    assert "Pool 'site', first, in panic: it uses backends that are not well" in lines
    assert "  note: first: explain() raised ValueError: no" in lines
    assert changed(lambda value: value["pool"].update(retry=None))[1] == "=> pool 'site': backend b1"
    for chosen, words in (("b1", "chosen all the same"), ("b2", "not always")):
        lines = changed(partial(drained, chosen))
        assert any(line.endswith(f"{words}: draining") for line in lines)
    lines = changed(lambda value: value["pool"]["backends"][0].update(tier=1))
    assert "  sessions by tier: tier 0 100 %" in lines
    assert "  note: random has chosen" in changed(lambda value: value["pool"]["choice"].update(algorithm="random"))
    assert "  note: a\N{SYMBOL FOR NULL}".replace("\N{SYMBOL FOR NULL}", "?") in changed(
        lambda value: value["notes"].append("a\0")
    )


def test_a_reply_is_shown() -> None:
    """An answer of a filter is told with its fields and its body."""
    lines = text(site(HTTPListener("tcp:80", routes=Route(filters=Respond(200, "well\nall\n")))), "http://a.example/")
    assert lines[-5:] == [
        "the client is sent",
        "  200",
        "  content-type: text/plain; charset=utf-8",
        "  | well",
        "  | all",
    ]


def test_limits_are_shown() -> None:
    """A backend that takes only so many sessions is told with them."""
    pool = Pool("one", backends=[Backend("10.0.0.1:1", max_connections=3)], algorithm=First())
    assert "  10.0.0.1:1  up     0     1       0 of 3  1      in this order" in text(
        site(HTTPListener("tcp:80", pool=pool)), "http://a.example/"
    )
