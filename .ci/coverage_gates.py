"""The coverage gates, over what the test runs have left in `.coverage`; runs no test itself.

Every module of the core and every built-in plugin is covered branch by branch by the test file that mirrors it (and by
what merely importing it runs), so nothing there is covered by accident. All the rest together reaches `ELSEWHERE`.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from coverage import Coverage

MIRRORED = {"balancer/core": "tests/core", "plugins/balancer/plugins": "tests/plugins"}
ELSEWHERE = 95.0
"""Per cent of branches and lines outside the mirrored folders."""


def short_of(limit: float, measured: Coverage, **selection: list[str]) -> str:
    """Return the report of that selection when it is below the limit, else nothing."""
    report = io.StringIO()
    reached = measured.report(file=report, **selection)  # type: ignore[arg-type]  # lists of patterns, all of them
    return report.getvalue() if reached < limit else ""


def main() -> int:
    """Print what falls short and return 1, or say that nothing does and return 0."""
    measured = Coverage()
    measured.load()
    faults = [
        short_of(100.0, measured, include=[str(module)], contexts=["^$", rf"^{tests}/test_{module.stem}(_\w+)?\.py"])
        for folder, tests in MIRRORED.items()
        for module in sorted(Path(folder).glob("*.py"))
        if module.stem != "__init__"
    ]
    faults.append(short_of(ELSEWHERE, measured, omit=[f"{folder}/*" for folder in MIRRORED]))
    print("\n".join(filter(None, faults)) or "coverage gates: passed")
    return int(any(faults))


if __name__ == "__main__":
    sys.exit(main())
