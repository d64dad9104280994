"""Checks of several checks: side by side, decided as soon as can be, with one report, and evidence by name."""

from __future__ import annotations

from collections.abc import Awaitable
from itertools import product
from typing import Any as Anything

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.errors import CheckFailed, ConfigError
from balancer.interfaces import IHealthCheck, IHealthCheckPlugin, Kind, Report
from balancer.plugins.health import All, Any, Composite, HTTPCheck, Script, TCPCheck, TLSCheck
from tests.plugins.examined import Examination, FakeTarget

KINDS = [All(TCPCheck(), app=HTTPCheck()), Any(TCPCheck(), HTTPCheck()), Composite(1, app=TCPCheck(), db=HTTPCheck())]


class Part:
    """A check that a test ends; `ended` is how, once it has begun."""

    def __init__(self, **protocols: Anything) -> None:
        self.begun, self.cancelled = 0, False
        self.ended: Deferred[Report | None] = Deferred(lambda _: setattr(self, "cancelled", True))
        vars(self).update(protocols)

    def __call__(self, target: Anything) -> Awaitable[Report | None]:
        self.begun += 1
        return self.ended

    def passes(self, **report: Anything) -> None:
        self.ended.callback(Report(**report) if report else None)

    def fails(self, why: str) -> None:
        self.ended.errback(CheckFailed(why))


def parts(*names: str) -> dict[str, Part]:
    """Parts by these names."""
    return {name: Part() for name in names}


@pytest.mark.parametrize("check", KINDS, ids=repr)
def test_provides_the_interface(check: Anything) -> None:
    """Each provides `IHealthCheck` for what all its parts can probe, and its class is listed as a plugin."""
    assert verifyObject(IHealthCheck, check)
    assert IPlugin.providedBy(type(check))
    assert IHealthCheckPlugin.providedBy(type(check))
    assert set(check.protocols) == {Kind.TCP, Kind.HTTP}


def test_probes_for_what_all_its_parts_can() -> None:
    """A function probes for every kind, so that only the others limit what the whole can probe for."""
    assert All(Part()).protocols == set(Kind)
    assert All(Part(), Part(protocols=[Kind.UDP]), Part(protocols=[Kind.UDP, Kind.TCP])).protocols == {Kind.UDP}


def test_needs_what_its_parts_need() -> None:
    """One part that speaks TLS itself needs connections in the clear, and so does the whole."""
    assert All(Part(), TLSCheck()).plain
    assert not All(Part(), TCPCheck()).plain


def test_all_passes_with_the_last() -> None:
    """With `All` every part runs at once, and the last that passes decides."""
    some = parts("a", "b", "c")
    examination = Examination(All(**some))
    assert [part.begun for part in some.values()] == [1, 1, 1]
    for name in ("c", "a", "b"):
        assert examination.outcome == []
        some[name].passes()
    assert examination.outcome == [Report()]


def test_all_fails_with_the_first() -> None:
    """With `All` the first failure decides, names its part, and ends the others."""
    some = parts("a", "b", "c")
    examination = Examination(All(**some))
    some["a"].passes()
    some["b"].fails("status 503")
    assert examination.evidence == "b: status 503"
    assert [part.cancelled for part in some.values()] == [False, False, True]


def test_any_passes_with_the_first() -> None:
    """With `Any` the first that passes decides, ends the others, and its report is the report."""
    some = parts("a", "b", "c")
    examination = Examination(Any(**some))
    some["a"].fails("status 503")
    some["c"].passes(weight=0.5, detail="fine")
    assert examination.outcome == [Report(0.5, None, "c: fine")]
    assert some["b"].cancelled


def test_any_fails_with_the_last() -> None:
    """With `Any` all must fail, and the evidence is that of all, in the order in which it came."""
    some = parts("a", "b")
    examination = Examination(Any(**some))
    some["b"].fails("no route")
    assert examination.outcome == []
    some["a"].fails("status 503")
    assert examination.evidence == "b: no route; a: status 503"


def test_a_first_part_that_decides_spares_the_others() -> None:
    """What is decided at once by the first is not asked of the others."""
    some = parts("a", "b")
    some["a"].passes()
    assert Examination(Any(**some)).outcome == [Report()]
    assert some["b"].begun == 0


@given(st.integers(1, 4), st.permutations(range(4)), st.lists(st.booleans(), min_size=4, max_size=4))
def test_so_many_of_so_many(needed: int, order: list[int], well: list[bool]) -> None:
    """With a number so many must pass, it is decided as soon as it is known, and whoever is left is ended."""
    some = parts("p0", "p1", "p2", "p3")
    examination = Examination(Composite(needed, **some))
    passed = failed = 0
    for number in order:
        known = passed >= needed or failed > 4 - needed
        assert bool(examination.outcome) is known
        part = some[f"p{number}"]
        assert part.cancelled is known
        if not known and well[number]:
            passed += 1
            part.passes()
        elif not known:
            failed += 1
            part.fails("no")
    assert (examination.outcome == [Report()]) is (sum(well) >= needed)


@pytest.mark.parametrize(("app", "db", "cache"), list(product([True, False], repeat=3)))
def test_a_rule_of_the_users(app: bool, db: bool, cache: bool) -> None:
    """With a function it is asked once, when all have ended, by name."""
    asked: list[dict[str, bool]] = []

    def rule(passed: Anything) -> Anything:
        asked.append(dict(passed))
        return passed["app"] and (passed["db"] or passed["cache"])

    some, well = parts("app", "db", "cache"), {"app": app, "db": db, "cache": cache}
    examination = Examination(Composite(rule, **some))
    for name, passes in well.items():
        assert asked == []
        some[name].passes() if passes else some[name].fails("no")
    assert asked == [well]
    if app and (db or cache):
        assert examination.outcome == [Report()]
    else:
        assert examination.evidence == "; ".join(f"{name}: no" for name, passes in well.items() if not passes)


def test_a_rule_that_is_never_content() -> None:
    """Where all pass and the rule says no all the same, that is the evidence."""
    some = parts("a")
    examination = Examination(Composite(lambda _: 0, **some))
    some["a"].passes()
    assert examination.evidence == "the rule says no, though none has failed"


def test_a_rule_that_raises() -> None:
    """What a rule raises is the outcome, and nothing is left."""
    some = parts("a")
    examination = Examination(Composite(lambda passed: passed["b"], **some))
    some["a"].passes()
    assert examination.outcome[0].check(KeyError)


def test_reports_become_one() -> None:
    """The least weight counts, tags and signals are joined, and details name their part."""
    some = parts("a", "b", "c", "d")
    examination = Examination(All(**some))
    some["c"].passes(weight=0.25, tags={"primary"}, detail="leader", signals={"lag": 1})
    some["a"].passes(weight=0.5, tags={"fast"}, signals={"queue": 3, "lag": 9})
    some["b"].passes(detail="fine")
    some["d"].passes()
    assert examination.outcome == [
        Report(0.25, frozenset({"fast", "primary"}), "c: leader; b: fine", {"lag": 9, "queue": 3})
    ]


def test_a_broken_part_is_named() -> None:
    """A part that raises something else, or answers what is no result, has failed, and is named."""

    async def confused(_: Anything) -> Anything:
        return 5

    assert Examination(All(confused)).evidence.startswith("confused: the check itself failed: TypeError(")


def test_parts_without_a_name_are_told_apart() -> None:
    """A part without a name has that of its class or function, numbered where it occurs again."""

    async def sick(_: Anything) -> None:
        raise CheckFailed("no")

    assert Examination(Any(sick, sick, sick)).evidence == "sick 1: no; sick 2: no; sick 3: no"
    target = FakeTarget(answer=Deferred())
    examination = Examination(All(TCPCheck(), sick), target)
    assert examination.evidence == "sick: no"


def test_time_is_up() -> None:
    """A whole that is cancelled ends all its parts, and passes on what they say of that."""
    some, said = parts("a", "b"), Part()
    said.ended = Deferred(lambda ended: ended.errback(CheckFailed("got nothing so far")))
    examination = Examination(All(**some, c=said))
    some["a"].passes()
    examination.running.cancel()
    assert examination.evidence == "c: got nothing so far"
    assert some["b"].cancelled


def test_time_is_up_without_a_word() -> None:
    """A whole whose parts have nothing to say is cancelled as any check is."""
    examination = Examination(All(**parts("a", "b")))
    examination.running.cancel()
    assert examination.outcome[0].check(CancelledError)


def test_a_part_that_does_not_stop_is_waited_for() -> None:
    """A part that outlives its end keeps the whole from ending, so that no two of it ever run."""

    async def stubborn(_: Anything) -> None:
        try:
            await Deferred[None]()
        except CancelledError:
            await late

    late = Deferred[None]()
    examination = Examination(Any(stubborn, quick := Part()))
    quick.passes()
    assert examination.outcome == []
    late.callback(None)
    assert examination.outcome == [Report()]


def test_they_nest() -> None:
    """A check of several checks is a check, and evidence leads down to the part."""
    some = parts("db", "cache")
    examination = Examination(All(TCPCheck(), store=Any(**some)))
    some["db"].fails("no")
    some["cache"].fails("cold")
    assert examination.evidence == "store: db: no; cache: cold"


def test_are_values() -> None:
    """Those made alike are equal, hash alike and show how they were made."""
    assert {All(TCPCheck(), a=HTTPCheck()), All(TCPCheck(), a=HTTPCheck())} == {All(TCPCheck(), a=HTTPCheck())}
    assert len({All(TCPCheck()), Any(TCPCheck()), All(a=TCPCheck())}) == 3
    assert repr(All(TCPCheck(), a=TCPCheck())) == "All(TCPCheck(), a=TCPCheck())"
    assert repr(Composite(1, a=TCPCheck())) == "Composite(1, a=TCPCheck())"
    assert repr(Composite(max, a=TCPCheck(), b=len)) == "Composite(max, a=TCPCheck(), b=len)"


REMEDY = "is no health check; give one such as TCPCheck(), or a function of the target"


NO_RULE = "is neither a function nor a number from 1 to 1, of checks that must pass; give one of them"


@pytest.mark.parametrize(
    ("make", "mistakes"),
    [
        (All, ["All: checks: there is none; give at least one, such as TCPCheck()"]),
        (lambda: Any(5, a=TCPCheck), [f"Any: int: 5 {REMEDY}", f"Any: a: {TCPCheck!r} {REMEDY}"]),
        (lambda: Composite(2, a=TCPCheck()), [f"Composite: rule: 2 {NO_RULE}"]),
        (lambda: Composite(True, a=TCPCheck()), [f"Composite: rule: True {NO_RULE}"]),
    ],
)
def test_mistakes_are_told(make: Anything, mistakes: list[str]) -> None:
    """What could not work is told, a line for each mistake."""
    with pytest.raises(ConfigError) as caught:
        make()
    assert list(caught.value.mistakes) == mistakes


def test_the_programs_of_the_parts() -> None:
    """It runs the programs that its checks run."""
    assert All(TCPCheck(), Script(["one"]), other=Any(Script(["two", "-x"]))).programs == ("one", "two")
