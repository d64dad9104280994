"""An ACME authority in the test's memory, spoken to in whole requests of HTTP; a test says what goes wrong with it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import quote, unquote

import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from urllib3 import HTTPResponse

URL = "https://ca.example"
DIRECTORY = f"{URL}/dir"
TOKEN = "DGyRejmCefe7v4NfDGDKfA"
DAY = 86400
NOW = 1_800_000_000.0
"""Seconds since 1970, of the test's wall."""

Answer = tuple[int, Mapping[str, str], bytes]


def problem(status: int, code: str, detail: str = "because", headers: Mapping[str, str] | None = None) -> Answer:
    """An error as an authority tells it."""
    body = {"type": f"urn:ietf:params:acme:error:{code}", "detail": detail}
    return status, {"content-type": "application/problem+json", **(headers or {})}, json.dumps(body).encode()


def answered(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON."""
    return status, {"content-type": "application/json", **(headers or {})}, json.dumps(body).encode()


class Press:
    """Makes certificates, which are for `life` seconds and begin so many before now; or something else than wished."""

    def __init__(self) -> None:
        self.life, self.backdated = 90 * DAY, 0
        self.foreign_key = self.foreign_names = False
        self._key = ec.generate_private_key(ec.SECP256R1())

    def signed(self, csr: x509.CertificateSigningRequest) -> bytes:
        """A certificate for what is requested."""
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "office")])
        begin = datetime.fromtimestamp(NOW - self.backdated, UTC)
        key = ec.generate_private_key(ec.SECP256R1()).public_key() if self.foreign_key else csr.public_key()
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if self.foreign_names:
            names = x509.SubjectAlternativeName([x509.DNSName("other.example")])
        return (
            x509.CertificateBuilder(issuer, x509.Name([]), key, x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(seconds=self.life))
            .add_extension(names, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, SHA256())
            .public_bytes(Encoding.PEM)
        )


class Office(Press):
    """What it does: `looks` it takes before a name is found to be proved, or `refuses` it with that code.

    `failures` are answers to the next requests for a path, in place of what would be said. `asked` holds every request.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []
        self.said: list[Any] = []
        self.settings: list[dict[str, Any]] = []
        self.failures: dict[str, list[Answer | Exception]] = {}
        self.accounts = 0
        self.looks, self.refuses, self.proved_before = 1, "", False
        self.offers = ["http-01", "dns-01", "tls-alpn-01"]
        self.delays, self.retry_after = 0, ""
        self.meta: dict[str, Any] = {}
        self.advice: dict[str, Any] | None = None
        self.names, self.renamed, self.token = list[str](), list[str](), TOKEN
        self.chain = b""
        self.answered: set[str] = set()
        self._nonces = 0

    def paths(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(asked.startswith(path) for _, asked in self.asked)

    def send(self, _adapter: Any, request: requests.PreparedRequest, *_: Any, **settings: Any) -> requests.Response:
        """In place of `HTTPAdapter.send`."""
        assert request.url is not None
        path = request.url.removeprefix(URL)
        self.asked.append((request.method or "", path))
        self.settings.append(settings)
        planned = self.failures.get(path)
        found = planned.pop(0) if planned else self._answer(path, request)
        if isinstance(found, Exception):
            raise found
        status, headers, body = found
        self._nonces += 1
        response = requests.Response()
        response.status_code, response.url, response.request = status, request.url, request
        response.headers.update({"replay-nonce": f"bm9uY2U{self._nonces:04}", **headers})
        response.raw = HTTPResponse(BytesIO(body), preload_content=False)
        return response

    def _answer(self, path: str, request: requests.PreparedRequest) -> Answer:
        said = None
        if request.method == "POST":
            payload = json.loads(str(request.body))["payload"]
            said = json.loads(urlsafe_b64decode(payload + "==")) if payload else None
            self.said.append(said)
        step = path.split("/")[1]
        found: Answer = getattr(self, f"_{step}")(path.rpartition("/")[2], said)
        return found

    def _dir(self, *_: Any) -> Answer:
        pages = {name: f"{URL}/{name.lower()}" for name in ("newNonce", "newAccount", "newOrder", "revokeCert")}
        ari = {"renewalInfo": f"{URL}/ari"} if self.advice is not None else {}
        return answered({**pages, **ari, "meta": self.meta})

    def _newaccount(self, _name: str, said: Any) -> Answer:
        self.accounts += 1
        return answered(said, 201 if self.accounts == 1 else 200, {"location": f"{URL}/account/1"})

    def _account(self, _name: str, said: Any) -> Answer:
        return answered(said)

    _newnonce = _account

    def _neworder(self, _name: str, said: Any) -> Answer:
        self.names = self.renamed or [one["value"] for one in said["identifiers"]]
        self._polls, self.chain, self.answered = 0, b"", set()
        return answered(self._order_now("pending"), 201, {"location": f"{URL}/order/1"})

    def _order_now(self, status: str) -> Any:
        every = {"status": status, "finalize": f"{URL}/finalize", "authorizations": []}
        every["authorizations"] = [f"{URL}/authz/{quote(name, safe='')}" for name in self.names]
        return {**every, **({"certificate": f"{URL}/cert"} if status == "valid" else {})}

    def _authz(self, name: str, _said: Any) -> Answer:
        name = unquote(name)
        status = "valid" if self.proved_before else "pending"
        if name in self.answered:
            self._polls += 1
            status = "pending" if self._polls < self.looks else "invalid" if self.refuses else "valid"
        wrong = {"error": json.loads(problem(403, self.refuses)[2])} if status == "invalid" and self.refuses else {}
        offers = [
            {"type": kind, "url": f"{URL}/chall/{kind}/{name}", "token": self.token, **wrong} for kind in self.offers
        ]
        body = {"identifier": {"type": "dns", "value": name}, "status": status, "challenges": offers}
        return answered(body, 200, {"retry-after": self.retry_after} if self.retry_after else {})

    def _chall(self, name: str, _said: Any) -> Answer:
        self.answered.add(name)
        kind = self.asked[-1][1].split("/")[2]
        body = {"type": kind, "url": f"{URL}/chall/{kind}/{name}", "token": self.token, "status": "processing"}
        return answered(body, 200, {"link": f'<{URL}/authz/{name}>;rel="up"'})

    def _finalize(self, _name: str, said: Any) -> Answer:
        csr = x509.load_der_x509_csr(urlsafe_b64decode(said["csr"] + "=="))
        self.chain, self.advice = self.signed(csr), None
        return answered(self._order_now("processing"))

    def _order(self, *_: Any) -> Answer:
        self.delays -= 1
        return answered(self._order_now("processing" if self.delays >= 0 else "valid" if self.chain else "ready"))

    def _cert(self, *_: Any) -> Answer:
        return 200, {"content-type": "application/pem-certificate-chain"}, self.chain

    def _ari(self, *_: Any) -> Answer:
        return answered({"suggestedWindow": self.advice}, 200, {"retry-after": "7200"})
