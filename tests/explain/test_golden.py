"""What `balancer explain` says of the quickstart and of every example, word for word; see `tests.explain.golden`."""

from __future__ import annotations

import pytest

from tests.explain.golden import EXAMPLES, FOLDER, QUESTIONS, ROOT, file, text, values

WRITTEN = {
    str(path.relative_to(EXAMPLES).with_suffix(""))
    for path in (*EXAMPLES.glob("*.py"), *EXAMPLES.glob("two_tiers/*.py"))
}


def test_every_example_is_asked() -> None:
    """No example goes unasked, and nothing is kept of one that is gone."""
    assert set(QUESTIONS) == WRITTEN
    assert set(FOLDER.iterdir()) == {file(example, suffix) for example in QUESTIONS for suffix in (".txt", ".json")}


@pytest.mark.parametrize("example", QUESTIONS)
def test_what_is_printed(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts and JSON are as they were when somebody last read them; the golden module says how to write them anew."""
    monkeypatch.chdir(ROOT)
    assert text(example) == file(example, ".txt").read_text()
    assert values(example) == file(example, ".json").read_text()
