"""The promises of filters: heads that can be sent, fields that pass as they came, and bodies however they were cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count, islice
from random import Random
from types import MappingProxyType
from typing import Any, Final

import attrs
from twisted.internet.defer import Deferred

from balancer.core.filters import Chain, Pause, chain_of
from balancer.core.http1 import RequestDecoder, RequestEncoder, ResponseDecoder
from balancer.core.http1_encoding import ResponseEncoder
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.session import Session
from balancer.errors import BalancerError, FilterFailed
from balancer.interfaces import Direction, Kind, Reply
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.constants import mentioned
from balancer.testing.kit.growing import FORGOTTEN, growth, in_use, traced
from balancer.testing.kit.keys import AnyText, session_of
from balancer.testing.kit.searching import search
from balancer.testing.kit.speaking import brief, outright_answers, outright_requests, requests_for
from balancer.testing.kit.stories import Story, in_words
from balancer.testing.kit.watching import differences, photo
from balancer.testing.strategies import hypothesis_strategies, splits

FITS: Final = "a filter answers a head that can be sent, or a Reply, and never raises"
PASSES: Final = "fields of a name that the filter does not know pass all of them as they came, or none"
UNKNOWN: Final = ("x-nobody-knows", "x-nobody-knew")
PIECE: Final = 16384
PIECES: Final = 96
OPENINGS: Final = 8
"""With how many of its own words a long body begins."""
HELD: Final = 262_144
"""Bytes of a body that a transform may hold back: of 1.5 MiB."""

ANSWERS: Final = tuple(
    ResponseHead(status, phrase, fields=fields, length=length)
    for status, phrase, length in ((200, "OK", 5), (404, "Not Found", 0), (503, "", None), (304, "Not Modified", 0))
    for fields in (
        (),
        (("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2"), ("content-type", "text/html"), ("etag", '"x"')),
    )
)
"""Heads of answers."""


def session_for(head: RequestHead) -> Session:
    """A session of that request, with whatever a route may have captured."""
    session = Session(Kind.HTTP, ("192.0.2.1", 40000), 1000.0, head)
    session.become(captures=MappingProxyType(AnyText("captured")))
    return session


def _chain(subject: Subject) -> Chain:
    chain = chain_of([subject.make()])
    assert chain is not None  # there is a filter
    return chain


def heads(subject: Subject) -> None:
    """Whatever head it is given, it answers one that can be sent and is read again as the same, or a Reply."""
    chain, one = _chain(subject), subject.make()
    search(requests_for(one), partial(_passes_request, chain), subject.effort, first=outright_requests(one))
    for head in (*ANSWERS, *outright_answers(one)):
        _passes_answer(chain, head)


def _passes_request(chain: Chain, head: RequestHead) -> None:
    story = Story()
    story.tell(f"a request comes: {head.method} {brief(head.target)} to {head.authority!r} with {_names(head.fields)}")
    try:
        answer = waited(chain.request(head, session_for(head)))
    except FilterFailed as failed:
        story.broken(FITS, in_words(failed.__cause__ or failed))
    if isinstance(answer, RequestHead) and _wrong_with(head) == "" != _wrong_with(answer):
        story.broken(FITS, f"a head that does not arrive: {_wrong_with(answer)}")


def _passes_answer(chain: Chain, head: ResponseHead) -> None:
    story = Story()
    story.tell(f"an answer comes: {head.status} {head.phrase} with {_names(head.fields)}")
    request = RequestHead("GET", "/", "example.com")
    try:
        answer, _ = chain.answer(head, session_for(request))
    except FilterFailed as failed:
        story.broken(FITS, in_words(failed.__cause__ or failed))
    if isinstance(answer, ResponseHead) and answer.length is not None:
        decoder = ResponseDecoder()
        decoder.expect("GET")
        if wrong := _read_again(answer, ResponseEncoder(request).head(answer, close=False), decoder):
            story.broken(FITS, f"a head that does not arrive: {wrong}")


def waited(answer: Any) -> Any:
    """What comes of a filter that takes its time, if it takes none that passes."""
    while isinstance(answer, Pause):
        came: list[Any] = []
        waiting: Deferred[Any] = Deferred.fromCoroutine(_awaiting(answer.awaitable))
        waiting.addBoth(came.append)
        if not came:
            waiting.cancel()
            return None
        answer = answer.resume(came[0])
    return answer


async def _awaiting(awaitable: Any) -> Any:
    return await awaitable


def _wrong_with(head: RequestHead) -> str:
    """What becomes of a request on its way; empty if it arrives."""
    whole = attrs.evolve(head, version="1.1", length=0, authority=head.authority or "example.com")
    return _read_again(whole, RequestEncoder().head(whole), RequestDecoder())


def _read_again(head: Any, data: bytes, decoder: Any) -> str:
    try:
        (read, *_) = decoder.receive(data)
    except BalancerError as error:
        return in_words(error)
    missing = [field for field in head.fields if field not in read.fields and field[0] not in UNSEEN]
    return f"without {_names(missing)}" if missing else ""


UNSEEN: Final = frozenset(
    {"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Fields of one connection, which are not sent on."""


def _names(fields: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name}: {value[:30]}" for name, value in fields) or "no fields"


def fields(subject: Subject) -> None:
    """Fields that it does not know pass as they came, several of one name too, in their order."""
    chain, extra = _chain(subject), tuple((name, str(9 - place)) for place, name in enumerate(UNKNOWN * 2))
    head = RequestHead("GET", "/v1/x", "example.com", fields=(("accept", "*/*"), *extra))
    passed = waited(chain.request(head, session_for(head)))
    _all_or_none("a request", head, passed)
    for given in ANSWERS:
        answer = ResponseHead(given.status, given.phrase, fields=(*given.fields, *extra), length=given.length)
        _all_or_none("an answer", answer, chain.answer(answer, session_for(head))[0])


def _all_or_none(what: str, before: Any, after: Any) -> None:
    story = Story()
    story.tell(f"{what} comes with {_names(before.fields)}")
    if after is None or isinstance(after, Reply):
        return
    story.tell(f"it goes on with {_names(after.fields)}")
    several = [name for name, _ in before.fields if before.get_all(name)[1:]]
    for name in dict.fromkeys(several):
        if after.get_all(name) and after.get_all(name)[: len(before.get_all(name))] != before.get_all(name):
            story.broken(PASSES, f"of {name} there is {', '.join(after.get_all(name))}")


def untouched(subject: Subject) -> None:
    """It changes copies: the head that it was given stays as it was."""
    one = subject.make()
    search(requests_for(one), partial(_copies, one, "request"), subject.effort, first=outright_requests(one))
    for head in (*ANSWERS, *outright_answers(one)):
        _copies(one, "response", head)


def _copies(one: Any, step: str, head: Any) -> None:
    called = getattr(one, step, one if step == "request" else None)
    if called is None:
        return
    request = head if isinstance(head, RequestHead) else RequestHead("GET", "/", "example.com")
    session = session_for(request)
    before, story = photo(head), Story()
    what = f"{head.method} {brief(head.target)}" if isinstance(head, RequestHead) else "an answer"
    story.tell(f"{what} comes with {_names(head.fields)}")
    answer = story.asked(FITS, f"{step}()", lambda: called(head, session))
    if hasattr(answer, "close"):
        answer.close()
    if changed := differences(before, head):
        story.broken("heads are shared with others, so a filter changes copies", f"{step}() changed {changed}")


class Bodies:
    """The transforms that a filter makes for one kind of body."""

    def __init__(self, one: Any, direction: Direction) -> None:
        self._one, self.direction = one, direction
        self.request = RequestHead(
            "POST", "/v1/x", "example.com", fields=(("content-type", "text/plain"),), length=None
        )
        answer = ResponseHead(200, fields=(("content-type", "text/html"),), length=None)
        self._head = self.request if direction is Direction.REQUEST else answer

    def made(self) -> Any:
        """The transform of one more body, or None."""
        body = getattr(self._one, "body", None)
        return None if body is None else body(self._head, session_for(self.request), self.direction)

    def passed(self, story: Story, transform: Any, pieces: Sequence[bytes]) -> bytes:
        """What becomes of these pieces."""
        steps = [*(partial(transform.feed, piece) for piece in pieces), transform.finish]
        told = [story.asked(WHOLE, "the transform", step) for step in steps]
        for answer in told:
            if not isinstance(answer, bytes):
                story.broken("a transform answers bytes", f"{answer!r}, which is a {type(answer).__name__}")
        return b"".join(told)


WHOLE: Final = "what becomes of a body does not depend on how it was cut"


def _transforming(subject: Subject) -> list[Bodies]:
    one = subject.make()
    return [bodies for bodies in (Bodies(one, direction) for direction in Direction) if bodies.made() is not None]


def cuts(subject: Subject) -> None:
    """A body becomes the same, however it was cut on its way."""
    st = hypothesis_strategies()
    words = [*mentioned(subject.make()), *TEXTS]
    data = st.lists(st.sampled_from(words) | st.binary(min_size=1, max_size=4), min_size=1, max_size=6).map(b"".join)
    cases = data.flatmap(lambda whole: st.tuples(st.just(whole), splits(whole)))
    for bodies in _transforming(subject):
        first = [(word, [word[:place], word[place:]]) for word in words for place in range(1, min(len(word), 12))]
        search(cases, partial(_cut, bodies), subject.effort, first=map(_Case, first))


TEXTS: Final = (
    b"\n",
    b"\r\n",
    b"\r",
    b"<html>",
    b"http://example.com/",
    "\u2603\u00e9".encode(),
    b'{"a": "b"}',
    b"\xff",
)
"""What is in many bodies."""


class _Case(list[Any]):
    """A case that is not to be shortened, for its parts belong together."""


def _cut(bodies: Bodies, case: Sequence[Any]) -> None:
    whole, pieces = case
    story = Story()
    story.tell(f"the body of a {bodies.direction.value} comes in one piece: {whole!r}")
    one = bodies.passed(story, bodies.made(), [whole])
    story.tell(f"it becomes {one!r}")
    story.tell(f"the same comes in pieces: {pieces!r}")
    other = bodies.passed(story, bodies.made(), [piece for piece in pieces if piece])
    if one != other:
        story.broken(WHOLE, repr(other))


def bodies(subject: Subject) -> None:
    """Every body has a transform of its own, one without a byte too: they leave each other alone at the same time."""
    for one in _transforming(subject):
        story, data = Story(), b"one line\nand http://example.com/ more\n"
        story.tell(f"the body of a {one.direction.value} ends before a byte of it came")
        one.passed(story, one.made(), [])
        story.steps.clear()
        story.tell(f"the body of a {one.direction.value} comes alone: {data!r}")
        alone = one.passed(story, one.made(), [data])
        story.tell(f"it becomes {alone!r}")
        first, second = one.made(), one.made()
        story.tell("two of the same come at the same time")
        begun = first.feed(data[:9]), second.feed(data)
        both = begun[0] + one.passed(story, first, [data[9:]]), begun[1] + second.finish()
        if both != (alone, alone):
            story.broken("every body has a transform of its own", f"they become {both[0]!r} and {both[1]!r}")


def buffer(subject: Subject) -> None:
    """Of a long body, whatever it is of, it holds back no more than a bounded part."""
    random = Random(0)
    words = [*mentioned(subject.make())[:OPENINGS], *TEXTS]
    for one in _transforming(subject):
        _bounded(one, "bytes of every sort", iter(partial(random.randbytes, PIECE), b""))
        for word in words:
            _bounded(one, f"{word!r}, and then the same letter", _of_one_letter(word))


def _of_one_letter(opening: bytes) -> Iterator[bytes]:
    yield opening
    while True:
        yield b"x" * PIECE  # each time anew, so that who keeps it is seen


def _bounded(bodies: Bodies, what: str, pieces: Iterator[bytes]) -> None:
    held = _held(bodies.made(), pieces)
    if held > HELD:
        story = Story()
        story.tell(f"the body of a {bodies.direction.value} comes in {PIECES} pieces of {PIECE} bytes: {what}")
        story.broken(f"a transform holds back at most {HELD} bytes", f"it holds {held} when the last has come")


def _held(transform: Any, pieces: Iterator[bytes]) -> int:
    """Bytes that are kept when all pieces have come, beyond those kept after the first few."""
    with traced():
        for piece in islice(pieces, PIECES // 8):
            transform.feed(piece)
        before = in_use()
        for piece in islice(pieces, PIECES - PIECES // 8):
            transform.feed(piece)
        return in_use() - before


def memory(subject: Subject) -> None:
    """What it remembers does not grow with the requests, the answers and the bodies that have passed."""
    one, chain, number = subject.make(), _chain(subject), count()
    left = growth(lambda: _passed(one, chain, next(number)), subject.effort)
    if left > FORGOTTEN:
        story = Story()
        story.tell("requests of different clients for different things pass, and their answers")
        story.broken("what has passed leaves nothing behind", f"each leaves {left:.0f} bytes or more")


def _passed(one: Any, chain: Chain, number: int) -> None:
    """One request, one answer and two bodies."""
    session = session_of(None, number)
    waited(chain.request(session.request, session))
    chain.answer(ResponseHead(200, fields=(("x-number", str(number)),), length=None), session)
    body = getattr(one, "body", None)
    for head, direction in ((session.request, Direction.REQUEST), (ResponseHead(200), Direction.RESPONSE)):
        transform = None if body is None else body(head, session, direction)
        if transform is not None:
            transform.feed(b"%d" % number)
            transform.finish()
