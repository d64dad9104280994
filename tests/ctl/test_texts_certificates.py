"""Certificates in the counters, as lines for people."""

from __future__ import annotations

from balancer.ctl.texts import lines_of


def test_counters_of_certificates() -> None:
    """Certificates are a table, where there are any, with how often their files were read anew, or refused."""
    process = dict.fromkeys(("sessions", "refused", "flows", "pipes", "deadlines", "max_sessions"), 0)
    one = {"names": ["a.example", "192.0.2.1"], "key": "RSA 2048", "file": "a.pem", "expires": 0, "days_left": 9}
    tls = {"tls": "TLS 'a.pem'", "reloaded": 3, "refused": 1, "certificates": [one]}
    answer = {
        "process": process,
        "listeners": [],
        "pools": [],
        "faults": [],
        "acme": [],
        "access_logs": [],
        "tls": [tls],
    }
    assert lines_of("counters", answer)[-2:] == [
        "CERTIFICATE OF        KEY       DAYS LEFT  FILE   RELOADED  REFUSED",
        "a.example, 192.0.2.1  RSA 2048  9          a.pem  3         1",
    ]


def test_counters_of_certificates_to_be_obtained() -> None:
    """Certificates that are obtained have a row each: how long they are good, and how it goes with the next."""
    process = dict.fromkeys(("sessions", "max_sessions", "refused", "flows", "pipes", "deadlines"), 0)
    good = {"days_left": 61.25, "obtained": 2, "failures": 0, "last_error": None, "next_try": 1_800_000_000}
    bad = {"days_left": None, "obtained": 0, "failures": 3, "last_error": "rateLimited: too many", "next_try": None}
    acme = [{"faults": [], "acme": ["a.example", "www.a.example"], **good}, {"acme": ["b.example"], **bad}]
    answer = {
        "process": process,
        "listeners": [],
        "pools": [],
        "faults": [],
        "acme": acme,
        "access_logs": [],
        "tls": [],
    }
    assert lines_of("counters", answer)[-3:] == [
        "ACME       DAYS LEFT  OBTAINED  FAILURES  NEXT TRY              LAST ERROR",
        "a.example  61.2       2         0         2027-01-15 08:00:00Z  -",
        "b.example  -          0         3         now                   rateLimited: too many",
    ]
