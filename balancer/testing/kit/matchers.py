"""The promises of matchers: answers of the right form, the same each time, whatever a client sends; and logic holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import count
from typing import Any, Final

from balancer.core.messages import RequestHead
from balancer.errors import ConfigError
from balancer.interfaces import MORE, Found, Kind, Matcher, ask
from balancer.interfaces.hints import Hints, among, below, hints_of
from balancer.interfaces.matching import captures_of
from balancer.testing.fakes import FakeSession
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.constants import mentioned
from balancer.testing.kit.growing import FORGOTTEN, growth
from balancer.testing.kit.keys import session_of
from balancer.testing.kit.searching import search
from balancer.testing.kit.speaking import brief, outright_sessions, sessions_for
from balancer.testing.kit.stories import LOOKS_ONLY, Story
from balancer.testing.kit.watching import differences, photo
from balancer.testing.sessions import LEADING

ANSWERS: Final = "a matcher answers True, False, MORE, or captures: texts by name"
NEVER: Final = "nothing that a client sends makes a matcher raise"
SAME: Final = "the same session gives the same answer"
OFTEN: Final = 40
"""How many sessions a matcher is asked about again and again."""
STAYS: Final = "while bytes are missing that could change its answer, a matcher answers MORE"


def question(matcher: Any) -> Callable[[Any], Any]:
    """How it is asked."""
    found: Callable[[Any], Any] = getattr(matcher, "matches", matcher)
    return found


def described(session: FakeSession) -> str:
    """A session in words."""
    head = session.request
    if head is None:
        return f"{session.kind.name} of {session.client[0] or 'a unix socket'}, which began with {session.peek!r}"
    fields = "".join(f"; {name}: {brief(value)}" for name, value in head.fields)
    return f"{head.method} {brief(head.target)} to {head.authority!r}{fields}"


def hostile(subject: Subject) -> None:
    """It never raises, whatever a client sends, and answers True, False, MORE or captures."""
    matcher = subject.make()
    search(sessions_for(matcher), partial(_answered, matcher), subject.effort, first=outright_sessions(matcher))


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
    """Asked again, and ever again, it answers the same, and another one of the kind does too."""
    matcher, other = subject.make(), subject.make()
    sessions = list(outright_sessions(matcher))
    for session in sessions[:: max(1, len(sessions) // OFTEN)]:
        _asked_often(matcher, session, subject.effort.examples)
    search(sessions_for(matcher), partial(_the_same, matcher, other), subject.effort)


def _the_same(matcher: Any, other: Any, session: FakeSession) -> None:
    story = Story()
    first = question(matcher)(session)
    story.tell(f"{described(session)}: {first!r}")
    for what, one in (("asked again", matcher), ("another one", other)):
        again = question(one)(session)
        if again != first:
            story.tell(f"{what}: {again!r}")
            story.broken(SAME, "two different ones")


def _asked_often(matcher: Any, session: FakeSession, times: int) -> None:
    """Outside of Hypothesis, which seeds what chance there is."""
    first = question(matcher)(session)
    for number in range(times):
        again = question(matcher)(session)
        if again != first:
            story = Story()
            story.tell(f"{described(session)}: {first!r}")
            story.tell(f"asked again, {number + 1} times: {again!r}")
            story.broken(SAME, "two different ones")


def untouched(subject: Subject) -> None:
    """It changes nothing of the session, nor of the request."""
    matcher = subject.make()
    search(sessions_for(matcher), partial(_left_alone, matcher), subject.effort, first=outright_sessions(matcher))


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
    search(sessions_for(made), partial(_logical, matcher), subject.effort, first=outright_sessions(made))


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
    """Beyond what it says of its hosts, paths and captures it matches and captures nothing; and `always` is always."""
    matcher = subject.make()
    try:
        bounds = hints_of(matcher)
    except ConfigError as error:
        Story().broken("hosts and prefixes are bounds that can be read", str(error))
    cases = [*_near(bounds), *outright_sessions(matcher)]
    search(sessions_for(matcher), partial(_within, matcher, bounds), subject.effort, first=cases)


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
    answer, head, story = ask(matcher, session), session.request, Story()
    found = _truth(answer)
    asked = session.kind in getattr(matcher, "kinds", Kind)
    if asked and getattr(matcher, "always", False) and found != "True":
        story.tell(f"{described(session)}: {found}")
        story.broken("it says that it matches always", "it does not")
    if found != "True":
        return
    story.tell(f"{described(session)}: it matches")
    known = captures_of(matcher)
    if known is not None and isinstance(answer, Mapping) and not known.issuperset(answer):
        story.broken(f"it captures only names among {sorted(known)}", f"it captures {sorted(answer)}")
    if head is not None and bounds.hosts is not None and not among(head.host, bounds.hosts):
        story.broken(f"it matches only hosts among {sorted(bounds.hosts)}", f"it matches {head.host!r}")
    if head is not None and bounds.prefixes is not None and not below(head.path, bounds.prefixes):
        story.broken(f"it matches only paths below {list(bounds.prefixes)}", f"it matches {brief(head.path)}")


def first_bytes(subject: Subject) -> None:
    """It answers MORE until the first bytes tell, then stays with its answer, and needs no more bytes than `peek`."""
    matcher = subject.make()
    enough = getattr(matcher, "peek", 0)
    drawn = sessions_for(matcher).map(lambda session: session.peek)
    first = [word + b"\0\0\0\0" for word in mentioned(matcher)]
    first += [b"\0" * (enough + 1), *(data[: enough + 9] for data in LEADING)]
    search(drawn, partial(_stays, matcher), subject.effort, first=first)


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


def memory(subject: Subject) -> None:
    """What it remembers does not grow with the sessions that it was asked about."""
    matcher, number = subject.make(), count()
    left = growth(lambda: question(matcher)(session_of(None, next(number))), subject.effort)
    if left > FORGOTTEN:
        story = Story()
        story.tell("it is asked about requests of different clients for different things")
        story.broken("what it was asked about leaves nothing behind", f"each leaves {left:.0f} bytes or more")
