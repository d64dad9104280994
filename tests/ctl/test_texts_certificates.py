"""Certificates in the counters, as lines for people."""

from __future__ import annotations

from balancer.ctl.texts import lines_of


def test_counters_of_certificates() -> None:
    """Certificates are a table, where there are any, with how often their files were read anew, or refused."""
    process = dict.fromkeys(("sessions", "refused", "flows", "pipes", "deadlines", "max_sessions"), 0)
    one = {"names": ["a.example", "192.0.2.1"], "key": "RSA 2048", "file": "a.pem", "expires": 0, "days_left": 9}
    tls = {"tls": "TLS 'a.pem'", "reloaded": 3, "refused": 1, "certificates": [one]}
    answer = {"process": process, "listeners": [], "pools": [], "access_logs": [], "tls": [tls]}
    assert lines_of("counters", answer)[-2:] == [
        "CERTIFICATE OF        KEY       DAYS LEFT  FILE   RELOADED  REFUSED",
        "a.example, 192.0.2.1  RSA 2048  9          a.pem  3         1",
    ]
