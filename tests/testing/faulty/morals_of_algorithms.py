"""What the kit says about each faulty algorithm; see `morals`."""

from __future__ import annotations

from typing import Final

MORALS_OF_ALGORITHMS: Final = {
    "ClockOfItsOwn": (
        "promised: the same seed and the same sessions give the same choices",
        "came: N and N more; choice N is another",
    ),
    "NeverMade": (
        "promised: an algorithm makes a picker for any backends, at least one, at once or in slices of a gene",
        "came: picker() raised EndlessPicker: there is no picker after N slices",
    ),
    "AsksWhileBuilding": ("promised: making a picker waits for nothing", "came: it waits N ms at a time"),
    "PlaceInMemory": (
        "promised: all processes choose alike: nothing depends on hash(), on id() or on the order of a set",
        "came: N and N more; choice N is another",
    ),
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
        "came: the picker raised ReadOnly: 'active' of backend 'N ' is only to be read; keep notes of your ow",
    ),
    "MarksAsTried": (
        "promised: the engine counts, the policy only looks: it changes neither backends nor sessions",
        "came: the picker raised ReadOnly: 'tried' of a session is only to be read; a matcher answers capture",
    ),
    "AsksForAnother": (
        "promised: the engine counts, the policy only looks: it changes neither backends nor sessions",
        "came: the picker changed target of the head ('/' is '/shard/' now)",
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
        "came: N of weight N got N of weight N got N of weight N got N of weight N got N ; N should have abou",
    ),
    "IgnoresWeights": (
        "promised: the shares are those of the weights",
        "came: N of weight N got N of weight N got N of weight N got N of weight N got N ; N should have abou",
    ),
    "WeightsAtFirst": (
        "promised: the shares are those of the weights",
        "came: N of weight N got N of weight N got N of weight N got N of weight N got N ; N should have abou",
    ),
    "StarvesTheLast": (
        "promised: the shares are those of the weights",
        "came: N of weight N got N of weight N got N of weight N got N of weight N got N ; N should have abou",
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
    "ExplainsByDoing": (
        "promised: explain() changes no choice",
        "came: N and N more; choice N is another",
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
    "OnlyThoseUp": (
        "promised: a picker answers one of the backends it was made for, or None, at once and without raising",
        "came: the picker raised IndexError: Cannot choose from an empty sequence",
    ),
    "FirstTierOnly": (
        "promised: a picker answers one of the backends it was made for, or None, at once and without raising",
        "came: the picker raised ValueError: min() arg is an empty sequence",
    ),
    "KeepsEveryFailure": (
        "promised: sessions that have ended leave nothing behind",
        "came: each leaves N bytes or more",
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
    "RanksWithEachAnswer": (
        "promised: a pick takes at most N times as long as one look at all backends",
        "came: N us, where a look takes N us",
    ),
    "Sleeping": (
        "promised: a pick waits for nothing",
        "came: it waits N ms",
    ),
    "BuildsAtOnce": (
        "promised: a picker is made at once, or by a generator in slices of a millisecond",
        "came: N ms at a time, N times a look at all",
    ),
    "KeepsRetries": (
        "promised: sessions that have ended leave nothing behind",
        "came: each leaves N bytes or more",
    ),
    "PairsOnRetries": (
        "promised: a pick takes at most N times as long as one look at all backends",
        "came: N us, where a look takes N us",
    ),
    "TableOfOnePicker": (
        "promised: the same key goes to the same backend while that is there",
        "came: key N had N and has N ; so N of N ",
    ),
    "PointsByShare": (
        "promised: at most N of the keys move though they need not",
        "came: N of N did, which is N ",
    ),
    "OneByteTurn": (
        "promised: a picker answers one of the backends it was made for, or None, at once and without raising",
        "came: the picker raised IndexError: tuple index out of range",
    ),
}
