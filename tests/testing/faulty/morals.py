"""What the kit says about each faulty plugin, without numbers and names: what was promised, and what came."""

from __future__ import annotations

from typing import Final

from tests.testing.faulty.morals_of_algorithms import MORALS_OF_ALGORITHMS

MORALS: Final = {
    **MORALS_OF_ALGORITHMS,
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
    "RemembersGreeting": (
        "promised: a check tells how the backend is now",
        "came: it passes",
    ),
    "OneAtATime": (
        "promised: the second passes, whatever becomes of the first",
        "came: it still waits",
    ),
    "SleepsBetween": (
        "promised: all that takes time is awaited, and goes through the target",
        "came: it called time.sleep",
    ),
    "OpensALog": (
        "promised: a check ends when it is cancelled, and leaves nothing behind",
        "came: N checks have left N files or sockets open",
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
    "ShowsControls": (
        "promised: evidence holds no control characters",
        "came: '\\x1b[N Jup\\x07' and so on",
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
        "promised: heads are shared with others, so a filter changes copies",
        "came: request() changed fields of the head (() is (('x-seen', 'yes'),) now)",
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
        "came: bytearray(b'\\r\\n'), which is a bytearray",
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
        "came: the matcher raised UnicodeDecodeError: 'ascii' codec can't decode byte N xff in position N : o",
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
        "promised: the engine counts, the policy only looks: it changes neither backends nor sessions",
        "came: matches() raised ReadOnly: 'captures' of a session is only to be read; a matcher answers captu",
    ),
    "CapturesNumbers": (
        "promised: a matcher answers True, False, MORE, or captures: texts by name",
        "came: {'port': N }",
    ),
    "AnswersTheMatch": (
        "promised: a matcher answers True, False, MORE, or captures: texts by name",
        "came: ..., which is a Match",
    ),
    "DigitsOfText": (
        "promised: nothing that a client sends makes a matcher raise",
        "came: the matcher raised ValueError: invalid literal for int() with base N : '²'",
    ),
    "LastIsThePort": (
        "promised: nothing that a client sends makes a matcher raise",
        "came: the matcher raised ValueError: invalid literal for int() with base N : 'N ]'",
    ),
    "PairOfWords": (
        "promised: nothing that a client sends makes a matcher raise",
        "came: the matcher raised ValueError: invalid literal for int() with base N : '='",
    ),
    "CanaryByChance": (
        "promised: the same session gives the same answer",
        "came: two different ones",
    ),
    "AlwaysButOver": (
        "promised: it says that it matches always",
        "came: it does not",
    ),
    "CapturesAnotherName": (
        "promised: it captures only names among ['tenant']",
        "came: it captures ['shop']",
    ),
    "EveryClientSeen": (
        "promised: what it was asked about leaves nothing behind",
        "came: each leaves N bytes or more",
    ),
    "NamedByTheClient": (
        "promised: a filter answers a head that can be sent, or a Reply, and never raises",
        "came: ValueError: field name is not a token; use letters, digits and hyphens",
    ),
    "AgeOfAnswers": (
        "promised: a filter answers a head that can be sent, or a Reply, and never raises",
        "came: ValueError: invalid literal for int() with base N : ''",
    ),
    "TrimsInPlace": (
        "promised: heads are shared with others, so a filter changes copies",
        "came: request() changed target of the head ('/?' is '?' now)",
    ),
    "InOrder": (
        "promised: fields of a name that the filter does not know pass all of them as they came, or none",
        "came: of x-nobody-knows there is N ",
    ),
    "EveryTarget": (
        "promised: what has passed leaves nothing behind",
        "came: each leaves N bytes or more",
    ),
    "LineByLine": (
        "promised: a transform holds back at most N bytes",
        "came: it holds N when the last has come",
    ),
    "EndsOfLines": (
        "promised: what becomes of a body does not depend on how it was cut",
        "came: b'\\r\\r\\n'",
    ),
    "NothingIsText": (
        "promised: a transform answers bytes",
        "came: '', which is a str",
    ),
}
