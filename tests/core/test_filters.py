"""Filters in their order, that none of them can smuggle, and that a failing one is contained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.filters import chain_of, fit
from balancer.core.http1_encoding import RequestEncoder, ResponseEncoder
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.session import Session
from balancer.errors import FilterFailed
from balancer.interfaces import Kind, Reply

SESSION = Session(Kind.HTTP, ("192.0.2.1", 1), 0.0)
REQUEST = RequestHead("POST", "/a?b=c", "example.com", fields=(("x-odd", "as received"),), length=5)
RESPONSE = ResponseHead(200, "OK", fields=(("server", "x"),), length=5)
SWITCHING = ResponseHead(101, "Switching Protocols")

Step = Callable[[Any], Any]
text = st.text(st.characters(max_codepoint=0x2FF), max_size=6)
bad_text = st.sampled_from(["a\r\nb", "a\nb", "a\rb", "\x00", "\u20ac", "a\r\n\r\nGET / HTTP/1.1", "\x7f"])
bad_fields: st.SearchStrategy[Any] = st.one_of(
    st.tuples(st.just("x-a"), bad_text | st.sampled_from([" a", "a ", "\ta"])),
    st.tuples(bad_text | st.sampled_from(["", "a b", "a:", "X-A", "(x)"]), st.just("v")),
    st.sampled_from([("x-a", None), (None, "v"), ("x-a", b"v"), (b"x", "v"), ("x-a",), ("a", "b", "c"), 5, "xyz"]),
)
bad_lines = st.sampled_from([
    {"method": "GET /x HTTP/1.1\r\nx: "}, {"method": ""}, {"method": None}, {"method": "CONNECT"},
    {"method": "G\u00c9T"}, {"target": "/a b"}, {"target": "/\r\n"}, {"target": ""}, {"target": "x"},
    {"target": "http://h/"}, {"target": "/#x"},
    {"target": "/\u00e9"}, {"target": "**"}, {"target": b"/"}, {"authority": "a b"}, {"authority": "a\r\nx: y"},
    {"authority": "user@host"}, {"authority": "h/path"}, {"authority": None},
])  # fmt: skip
bad_statuses = st.sampled_from([
    {"status": 100}, {"status": 101}, {"status": 199}, {"status": 600}, {"status": "200"}, {"status": 200.0},
    {"phrase": "OK\r\nx: y"}, {"phrase": "\u20ac"}, {"phrase": None},
])  # fmt: skip


@attrs.frozen
class Filter:
    """One function for both ways."""

    step: Step

    def request(self, head: Any, session: Any) -> Any:
        """On the way up."""
        return self.step(head)

    def response(self, head: Any, session: Any) -> Any:
        """On the way down."""
        return self.step(head)


def up(filters: Sequence[Any], head: RequestHead) -> Any:
    """What the filters make of a request."""
    chain = chain_of(filters)
    return head if chain is None else chain.request(head, SESSION)


def down(filters: Sequence[Any], head: ResponseHead) -> Any:
    """What the filters make of an answer."""
    chain = chain_of(filters)
    return head if chain is None else chain.answer(head, SESSION)[0]


def both_refuse(step: Step) -> None:
    """A filter of this kind is refused on both ways, among others that do nothing."""
    nothing = Filter(lambda head: head)
    filters = [nothing, Filter(step), nothing]
    with pytest.raises(FilterFailed):
        up(filters, REQUEST)
    with pytest.raises(FilterFailed):
        down(filters, RESPONSE)


def adding(value: str) -> Filter:
    """A filter that leaves its mark."""
    return Filter(lambda head: head.with_added("x-mark", value))


def test_requests_pass_in_order_and_responses_in_reverse() -> None:
    """The first filter is the client's neighbour on both ways."""
    filters = [adding("1"), adding("2")]
    request, response = up(filters, REQUEST), down(filters, RESPONSE)
    assert isinstance(request, RequestHead)
    assert isinstance(response, ResponseHead)
    assert request.get_all("x-mark") == ["1", "2"]
    assert response.get_all("x-mark") == ["2", "1"]
    assert up([], REQUEST) is REQUEST
    assert down([Filter(lambda head: head)], RESPONSE) == RESPONSE


def test_a_reply_ends_the_matter() -> None:
    """Nothing behind a filter that replies sees the head."""
    reply, seen = Reply(403, b"no", (("X-Why", "because"),)), list[Any]()
    replying, noting = Filter(lambda _: reply), Filter(seen.append)
    assert up([replying, noting], REQUEST) is reply
    assert down([noting, replying], RESPONSE) is reply
    assert seen == []


@given(bad_fields)
def test_no_filter_adds_a_field_that_is_none(field: Any) -> None:
    """CR, LF, wide text, outer space, wrong case or no text at all in an added field is the filter's failure."""
    both_refuse(lambda head: attrs.evolve(head, fields=(*head.fields, field)))
    if isinstance(field, tuple):
        both_refuse(lambda _: Reply(200, fields=(field,)) if field[0] != "X-A" else None)


@pytest.mark.parametrize(
    "name",
    [
        "connection", "content-length", "host", "http2-settings", "keep-alive", "proxy-authenticate",
        "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    ],
)  # fmt: skip
def test_no_filter_speaks_for_the_connection(name: str) -> None:
    """What frames a message or belongs to one connection cannot be added, to a head or a reply; a remedy is told."""
    both_refuse(lambda head: head.with_added(name, "x"))
    both_refuse(lambda _: Reply(200, fields=((name.title(), "x"),)))
    with pytest.raises(FilterFailed, match=rf"field '{name}' is not a plugin's to add; (change|leave)"):
        up([Filter(lambda head: head.with_field(name, "x"))], REQUEST)


def test_what_the_engine_put_there_may_stay() -> None:
    """A field of the connection that came with the head passes a filter that changes another, and may be taken away."""
    head = attrs.evolve(REQUEST, fields=(("connection", "te"), ("te", "trailers")))
    assert fit(head.with_added("x-a", "1"), head).fields == (*head.fields, ("x-a", "1"))
    assert fit(head.without("te", "connection"), head).fields == ()


@given(bad_lines, bad_statuses)
def test_no_filter_breaks_the_first_line(line: dict[str, Any], status: dict[str, Any]) -> None:
    """What a first line is made of stays what it must be: no spaces, no line ends, no CONNECT, no interim status."""
    with pytest.raises(FilterFailed):
        up([Filter(lambda head: attrs.evolve(head, **line))], REQUEST)
    with pytest.raises(FilterFailed):
        down([Filter(lambda head: attrs.evolve(head, **status))], RESPONSE)


@given(st.sampled_from([None, "head", 5, object(), REQUEST.fields, SWITCHING]))
def test_any_other_answer_is_refused(answer: Any) -> None:
    """Forgetting to return the head, or answering a request with a response, fails; it does not pass."""
    with pytest.raises(FilterFailed, match="expected a RequestHead or a Reply"):
        up([Filter(lambda _: answer)], REQUEST)
    with pytest.raises(FilterFailed):
        down([Filter(lambda _: REQUEST)], RESPONSE)


@given(st.sampled_from([{"body": "text"}, {"body": None}, {"status": 200.0}, {"fields": None}]))
def test_a_reply_that_cannot_be_sent_is_refused(odd: dict[str, Any]) -> None:
    """A reply whose body is not bytes, or whose status is no whole number, is the filter's failure."""
    both_refuse(lambda _: Reply(**{"status": 200, **odd}))


def mistaken(head: Any) -> Any:
    """Raise what quotes a field."""
    return {}[head.fields[0][1]]


@pytest.mark.parametrize(
    "step",
    [
        mistaken,
        lambda head: head.fields[0][1],
        lambda head: Reply(200, body=head.fields[0][1]),
        lambda _: ResponseHead(200, "SECRET"),
        lambda head: attrs.evolve(head, method="SECRET method"),
        lambda head: attrs.evolve(head, target="SECRET"),
        lambda head: attrs.evolve(head, authority="SECRET@h"),
        lambda head: attrs.evolve(head, fields=(("x-a", "SECRET\n"),)),
        lambda head: attrs.evolve(head, fields=(("a SECRET", "x"),)),
    ],
)
def test_no_failure_quotes_a_secret(step: Step) -> None:
    """What a filter was given or answered, wrong as it is, does not get into the message about it."""
    head = attrs.evolve(REQUEST, fields=(("authorization", "SECRET"),))
    with pytest.raises(FilterFailed) as caught:
        up([Filter(step)], head)
    assert caught.value.named.startswith("filter Filter(")
    assert "SECRET" not in str(caught.value)


def test_a_filter_that_raises_is_named() -> None:
    """What a filter raises is the filter's failure, with its cause, on both ways."""
    both_refuse(lambda head: head.nothing)
    with pytest.raises(FilterFailed, match="Filter") as caught:
        up([Filter(lambda head: head.nothing)], REQUEST)
    assert isinstance(caught.value.__cause__, AttributeError)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_nothing_that_a_filter_raises_gets_out(error: BaseException) -> None:
    """What would end a process elsewhere is here a failure of the filter."""

    def fatal(_head: Any) -> Any:
        raise error

    both_refuse(fatal)


@given(st.none() | st.integers(0, 10))
def test_no_filter_changes_the_length_of_a_body(length: int | None) -> None:
    """The body that follows is as long as it was, whatever a filter says of it."""
    longer = Filter(lambda head: attrs.evolve(head, length=length, version="9"))
    request, response = up([longer], REQUEST), down([longer], RESPONSE)
    assert isinstance(request, RequestHead)
    assert isinstance(response, ResponseHead)
    assert (request.length, response.length) == (5, 5)


def test_no_filter_makes_an_answer_of_a_consent() -> None:
    """What follows a 101 is of another protocol, so a filter that will not have it has to reply itself."""
    with pytest.raises(FilterFailed, match="give a Reply in its place"):
        down([Filter(lambda head: attrs.evolve(head, status=403))], SWITCHING)


def test_what_was_received_passes_as_it_is() -> None:
    """Fields that a peer sent are not judged again, and a 101 stays one while its fields change."""
    received = attrs.evolve(RESPONSE, fields=(("x-odd", "a\tb\x80"),))
    marked = fit(received.with_added("x-mark", "1"), received)
    assert marked.fields == (("x-odd", "a\tb\x80"), ("x-mark", "1"))
    assert fit(SWITCHING.with_added("x-mark", "1"), SWITCHING).status == 101


@given(text, text, text, st.tuples(text, text), st.integers(0, 700))
def test_what_passes_is_one_message_on_the_wire(
    method: str, target: str, authority: str, field: tuple[str, str], status: int
) -> None:
    """Whatever a filter writes into a head is refused, or goes out as exactly the lines it consists of."""
    upward = Filter(
        lambda head: attrs.evolve(head, method=method, target="/" + target, authority=authority, fields=[field])
    )
    downward = Filter(lambda head: attrs.evolve(head, status=status, phrase=target, fields=(field,)))
    try:
        request = up([upward], REQUEST)
        assert isinstance(request, RequestHead)
    except FilterFailed:
        pass
    else:
        lines = RequestEncoder().head(request).split(b"\r\n")
        assert lines[0] == f"{method} /{target} HTTP/1.1".encode("latin-1")
        assert len(lines) == 6
    try:
        response = down([downward], RESPONSE)
        assert isinstance(response, ResponseHead)
    except FilterFailed:
        return
    written = ResponseEncoder(REQUEST).head(response, close=False)
    assert written.startswith(f"HTTP/1.1 {status} {target}\r\n".encode("latin-1"))
    assert written.count(b"\r\n\r\n") == 1
