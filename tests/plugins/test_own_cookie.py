"""The balancer's own cookie: what it says, to whom, and what backends see of it."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.messages import RequestHead, ResponseHead
from balancer.errors import ConfigError
from balancer.plugins.own_cookie import OwnCookie
from balancer.testing.fakes import FakeBackend, FakeSession

SECRET = "0123456789abcdef"
OK = ResponseHead(200, "OK", fields=(("content-type", "text/plain"),))
NAMES = ["b1", "b2", "b3"]


def memory(**settings: Any) -> Any:
    """What a pool of three backends knows by a cookie called lb."""
    made = OwnCookie("lb", SECRET, **settings).memory()
    made.know(NAMES)
    return made


def bringing(*cookies: str, **told: Any) -> FakeSession:
    """A session whose request has these cookie fields."""
    return FakeSession(request=RequestHead("GET", "/", fields=tuple(("cookie", one) for one in cookies)), **told)


def sent(made: Any, name: str = "b1", session: Any = None, head: ResponseHead = OK) -> str | None:
    """What a client is told in Set-Cookie by an answer of that backend."""
    told: ResponseHead = made.responded(session or bringing(), FakeBackend(name), head)
    return told.get("set-cookie")


def value(made: Any, name: str = "b1") -> str:
    """The value of the cookie of that backend."""
    return (sent(made, name) or "").partition(";")[0].partition("=")[2]


def test_it_leads_back() -> None:
    """Who brings the cookie of a backend belongs there, whatever else he brings, and is not sent it again."""
    made = memory()
    for name in NAMES:
        session = bringing("a=b; lb=forged", f"c=d;lb={value(made, name)} ; e")
        assert made.home(session) == name
        assert sent(made, name, session) is None
    assert sent(made, "b2", bringing(f"lb={value(made, 'b1')}")) == sent(made, "b2")


def test_all_with_the_secret_agree() -> None:
    """Values are made of the secret and of the names of cookie and backend, the same in every process."""
    assert value(memory()) == value(memory()) == "2xYGUVHfXk2XbQD-floMjw"
    others = OwnCookie("lb", SECRET + "!").memory(), OwnCookie("lb2", SECRET).memory()
    for other in others:
        other.know(NAMES)
    assert len({value(memory()), *map(value, others), value(memory(), "b2")}) == 4


@given(st.text(st.characters(codec="latin-1"), max_size=40))
def test_nobody_makes_one_up(made_up: str) -> None:
    """A value that was not given out leads nowhere, and so does that of a backend that is no more."""
    made = memory()
    assert made.home(bringing(f"lb={made_up}")) is None
    assert made.home(FakeSession()) is None
    old = value(made, "b3")
    made.know(["b1"])
    assert made.home(bringing(f"lb={old}")) is None


def test_the_value_tells_nothing() -> None:
    """Neither value nor settings show the backend or the secret."""
    assert "b1" not in value(memory())
    assert SECRET not in repr(OwnCookie("lb", SECRET))


def test_the_attributes() -> None:
    """The cookie is for the whole site and no script, comes from elsewhere by links alone, and stays within TLS."""
    assert sent(memory()) == f"lb={value(memory())}; Path=/; SameSite=Lax; HttpOnly"
    assert (sent(memory(), session=bringing(tls=True)) or "").endswith("; Secure")
    assert "Secure" not in (sent(memory(secure=False), session=bringing(tls=True)) or "")
    told = memory(
        max_age=60, path="/app", domain="a.example", same_site="None", secure=True, http_only=False, private=False
    )
    (morsel,) = SimpleCookie(sent(told)).values()
    assert {name: text for name, text in morsel.items() if text} == {
        "max-age": "60", "path": "/app", "domain": "a.example", "samesite": "None", "secure": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "private", "then"),
    [
        ((), True, ["private"]),
        ((), False, []),
        (("public, max-age=60",), True, ["public, max-age=60", "private"]),
        (("max-age=60, Private",), True, ["max-age=60, Private"]),
        (("no-store",), True, ["no-store"]),
        (("no-store-please",), True, ["no-store-please", "private"]),
    ],
)
def test_an_answer_with_it_is_one_clients(said: tuple[str, ...], private: bool, then: list[str]) -> None:
    """No cache between gives one client's cookie to another, unless that is wanted."""
    head = ResponseHead(200, fields=tuple(("cache-control", one) for one in said))
    answer = memory(private=private).responded(bringing(), FakeBackend("b1"), head)
    assert answer.get_all("cache-control") == then


def test_an_answer_without_it_is_left_alone() -> None:
    """Who brings the right cookie gets the answer as it is, and so does what is no request."""
    made = memory()
    assert made.responded(bringing(f"lb={value(made)}"), FakeBackend("b1"), OK) is OK
    assert made.responded(FakeSession(), FakeBackend("b1"), OK) is OK
    made.chosen(bringing(), FakeBackend("b1"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["a=b; lb=x; c=d"], ["a=b; c=d"]),
        (["lb=x;c=d"], ["c=d"]),
        (["lb=x", "a=b"], ["a=b"]),
        ([" lb =x; lb=y"], []),
        (["alb=x; b=lb"], ["alb=x; b=lb"]),
        (["lb"], []),
    ],
)
def test_backends_do_not_see_it(before: list[str], after: list[str]) -> None:
    """The cookie is taken out of what a backend is sent, and nothing else is."""
    session = bringing(*before)
    assert session.request is not None
    head = memory().requested(session.request.with_added("x-other", "lb=1"))
    assert head.get_all("cookie") == after
    assert head.get("x-other") == "lb=1"


def test_a_request_without_it_is_the_very_same() -> None:
    """Nothing is made anew for a client that does not bring the cookie."""
    head = RequestHead("GET", "/lb", fields=(("cookie", "a=b"), ("x-lb", "lb=1")))
    assert memory().requested(head) is head


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"name": "a b"},
            "OwnCookie: name: 'a b' is not the name of a cookie; use letters, digits, hyphens and underscores",
        ),
        ({"max_age": 0}, "OwnCookie: max_age: 0 is not a number of seconds from 1 to 34560000"),
        ({"path": "app"}, "OwnCookie: path: 'app' is not a path; write one such as '/'"),
        ({"path": "/a;b"}, "OwnCookie: path: '/a;b' is not a path; write one such as '/'"),
        ({"domain": "a;b"}, "OwnCookie: domain: 'a;b' is not a domain; write 'example.com'"),
        ({"same_site": "lax"}, "OwnCookie: same_site: 'lax' is not a choice; give 'Lax', 'Strict' or 'None'"),
        (
            {"same_site": "None", "secure": False},
            "OwnCookie: secure: False goes with no same_site='None', which browsers take over TLS alone; leave it out",
        ),
    ],
)
def test_mistakes_are_told(settings: dict[str, Any], line: str) -> None:
    """A setting that could not work is told as the config is read."""
    with pytest.raises(ConfigError) as raised:
        OwnCookie(**{"name": "lb", "secret": SECRET, **settings})
    assert raised.value.mistakes == (line,)


@pytest.mark.parametrize("secret", ["tooshort", b"", None, 7])
def test_a_weak_secret_is_told_and_not_shown(secret: Any) -> None:
    """A secret that could be guessed is refused, in words that do not give it away."""
    with pytest.raises(ConfigError, match=r"^OwnCookie: secret: is no text") as raised:
        OwnCookie("lb", secret)
    assert "tooshort" not in str(raised.value)
