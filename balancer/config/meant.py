"""What was probably meant by a name that is not there, as words to put behind an error; refuses to try it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from types import FrameType
from typing import Final

_LIKE: Final = 0.7
_WHERE: Final = "; `balancer plugins` lists what is in which module"


def likely(wanted: str, known: Iterable[str]) -> str:
    """The name among those known that is most like the one wanted; nothing if none is much like it.

    `key`, a file, is not to end up as `keylog`, another.
    """
    return next(iter(get_close_matches(wanted, list(known), n=1, cutoff=_LIKE)), "")


def meant(error: BaseException, frame: FrameType | None) -> str:
    """Of an error that came up in that frame; nothing where nobody can tell."""
    wanted, known = _sought(error, frame)
    close = likely(wanted, (name for name in known if not name.startswith("_")))
    if close:
        return f"; did you mean {close!r}?"
    ours = isinstance(error, ImportError) and (error.name or "").split(".")[0] == "balancer"
    return _WHERE if ours else ""


def _sought(error: BaseException, frame: FrameType | None) -> tuple[str, Iterable[str]]:
    """What was sought, and what there is in its place."""
    if isinstance(error, ModuleNotFoundError):
        parent, _, name = (error.name or "").rpartition(".")
        return name, [loaded.rpartition(".")[2] for loaded in sys.modules if loaded.rpartition(".")[0] == parent]
    if isinstance(error, ImportError):
        return str(error).split("'")[1] if "'" in str(error) else "", dir(sys.modules.get(error.name or ""))
    if isinstance(error, NameError) and frame is not None:
        return error.name or "", [*frame.f_locals, *frame.f_globals]
    if isinstance(error, AttributeError):
        return error.name or "", dir(error.obj)
    return "", ()
