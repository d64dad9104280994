"""The promises of matchers: answers of the right form, the same each time, whatever a client sends; and logic holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from balancer.core.messages import RequestHead
from balancer.errors import ConfigError
from balancer.interfaces import MORE, Found, Kind, Matcher, ask
from balancer.interfaces.hints import Hints, among, below, hints_of
from balancer.testing.fakes import FakeSession
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.constants import mentioned
from balancer.testing.kit.searching import search
from balancer.testing.kit.stories import LOOKS_ONLY, Story
from balancer.testing.kit.watching import differences, photo
from balancer.testing.sessions import sessions
from balancer.testing.strategies import hypothesis_strategies

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

ANSWERS: Final = "a matcher answers True, False, MORE, or captures: texts by name"
NEVER: Final = "nothing that a client sends makes a matcher raise"
STAYS: Final = "while bytes are missing that could change its answer, a matcher answers MORE"


def question(matcher: Any) -> Callable[[Any], Any]:
    """How it is asked."""
    found: Callable[[Any], Any] = getattr(matcher, "matches", matcher)
    return found


def of(matcher: Any) -> SearchStrategy[FakeSession]:
    """Sessions of clients that may also say what the matcher itself mentions."""
    st = hypothesis_strategies()
    words = mentioned(matcher)
    if not words:
        return sessions()
    known = st.lists(st.sampled_from(words) | st.binary(max_size=3), max_size=4).map(b"".join)
    drawn = sessions() | st.builds(lambda peek: FakeSession(peek=peek), known)
    all_of_them: SearchStrategy[FakeSession] = drawn | st.builds(
        _requesting, st.sampled_from(words), st.sampled_from(words)
    )
    return all_of_them


def _requesting(one: bytes, other: bytes) -> FakeSession:
    """A request that says these wherever it can."""
    text, more = (data.decode("latin-1").strip() for data in (one, other))
    plain = "".join(letter for letter in text if "!" <= letter <= "~" and letter not in "#?")
    host = "".join(letter for letter in more if letter.isalnum() or letter in ".-")
    names = [text.lower() if text.isascii() and text.replace("-", "").isalnum() else "x-some", "cookie"]
    fields = tuple((name, more if more.isprintable() else "") for name in names)
    target = plain if plain.startswith("/") else f"/{plain}"
    return FakeSession(kind=Kind.HTTP, request=RequestHead("GET", target, host, fields=fields))


def described(session: FakeSession) -> str:
    """A session in words."""
    head = session.request
    if head is None:
        return f"{session.kind.name} of {session.client[0] or 'a unix socket'}, which began with {session.peek!r}"
    fields = "".join(f"; {name}: {value[:40]!r}" for name, value in head.fields)
    return f"{head.method} {head.target!r} to {head.authority!r}{fields}"


def hostile(subject: Subject) -> None:
    """It never raises, whatever a client sends, and answers True, False, MORE or captures."""
    matcher = subject.make()
    search(of(matcher), partial(_answered, matcher), subject.effort, first=[FakeSession(), FakeSession(kind=Kind.UDP)])


def _answered(matcher: Any, session: FakeSession) -> None:
    story = Story()
    story.tell(described(session))
    found = story.asked(NEVER, "the matcher", lambda: question(matcher)(session))
    if found is True or found is False or found is MORE:
        return
    if not isinstance(found, Mapping):
        if hasattr(found, "close"):
            found.close()
        story.broken(ANSWERS, f"{found!r}, which is a {type(found).__name__}")
    if not all(isinstance(part, str) for pair in found.items() for part in pair):
        story.broken(ANSWERS, f"{dict(found)!r}")


def determinism(subject: Subject) -> None:
    """Asked again, it answers the same, and another one of the kind does too."""
    matcher, other = subject.make(), subject.make()
    search(of(matcher), partial(_the_same, matcher, other), subject.effort)


def _the_same(matcher: Any, other: Any, session: FakeSession) -> None:
    story = Story()
    first = question(matcher)(session)
    story.tell(f"{described(session)}: {first!r}")
    for what, one in (("asked again", matcher), ("another one", other)):
        again = question(one)(session)
        if again != first:
            story.tell(f"{what}: {again!r}")
            story.broken("the same session gives the same answer", "two different ones")


def untouched(subject: Subject) -> None:
    """It changes nothing of the session, nor of the request."""
    matcher = subject.make()
    search(of(matcher), partial(_left_alone, matcher), subject.effort)


def _left_alone(matcher: Any, session: FakeSession) -> None:
    story = Story()
    story.tell(described(session))
    before = photo(session.request)
    story.asked(NEVER, "matches()", lambda: question(matcher)(session))
    if changed := differences(before, session.request):
        story.broken(LOOKS_ONLY, f"matches() changed {changed}")


class _Constant(Matcher):
    """Always the same answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def matches(self, session: Any) -> Any:
        return self.answer

    def __repr__(self) -> str:
        return f"({self.answer!r})"


class _Plain(Matcher):
    """A matcher without operators, or a function."""

    def __init__(self, matcher: Any) -> None:
        self.matcher = matcher

    def matches(self, session: Any) -> Any:
        return question(self.matcher)(session)


def logic(subject: Subject) -> None:
    """What `&`, `|` and `~` make of it keeps to logic: De Morgan's laws hold, and not not is yes."""
    made = subject.make()
    matcher = made if all(hasattr(made, name) for name in ("__and__", "__or__", "__invert__")) else _Plain(made)
    search(of(made), partial(_logical, matcher), subject.effort)


def _logical(matcher: Any, session: FakeSession) -> None:
    story, m = Story(), matcher
    story.tell(f"m is the matcher, and is asked about {described(session)}: {ask(m, session)!r}")
    _compare(story, session, ("m", m), ("~~m", ~~m))
    for answer in (True, False, MORE):
        n = _Constant(answer)
        story.steps[1:] = [f"n always answers {answer!r}"]
        _compare(story, session, ("~(m & n)", ~(m & n)), ("~m | ~n", ~m | ~n))
        _compare(story, session, ("~(m | n)", ~(m | n)), ("~m & ~n", ~m & ~n))


def _compare(story: Story, session: Any, one: tuple[str, Any], other: tuple[str, Any]) -> None:
    found, also = (_truth(ask(matcher, session)) for _, matcher in (one, other))
    if found != also:
        story.broken(f"{one[0]} is {other[0]}", f"{one[0]} is {found}, and {other[0]} is {also}")


def _truth(found: Any) -> str:
    return "False" if found is False else "MORE" if found is MORE else "True"


def hints(subject: Subject) -> None:
    """Beyond the hosts and the paths that it says it can match, it matches nothing."""
    matcher = subject.make()
    try:
        bounds = hints_of(matcher)
    except ConfigError as error:
        Story().broken("hosts and prefixes are bounds that can be read", str(error))
    near = list(_near(bounds))
    for session in near:
        _within(matcher, bounds, session)
    search(of(matcher), partial(_within, matcher, bounds), subject.effort)


def _near(bounds: Hints) -> Iterable[FakeSession]:
    """Requests just within those bounds and just beyond."""
    hosts = [name.replace("*", "any") for name in sorted(bounds.hosts or {"example.com"})]
    paths = sorted(bounds.prefixes or ("/",))
    beyond = [f"{front}{name}{end}" for name in hosts for front in ("", "x.", "x", "a.b.") for end in ("", ".x", "x")]
    for host in beyond:
        yield FakeSession(kind=Kind.HTTP, request=RequestHead("GET", paths[0], host))
    for path in [f"{front}{path}{end}" for path in paths for front in ("", "/x") for end in ("", "/x", "x")]:
        yield FakeSession(kind=Kind.HTTP, request=RequestHead("GET", path, hosts[0]))


def _within(matcher: Any, bounds: Hints, session: FakeSession) -> None:
    head = session.request
    if head is None or _truth(ask(matcher, session)) != "True":
        return
    story = Story()
    story.tell(f"{described(session)}: it matches")
    if bounds.hosts is not None and not among(head.host, bounds.hosts):
        story.broken(f"it matches only hosts among {sorted(bounds.hosts)}", f"it matches {head.host!r}")
    if bounds.prefixes is not None and not below(head.path, bounds.prefixes):
        story.broken(f"it matches only paths below {list(bounds.prefixes)}", f"it matches {head.path!r}")


def first_bytes(subject: Subject) -> None:
    """It answers MORE until the first bytes tell, then stays with its answer, and needs no more bytes than `peek`."""
    matcher = subject.make()
    drawn = of(matcher).map(lambda session: session.peek)
    words = mentioned(matcher)
    first = [word + b"\0\0\0\0" for word in words] + [b"\0" * (getattr(matcher, "peek", 0) + 1)]
    for data in first:
        _stays(matcher, data)
    search(drawn, partial(_stays, matcher), subject.effort)


def _stays(matcher: Any, data: bytes) -> None:
    story, enough = Story(), getattr(matcher, "peek", 0)
    before: Found = MORE
    for length in range(len(data) + 1):
        found = ask(matcher, FakeSession(peek=data[:length]))
        if before is not MORE and _truth(found) != _truth(before):
            story.tell(f"the first bytes are {data[: length - 1]!r}: {_truth(before)}")
            story.tell(f"one more comes, {data[length - 1 : length]!r}: {_truth(found)}")
            if length > enough:
                story.broken(f"peek tells how many bytes it may need, and it says {enough}", f"it looked at {length}")
            story.broken(STAYS, "it changed its mind")
        before = found if length < enough or found is not MORE else False
