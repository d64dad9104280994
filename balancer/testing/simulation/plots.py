"""A picture of what came of simulations: how long requests took, and what each backend had; computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from balancer.errors import ConfigError
from balancer.testing.simulation.results import Result

_POINTS: Final = 1000
_NINES: Final = (0.0, 0.9, 0.99, 0.999)


def plot(results: Sequence[Result], file: Path) -> None:
    """Draw them beside each other, in the format that the name of the file asks for.

    Raises `ConfigError` without the extra `balancer[plot]`, and for a file that cannot be written.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - large, and an extra
    except ModuleNotFoundError as error:
        raise ConfigError(["plot: it needs Matplotlib; install balancer[plot]"]) from error
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    times, shares = figure.subplots(1, 2)
    parts = [point / _POINTS for point in range(1, _POINTS)]
    width = 0.8 / len(results)
    for number, result in enumerate(results):
        times.plot(
            [1 / (1 - part) for part in parts], [result.quantile(part) for part in parts], label=result.algorithm
        )
        places = [place + number * width for place in range(len(result.backends))]
        shares.bar(places, [100 * backend.share for backend in result.backends], width, label=result.algorithm)
    times.set(xscale="log", yscale="log", xlabel="requests, per cent", ylabel="over within, seconds")
    times.set_xticks([1 / (1 - part) for part in _NINES], [f"{part:.4g}" for part in (100 * nine for nine in _NINES)])
    shares.set(ylabel="share of the tries, per cent")
    shares.set_xticks(range(len(results[0].backends)), list(results[0].shares), rotation=45)
    times.legend()
    try:
        figure.savefig(file)
    except (OSError, ValueError) as error:
        raise ConfigError([f"plot: {file}: cannot be written: {error}"]) from error
