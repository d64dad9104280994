"""What OpenSSL says is wrong; refuses to know on which side, and what it was told of."""

from __future__ import annotations


def reasons(error: BaseException) -> list[str]:
    """In the order in which it was found, the deepest first; nothing for an error that is not its own."""
    told = error.args[0] if error.args else None
    return [str(entry[-1]) for entry in told] if isinstance(told, list) else []
