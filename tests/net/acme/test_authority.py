"""An authority asked over HTTP: what is sent to it, what is made of its answers, and of every kind of nonsense."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import pytest
import requests
from acme import errors
from acme.crypto_util import make_csr

from balancer.errors import CertificateNotObtained
from balancer.net.acme.authority import LARGEST, Authority, why
from balancer.net.acme.obtaining import new_key
from tests.net.acme.office import DIRECTORY, NOW, TOKEN, Answer, Office, answered, problem

KEY = new_key("ecdsa")
CSR = make_csr(KEY, ["a.example"])
PLAIN = {"content-type": "text/plain"}


@pytest.fixture
def authority(office: Office) -> Authority:
    """One to ask."""
    return Authority(DIRECTORY, new_key("ecdsa"), email="me@a.example", ca="roots.pem")


@pytest.mark.parametrize("kind", ["http-01", "tls-alpn-01"])
def test_a_certificate(office: Office, authority: Authority, kind: str) -> None:
    """An order leads to a task, its proof to an approval, and that to the certificate; terms and e-mail are told."""
    (task,) = authority.begin(CSR, kind)
    assert (task.name, task.token) == ("a.example", TOKEN)
    assert task.proof.startswith(f"{TOKEN}.")
    assert office.said[0] == {"contact": ["mailto:me@a.example"], "termsOfServiceAgreed": True}
    authority.answer(task)
    assert office.asked[-1][1] == f"/chall/{kind}/a.example"
    assert office.said[-1] == {}
    assert authority.proved(task)
    office.delays = 1
    authority.finish()
    assert authority.issued() is None
    assert authority.issued() == office.chain
    authority.close()


def test_its_server_is_verified(office: Office, authority: Authority) -> None:
    """Every request is verified by the roots that were given, and by those known to all without any."""
    authority.begin(CSR, "http-01")
    assert {one["verify"] for one in office.settings} == {"roots.pem"}
    Authority(DIRECTORY, KEY).begin(CSR, "http-01")
    assert office.settings[-1]["verify"] not in {"roots.pem", False, None}
    assert all(one["timeout"] for one in office.settings)


def test_nothing_is_asked_in_the_clear(office: Office, authority: Authority) -> None:
    """An authority that leads to a URL of http:// is not followed: there, nothing would be bounded."""
    office.failures["/dir"] = [answered({}, 302, {"location": "http://a.example/dir"})]
    with pytest.raises(CertificateNotObtained, match="No connection adapters were found for "):
        authority.begin(CSR, "http-01")
    assert office.asked == [("GET", "/dir")]


def test_what_is_proved_already(office: Office, authority: Authority) -> None:
    """A name that the authority remembers is no task."""
    office.proved_before = True
    assert authority.begin(CSR, "http-01") == []


def test_an_account_that_is_there(office: Office, authority: Authority) -> None:
    """An account is found again by its key, and its e-mail address brought up to date if there is one."""
    office.accounts = 1
    authority.begin(CSR, "http-01")
    assert ("POST", "/account/1") in office.asked
    asked = len(office.asked)
    Authority(DIRECTORY, KEY).begin(CSR, "http-01")
    assert ("POST", "/account/1") not in office.asked[asked:]


def test_not_looked_at_yet(office: Office, authority: Authority) -> None:
    """Until the authority has looked a task is not approved, and how long it wants us to wait is known."""
    office.looks, office.retry_after = 2, "7"
    (task,) = authority.begin(CSR, "http-01")
    authority.answer(task)
    assert not authority.proved(task)
    assert authority.asked == 7
    assert authority.proved(task)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("Sun, 01 Nov 2026 00:01:00 GMT", 60),
        ("Sat, 31 Oct 2026 00:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("9" * 99, 1e12),
    ],
)
def test_times_to_wait(office: Office, authority: Authority, told: str, seconds: float) -> None:
    """A time to wait is told in seconds or as a date, which counts by the authority's clock; nonsense is none."""
    headers = {"retry-after": told, "date": "Sun, 01 Nov 2026 00:00:00 -0000"}
    office.failures["/neworder"] = [problem(429, "rateLimited", "because", headers)]
    with pytest.raises(CertificateNotObtained, match=r"^rateLimited: because$") as caught:
        authority.begin(CSR, "http-01")
    assert caught.value.pause == pytest.approx(seconds, rel=1e-6)


def test_a_refusal(office: Office, authority: Authority) -> None:
    """When a name is refused it is said which, and why."""
    office.refuses, office.offers = "unauthorized", ["http-01"]
    (task,) = authority.begin(CSR, "http-01")
    authority.answer(task)
    with pytest.raises(CertificateNotObtained, match=r"^a\.example: unauthorized: because$"):
        authority.proved(task)


def test_a_refusal_without_a_reason(office: Office, authority: Authority) -> None:
    """When nobody says why a name is refused, that is said."""
    office.refuses = " "
    (task,) = authority.begin(CSR, "http-01")
    authority.answer(task)
    office.refuses = "x"
    office.offers = []
    with pytest.raises(CertificateNotObtained, match=r"^a\.example: it is invalid, and nobody says why$"):
        authority.proved(task)


def test_a_challenge_that_is_not_offered(office: Office, authority: Authority) -> None:
    """A challenge that the authority does not offer is named."""
    office.offers = ["dns-01"]
    with pytest.raises(CertificateNotObtained, match=r"^a\.example: it does not offer the challenge http-01; "):
        authority.begin(CSR, "http-01")


def test_an_account_made_elsewhere(office: Office, authority: Authority) -> None:
    """An authority that wants an account of its own making is told apart."""
    office.meta = {"externalAccountRequired": True}
    with pytest.raises(CertificateNotObtained, match=r"^it wants an account that was made elsewhere"):
        authority.begin(CSR, "http-01")


def test_an_order_that_is_not_ready(office: Office, authority: Authority) -> None:
    """An order that is ready a moment later is finished then."""
    authority.begin(CSR, "http-01")
    office.failures["/finalize"] = [problem(403, "orderNotReady")]
    authority.finish()
    assert authority.issued() is None
    assert authority.issued() == office.chain
    office.failures["/finalize"] = [problem(403, "badCSR")]
    with pytest.raises(CertificateNotObtained, match=r"^badCSR: because$"):
        authority.finish()


@pytest.mark.parametrize(
    ("order", "line"),
    [
        ({"error": {"type": "urn:ietf:params:acme:error:caa", "detail": "no"}}, "^caa: no$"),
        ({}, "^the order has failed, and nobody says why$"),
    ],
)
def test_an_order_that_fails(office: Office, authority: Authority, order: dict[str, object], line: str) -> None:
    """An order that comes to nothing is an error, with its reason if there is one."""
    authority.begin(CSR, "http-01")
    office.failures["/order/1"] = [answered({"status": "invalid", **order})]
    with pytest.raises(CertificateNotObtained, match=line):
        authority.issued()


def test_nonces_that_are_not_taken(office: Office, authority: Authority) -> None:
    """A nonce that is not taken is no failure, for the request is made again; when none is taken it is one."""
    office.failures["/neworder"] = [problem(400, "badNonce")] * 5
    assert len(authority.begin(CSR, "http-01")) == 1
    office.failures["/neworder"] = [problem(400, "badNonce")] * 6
    with pytest.raises(CertificateNotObtained, match=r"^badNonce: because$"):
        authority.begin(CSR, "http-01")


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ((500, PLAIN, b"oops"), "^it answered 500 None$"),
        ((200, PLAIN, b"{]"), "^Unexpected response Content-Type: text/plain$"),
        ((200, PLAIN, b"[]"), "^its answer makes no sense: TypeError: "),
        ((200, PLAIN, b"x" * (LARGEST + 1)), f"^its answer is longer than {LARGEST} bytes$"),
        (problem(503, "serverInternal", "two\nlines\x1b[2J"), r"^serverInternal: two lines\?\[2J$"),
        (problem(503, "serverInternal", "x" * 999), r"^serverInternal: x{281}\.\.\.$"),
        (
            (503, {"content-type": "application/problem+json"}, b'{"type": "urn:odd"}'),
            "^urn:odd: nothing more is said$",
        ),
        (requests.ConnectTimeout(), "^it did not answer in time$"),
    ],
)
def test_nonsense(office: Office, authority: Authority, answer: Answer | Exception, line: str) -> None:
    """Whatever else is answered, or not, is one line that says so."""
    office.failures["/dir"] = [answer]
    with pytest.raises(CertificateNotObtained, match=line):
        authority.begin(CSR, "http-01")


def test_out_of_reach() -> None:
    """Of an authority that cannot be reached the first reason is told, not all that came of it."""
    try:
        try:
            raise ssl.SSLCertVerificationError(1, "certificate verify failed: expired")
        except OSError as error:
            raise ValueError("pool") from error
    except ValueError as error:
        line = requests.ConnectionError("HTTPSConnectionPool")
        line.__context__ = error
    assert why(line) == "it cannot be reached: certificate verify failed: expired"
    assert why(errors.TimeoutError()) == "TimeoutError"


def test_advice(office: Office, authority: Authority) -> None:
    """When to renew is asked of an authority that knows, and when it may be asked again is what it says."""
    authority.begin(CSR, "http-01")
    authority.finish()
    assert authority.issued() is not None
    asked = Authority(DIRECTORY, KEY)
    when, by_itself = asked.advice(office.chain)
    assert when is None
    instant = datetime.fromtimestamp(NOW, UTC).isoformat().replace("+00:00", "Z")
    office.advice = {"start": instant, "end": instant}
    when, again = Authority(DIRECTORY, KEY).advice(office.chain)
    assert when == NOW
    assert 0 < by_itself - again == pytest.approx(4 * 3600, abs=60)
    assert office.asked[-1][1].startswith("/ari/")


def test_a_key_that_is_none() -> None:
    """An account's key that cannot be read is told with what to do."""
    with pytest.raises(CertificateNotObtained, match=r"^the account's key cannot be read; move account\.pem away"):
        Authority(DIRECTORY, b"key")
