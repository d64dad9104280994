"""What `balancer explain` says of the examples, as files to compare with; holds no test itself.

After a change that is meant, write them anew with `python -m tests.explain.golden` and read the difference.
"""

from __future__ import annotations

import json
import os
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

from balancer.cli import main

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "examples"
FOLDER: Final = Path(__file__).with_name("golden")

CORP: Final = "abcd01000001000000000000" + b"\3www\4corp\7example\0\0\1\0\1".hex()
"""A question to DNS for www.corp.example (RFC 1035 4)."""
POSTGRES: Final = (b"\0\0\0\x20\0\3\0\0" + b"user\0ann\0database\0shop\0\0").hex()
"""A StartupMessage of PostgreSQL."""
TO_B2: Final = "40" + "0002" + "00" * 22
"""A datagram of QUIC whose connection id is one that b2 gave out (RFC 9000 17.3)."""

QUESTIONS: Final[dict[str, list[str]]] = {
    "database_roles": [
        "tcp://:8081 --tag 127.0.0.1:9301=primary --tag 127.0.0.1:9302=standby",
        "tcp://:8082 --tag 127.0.0.1:9301=primary --tag 127.0.0.1:9302=standby",
        "tcp://:8082 --tag 127.0.0.1:9302=primary --down 127.0.0.1:9301",
        "tcp://:8081 --tag 127.0.0.1:9302=standby --down 127.0.0.1:9301",
    ],
    "quickstart": [
        "'GET http://127.0.0.1:8080/'",
        "'POST http://127.0.0.1:8080/demo/b1/stop'",
        "'GET http://127.0.0.1:8080/' --down web/b1 --draining web/b2",
        "tcp://:8081 --down echo/127.0.0.1:9101 --down echo/127.0.0.1:9102 --down echo/127.0.0.1:9103",
        "udp://:8082",
    ],
    "routes": [
        "'GET http://api.example.com:8080/'",
        "'GET http://www.example.com:8080/users/7/events' --down events/b3",
        "'GET http://www.example.com:8080/' --header 'Cookie: beta=on'",
        "'GET http://db.internal.example.com:8080/' --client 10.1.2.3 --down site/b1 --down site/b2",
        "'GET http://db.internal.example.com:8080/'",
    ],
    "filters": [
        "'GET http://127.0.0.1:8080/v1/headers?x=1' --header 'Cookie: a=b' --header 'Connection: close'",
        "'GET http://127.0.0.1:8080/users/7/headers'",
        "http://127.0.0.1:8080/docs/start",
        "http://127.0.0.1:8080/status",
        "http://127.0.0.1:8080/../status",
    ],
    "first_bytes": [
        "https://www.shop.example.com:8443/",
        "http://127.0.0.1:8443/",
        f"tcp://:8432 --peek hex:{POSTGRES}",
        "tcp://:8432",
    ],
    "datagrams": [
        f"udp://:8053 --peek hex:{CORP}",
        f"udp://:8443 --peek hex:{TO_B2}",
        "udp://:8443",
    ],
    "drain_by_file": ["http://127.0.0.1:8080/ --draining b2"],
    "model_servers": ["http://127.0.0.1:8080/", "http://127.0.0.1:8080/ --header 'X-Session-Id: 7' --draining m1"],
    "own_algorithm": ["http://127.0.0.1:8080/ --header 'Tenant: red'", "http://127.0.0.1:8080/"],
    "own_check": ["tcp://:8081 --down 127.0.0.1:9101"],
    "own_filter": [
        "http://127.0.0.1:8080/ --header 'Authorization: Bearer x'",
        "http://127.0.0.1:8081/ --header 'User-Agent: x'",
    ],
    "own_matcher": [
        "'POST http://127.0.0.1:8080/echo' --header 'Content-Length: 2000000'",
        "'POST http://127.0.0.1:8080/echo' --header 'Content-Length: 5'",
    ],
    "tcp_and_udp": ["tcp://:8081", "udp://:8082"],
    "tls_site": ["http://localhost:8080/headers", "https://localhost:8443/", "https://localhost:8443/ --sni b.example"],
    "two_tiers/front": [
        "https://shop.example.com:8443/",
        "https://www.example.com:8443/",
    ],
    "two_tiers/site": ["https://shop.example.com:8444/headers --client 10.1.2.3"],
}
"""What each example is asked, as on a command line."""


def printed(example: str, question: str, *options: str) -> str:
    """What the command prints for one question, in the folder of the project."""
    out = StringIO()
    with redirect_stdout(out):
        status = main(["explain", f"examples/{example}.py", *shlex.split(question), *options])
    assert status == 0
    return out.getvalue()


def text(example: str) -> str:
    """What a person sees who asks all of it."""
    asked = ((question, printed(example, question)) for question in QUESTIONS[example])
    return "\n".join(f"$ balancer explain examples/{example}.py {question}\n{answer}" for question, answer in asked)


def values(example: str) -> str:
    """The same as JSON, by question."""
    told = {question: json.loads(printed(example, question, "--json")) for question in QUESTIONS[example]}
    return json.dumps(told, indent=1) + "\n"


def file(example: str, suffix: str) -> Path:
    """Where it is kept."""
    return FOLDER / (example.replace("/", "-") + suffix)


if __name__ == "__main__":
    os.chdir(ROOT)
    for one in QUESTIONS:
        file(one, ".txt").write_text(text(one))
        file(one, ".json").write_text(values(one))
