"""The package of plugins among the examples is what its template makes, file by file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
ANSWERS = {"slug": "tenants", "summary": "Plugins of an example", "author": "the balancer authors"}


def files(folder: Path) -> dict[str, str]:
    """The text of each file, but what a run leaves behind, by its path in the folder."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in {".md", ".py", ".toml"}
    }


def copied(made: Path, **answers: str) -> subprocess.CompletedProcess[str]:
    """Have Copier make a package, with these answers."""
    given = [word for name, value in answers.items() for word in ("--data", f"{name}={value}")]
    command = [sys.executable, "-m", "copier", "copy", "--quiet", "--defaults", *given]
    command += [str(EXAMPLES / "plugin-template"), str(made)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_the_example_is_what_the_template_makes(tmp_path: Path) -> None:
    """Copier makes the example out of the template, so what is proven of one holds for the other."""
    made = tmp_path / "made"
    assert copied(made, **ANSWERS).returncode == 0
    assert files(made) == files(EXAMPLES / "plugin-package")


def test_a_name_that_cannot_be_imported_is_refused(tmp_path: Path) -> None:
    """A name in capitals, or with a dash, is told to be wrong before anything is written."""
    made = tmp_path / "made"
    refused = copied(made, slug="My-Own", author="me")
    assert refused.returncode != 0
    assert "lower case" in refused.stderr
    assert not made.exists()
