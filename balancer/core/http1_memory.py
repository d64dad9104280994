"""What was made of heads that come again and again, so that it is made once; refuses to know what that is."""

from __future__ import annotations

from typing import Any, Final, TypeVar

Known = TypeVar("Known")


class Memory(dict[Any, Known]):
    """What was made of the texts that come again and again, by the text: many a message has the fields of another.

    Holds `MOST` texts of up to `LONGEST` characters, each from the second time on that it is met; when that is too many
    it begins anew.
    """

    MOST: Final = 256
    LONGEST: Final = 2048

    def __init__(self) -> None:
        super().__init__()
        self._met = set[int]()

    def keep(self, text: bytes | str, known: Known) -> None:
        """Remember that, if the text was met before and is not too long."""
        if len(text) > self.LONGEST:
            return
        mark = hash(text)
        if mark not in self._met:
            if len(self._met) >= self.MOST:
                self._met.clear()
            self._met.add(mark)
            return
        if len(self) >= self.MOST:
            self.clear()
        self[text] = known
