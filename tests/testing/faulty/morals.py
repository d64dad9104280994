"""What the kit says about each faulty plugin, without numbers and names: what was promised, and what came."""

from __future__ import annotations

from typing import Final

MORALS: Final = {
    "RememberedIndex": (
        "promised: a picker answers one of the backends it was made for, or None, at once and without raising",
        "came: the picker raised IndexError: tuple index out of range",
    ),
    "NeedsTwo": (
        "promised: a picker answers one of the backends it was made for, or None, at once and without raising",
        "came: the picker raised ValueError: Sample larger than population or is negative",
    ),
    "OlderSnapshot": (
        "promised: a picker answers one of the backends it was made for, or None, at once and without raising",
        "came: backend N which was not offered; offered were N ",
    ),
    "Sorting": (
        "promised: a picker answers one of the backends it was made for, or None, at once and without raising",
        "came: the picker raised AttributeError: 'tuple' object has no attribute 'sort'",
    ),
    "CountsForTheEngine": (
        "promised: the engine counts, the policy only looks: it changes neither backends nor sessions",
        "came: the picker changed active of N (N is N now)",
    ),
    "MarksAsTried": (
        "promised: the engine counts, the policy only looks: it changes neither backends nor sessions",
        "came: the picker changed tried of the session ([N ] is [N ] now)",
    ),
    "Awaitable": (
        "promised: a picker answers one of the backends it was made for, or None, at once and without raising",
        "came: an awaitable, coroutine, which nobody waits for",
    ),
    "AnswersName": (
        "promised: a picker answers one of the backends it was made for, or None, at once and without raising",
        "came: 'N ', which is a str and no backend",
    ),
    "TriedIsAList": (
        "promised: a picker answers one of the backends it was made for, or None, at once and without raising",
        "came: the picker raised TypeError: 'frozenset' object is not subscriptable",
    ),
    "NeedsRequest": (
        "promised: a picker answers one of the backends it was made for, or None, at once and without raising",
        "came: the picker raised AttributeError: 'NoneType' object has no attribute 'path'",
    ),
    "WholeWeights": (
        "promised: a picker answers one of the backends it was made for, or None, at once and without raising",
        "came: the picker raised IndexError: Cannot choose from an empty sequence",
    ),
    "ReleasedOnce": (
        "promised: nothing that the pool tells an algorithm makes it fail",
        "came: pool 'tested': algorithm 'released-once': released() failed, N times so far: KeyError: ...",
    ),
    "ForgetsTheHead": (
        "promised: responded() answers the head to send on",
        "came: None, which is a NoneType",
    ),
    "NegativeCounts": (
        "promised: among equals nobody is chosen who is more than N above the least loaded then",
        "came: N with N was chosen, while N had N for its weight",
    ),
    "NeverBalanced": (
        "promised: among equals nobody is chosen who is more than N above the least loaded then",
        "came: N with N was chosen, while N had N for its weight",
    ),
    "LostOnRebuild": (
        "promised: among equals nobody is chosen who is more than N above the least loaded then",
        "came: N with N was chosen, while N had N for its weight",
    ),
    "FrozenLoads": (
        "promised: among equals nobody is chosen who is more than N above the least loaded then",
        "came: N with N was chosen, while N had N for its weight",
    ),
    "CountsOnlyGrow": (
        "promised: among equals nobody is chosen who is more than N above the least loaded then",
        "came: N with N was chosen, while N had N for its weight",
    ),
    "Favourite": (
        "promised: the shares are those of the weights",
        "came: N of weight N got N of weight N got N of weight N got N of weight N got N ; N should have about N ",
    ),
    "IgnoresWeights": (
        "promised: the shares are those of the weights",
        "came: N of weight N got N of weight N got N of weight N got N of weight N got N ; N should have about N ",
    ),
    "WeightsAtFirst": (
        "promised: the shares are those of the weights",
        "came: N of weight N got N of weight N got N of weight N got N of weight N got N ; N should have about N ",
    ),
    "StarvesTheLast": (
        "promised: the shares are those of the weights",
        "came: N of weight N got N of weight N got N of weight N got N of weight N got N ; N should have about N ",
    ),
    "KeyedByPort": (
        "promised: the same key goes to the same backend while that is there",
        "came: key N had N and has N ; so N of N ",
    ),
    "RandomKeys": (
        "promised: the same key goes to the same backend while that is there",
        "came: key N had N and has N ; so N of N ",
    ),
    "Modulo": (
        "promised: at most N of the keys move though they need not",
        "came: N of N did, which is N ",
    ),
    "OwnChance": (
        "promised: the same seed and the same sessions give the same choices",
        "came: N and N more; choice N is another",
    ),
    "SharedTurn": (
        "promised: one object serves many pools, which know nothing of each other",
        "came: N and N more; choice N is another",
    ),
    "HashOfTheProcess": (
        "promised: all processes choose alike: nothing depends on hash(), on id() or on the order of a set",
        "came: N and N more; choice N is another",
    ),
    "OrderOfASet": (
        "promised: all processes choose alike: nothing depends on hash(), on id() or on the order of a set",
        "came: N and N more; choice N is another",
    ),
    "NeverForgets": (
        "promised: sessions that have ended leave nothing behind",
        "came: each leaves N bytes or more",
    ),
    "KeepsEveryOutcome": (
        "promised: sessions that have ended leave nothing behind",
        "came: each leaves N bytes or more",
    ),
    "KeepsEveryBackend": (
        "promised: backends that are gone leave nothing behind",
        "came: each picker leaves N bytes or more",
    ),
    "Quadratic": (
        "promised: a pick takes at most N times as long as one look at all backends",
        "came: N us, where a look takes N us",
    ),
    "Sleeping": (
        "promised: a pick waits for nothing",
        "came: it takes N ms and works N ms",
    ),
    "BuildsAtOnce": (
        "promised: a picker is made at once, or by a generator in slices of a millisecond",
        "came: N ms at a time, N times a look at all",
    ),
}
