"""The coverage gates, over what the test runs have left in `.coverage-pure` and `.coverage`; runs no test itself.

Every module of the core and every built-in plugin is covered branch by branch by the test file that mirrors it (and by
what merely importing it runs), so nothing there is covered by accident. All the rest together reaches `ELSEWHERE`.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from coverage import Coverage, CoverageData

MIRRORED = {"balancer/core": "tests/core", "plugins/balancer/plugins": "tests/plugins"}
ELSEWHERE = 95.0
"""Per cent of branches and lines outside the mirrored folders."""
PURE, SOCKETS = ".coverage-pure", ".coverage"
"""What the tests without a reactor covered, by the file of the test, and what those on sockets did.

The first is named so that coverage does not take it for a part of the second, `.coverage.*`, and puts it in there.
"""


def short_of(limit: float, measured: Coverage, **selection: list[str]) -> str:
    """Return the report of that selection when it is below the limit, else nothing."""
    report = io.StringIO()
    reached = measured.report(file=report, **selection)  # type: ignore[arg-type]  # lists of patterns, all of them
    return report.getvalue() if reached < limit else ""


def covered(*files: str) -> Coverage:
    """Return what those of these that were written hold together."""
    together = Coverage(data_file=None)
    for file in files:
        found = CoverageData(file)
        found.read()
        together.get_data().update(found)
    return together


def main() -> int:
    """Print what falls short and return 1, or say that nothing does and return 0."""
    pure = covered(PURE)
    faults = [
        short_of(100.0, pure, include=[str(module)], contexts=["^$", rf"^{tests}/test_{module.stem}(_\w+)?\.py$"])
        for folder, tests in MIRRORED.items()
        for module in sorted(Path(folder).glob("*.py"))
        if module.stem != "__init__"
    ]
    faults.append(short_of(ELSEWHERE, covered(PURE, SOCKETS), omit=[f"{folder}/*" for folder in MIRRORED]))
    print("\n".join(filter(None, faults)) or "coverage gates: passed")
    return int(any(faults))


if __name__ == "__main__":
    sys.exit(main())
