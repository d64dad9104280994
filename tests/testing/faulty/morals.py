"""What the kit says about each faulty plugin, without numbers and names: what was promised, and what came."""

from __future__ import annotations

from typing import Final

MORALS: Final = {
    "ClockOfItsOwn": (
        "promised: the same seed and the same sessions give the same choices",
        "came: N and N more; choice N is another",
    ),
    "NeverMade": (
        "promised: an algorithm makes a picker for any backends, at least one, at once or in slices of a gene",
        "came: picker() raised RuntimeError: there is no picker after N slices",
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
        "came: it waits N ms",
    ),
    "BuildsAtOnce": (
        "promised: a picker is made at once, or by a generator in slices of a millisecond",
        "came: N ms at a time, N times a look at all",
    ),
    "GoesOnWhenCancelled": (
        "promised: a check ends when it is cancelled, and leaves nothing behind",
        "came: it still runs",
    ),
    "LeavesATimer": (
        "promised: a check ends when it is cancelled, and leaves nothing behind",
        "came: calls are still to come on the clock",
    ),
    "WaitsForItself": (
        "promised: a check ends when it is cancelled, and leaves nothing behind",
        "came: it still runs",
    ),
    "ReadsText": (
        "promised: a check answers None or a Report when healthy, and raises CheckFailed when not",
        "came: it raised ValueError: invalid literal for int() with base N : b''",
    ),
    "ReadsWithoutEnd": (
        "promised: a check keeps at most N KiB of what a backend says",
        "came: it keeps N KiB",
    ),
    "ContentWithAnything": (
        "promised: a check of what refuses connections fails with CheckFailed",
        "came: it passes",
    ),
    "AnswersFalse": (
        "promised: a check answers None or a Report when healthy, and raises CheckFailed when not",
        "came: False, which is a bool",
    ),
    "RemembersSuccess": (
        "promised: each check looks at the backend",
        "came: it did not even connect",
    ),
    "OneForAll": (
        "promised: the first passes, and the second fails",
        "came: the first passes, and the second passes",
    ),
    "AnswersAtOnce": (
        "promised: it answers a Deferred or a coroutine",
        "came: None, which cannot be awaited",
    ),
    "TakesAPieceForAll": (
        "promised: what a backend says is told the same way however the bytes are cut",
        "came: two different answers",
    ),
    "ShowsAll": (
        "promised: evidence is one line",
        "came: N lines: 'expected PONG, got a\\nb\\r\\nc\\n' and so on",
    ),
    "SleepsFirst": (
        "promised: all that takes time is awaited, and goes through the target",
        "came: it called time.sleep",
    ),
    "LooksTheNameUp": (
        "promised: all that takes time is awaited, and goes through the target",
        "came: it called socket.getaddrinfo",
    ),
    "ConvertsBlindly": (
        "promised: answered() answers finite numbers by name, or raises CheckFailed, whatever stands in a hea",
        "came: it raised ValueError: could not convert string to float: ''",
    ),
    "TakesNaN": (
        "promised: answered() answers finite numbers by name, or raises CheckFailed, whatever stands in a hea",
        "came: {'load': inf}, which is a dict",
    ),
    "TellsTexts": (
        "promised: a source answers finite numbers by name, and raises CheckFailed when there is nothing to b",
        "came: {'load': ''}, which is a dict",
    ),
    "TellsOldNumbers": (
        "promised: a check tells how the backend is now",
        "came: it passes",
    ),
    "ContentWithNothing": (
        "promised: a check of what refuses connections fails with CheckFailed",
        "came: it passes",
    ),
    "AsksInItsOwnTime": (
        "promised: a check ends when it is cancelled, and leaves nothing behind",
        "came: calls are still to come on the clock",
    ),
    "BringsNothing": (
        "promised: it collects, is told of answers, or takes what checks report",
        "came: none of these",
    ),
    "UpperCase": (
        "promised: fields are those of answers that it reads, in lower case",
        "came: frozenset({'X-Load'})",
    ),
    "OneOfAName": (
        "promised: fields of a name that the filter does not know pass all of them as they came, or none",
        "came: of x-nobody-knows there is N ",
    ),
    "ChangesInPlace": (
        "promised: heads are shared with others, so a filter changes copies, and no session",
        "came: fields of the session (() is (('x-seen', 'yes'),) now)",
    ),
    "ReturnsNothing": (
        "promised: a filter answers a head that can be sent, or a Reply, and never raises",
        "came: TypeError: answered a NoneType; expected a RequestHead or a Reply",
    ),
    "WritesTheTarget": (
        "promised: a filter answers a head that can be sent, or a Reply, and never raises",
        "came: ValueError: field 'x-target': its value holds a control, a wide character or outer whitespace",
    ),
    "CapitalNames": (
        "promised: a filter answers a head that can be sent, or a Reply, and never raises",
        "came: ValueError: field name 'X-Served-By' is not in lower case",
    ),
    "SecondField": (
        "promised: a filter answers a head that can be sent, or a Reply, and never raises",
        "came: AttributeError: 'NoneType' object has no attribute 'split'",
    ),
    "TimeOfNothing": (
        "promised: a filter answers a head that can be sent, or a Reply, and never raises",
        "came: TypeError: answered a coroutine; expected a ResponseHead or a Reply",
    ),
    "ReplacesByPiece": (
        "promised: what becomes of a body does not depend on how it was cut",
        "came: b'http://'",
    ),
    "AnswersByteArrays": (
        "promised: a transform answers bytes",
        "came: bytearray(b'SEE `IFILTER`.'), which is a bytearray",
    ),
    "OneForAllBodies": (
        "promised: every body has a transform of its own",
        "came: they become b'one line\\nand http://example.com/ more\\n6 lines\\n' and b'one line\\nand http://ex",
    ),
    "HoldsTheBody": (
        "promised: a transform holds back at most N bytes",
        "came: it holds N when the last has come",
    ),
    "CookieByPosition": (
        "promised: nothing that a client sends makes a matcher raise",
        "came: the matcher raised IndexError: list index out of range",
    ),
    "TextOfBytes": (
        "promised: nothing that a client sends makes a matcher raise",
        "came: the matcher raised UnicodeDecodeError: 'ascii' codec can't decode byte N x80 in position N : o",
    ),
    "PathOfNothing": (
        "promised: nothing that a client sends makes a matcher raise",
        "came: the matcher raised AttributeError: 'NoneType' object has no attribute 'path'",
    ),
    "EverySecond": (
        "promised: the same session gives the same answer",
        "came: two different ones",
    ),
    "AnswersNone": (
        "promised: a matcher answers True, False, MORE, or captures: texts by name",
        "came: None, which is a NoneType",
    ),
    "NarrowHint": (
        "promised: it matches only hosts among ['example.com']",
        "came: it matches 'x.example.com'",
    ),
    "ChangesItsMind": (
        "promised: while bytes are missing that could change its answer, a matcher answers MORE",
        "came: it changed its mind",
    ),
    "AlwaysWants": (
        "promised: peek tells how many bytes it may need, and it says N ",
        "came: it looked at N ",
    ),
    "NegatedMore": (
        "promised: m is ~~m",
        "came: m is MORE, and ~~m is True",
    ),
    "WritesCaptures": (
        "promised: a matcher looks at a session and changes nothing of it",
        "came: captures of the session ({} is {'client': 'N '} now)",
    ),
    "CapturesNumbers": (
        "promised: a matcher answers True, False, MORE, or captures: texts by name",
        "came: {'port': N }",
    ),
}
