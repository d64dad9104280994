"""Searches for streams on which the readers of HTTP/1.1 disagree, led by what of our codec each one reaches.

Run as `python -m tests.fuzz.fuzz_http1 --seconds N [--corpus FOLDER]`, or `make fuzz`. Ends with the first
disagreement, told with its bytes. Needs the extra `balancer[fuzz]`; what is judged stands in `tests.fuzz.readers`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

from tests.fuzz.seeds import ANSWERS, METHODS, REQUESTS, WORDS

with atheris.instrument_imports(include=["balancer.core"]):
    from tests.fuzz.readers import judge_answer, judge_requests

LONGEST = 1500
"""Bytes of a stream: more than any bound that the readers are given."""


def judge(data: bytes) -> None:
    """Judge what stands behind the first two bytes: these say what it is, and where it is cut. May raise."""
    if len(data) < 2:
        return
    kind, cut, stream = data[0], data[1], data[2:]
    if kind % 2:
        judge_answer(stream, cut, METHODS[kind // 4 % len(METHODS)], closed=bool(kind & 2))
    else:
        judge_requests(stream, cut)


def main() -> None:
    """Search for as long as asked. Exits with a status other than 0 after a disagreement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, help="where what reaches something new is kept for the next time")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="fuzz-") as scratch:
        folder = options.corpus or Path(scratch, "corpus")
        folder.mkdir(parents=True, exist_ok=True)
        for number, stream in enumerate([*REQUESTS, *ANSWERS]):
            Path(folder, f"seed-{number}").write_bytes(bytes([number >= len(REQUESTS), 9]) + stream)
        words = Path(scratch, "words")
        words.write_text("".join(f'"{escaped(word)}"\n' for word in WORDS))
        child = os.fork()
        if not child:
            search(folder, words, options.seconds)
        _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


def escaped(word: bytes) -> str:
    """A word as a dictionary of libFuzzer has it."""
    return "".join(f"\\x{byte:02x}" for byte in word)


def search(folder: Path, words: Path, seconds: int) -> None:
    """Let libFuzzer begin with what is in the folder. It ends the process, and so cannot be the one that cleans up."""
    bounds = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=20", "-rss_limit_mb=1024", "-verbosity=0"]
    files = [f"-dict={words}", f"-artifact_prefix={words.parent}/", str(folder)]
    atheris.Setup([sys.argv[0], *bounds, "-print_final_stats=1", *files], judge)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
