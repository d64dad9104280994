"""A certificate authority, asked by ACME (RFC 8555) through the library `acme`; each question blocks.

Refuses to know what is done about its answers, and believes none of them: each is bounded in size, what an authority
says in words is cut to one line, and whatever the library makes of nonsense is one kind of error.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import attrs
import requests
from acme import challenges, client, errors, messages
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from josepy.jwa import ES256
from josepy.jwk import JWK, JWKEC
from requests.adapters import HTTPAdapter

from balancer.errors import CertificateNotObtained

LARGEST: Final = 1 << 20
"""Bytes of an answer."""
TIMEOUT: Final = 30
"""Seconds for a connection, and for each piece of an answer."""
_LONGEST_WORDS: Final = 300
NONCES: Final = 3
"""Times that the library is asked for a request; it takes two nonces for each if it has to."""


@challenges.ChallengeResponse.register
class TLSALPN01Response(challenges.KeyAuthorizationChallengeResponse):
    """Says that what the challenge asks for is there."""

    typ = "tls-alpn-01"


@challenges.Challenge.register
class TLSALPN01(challenges.KeyAuthorizationChallenge):
    """The challenge of RFC 8737, which the library left to others."""

    typ = "tls-alpn-01"
    response_cls = TLSALPN01Response

    def validation(self, account_key: JWK, **_: Any) -> str:
        """What the certificate for the challenge has the digest of."""
        return self.key_authorization(account_key)


@attrs.frozen(eq=False)
class Task:
    """To prove that a name is ours: whoever asks for `token` of that name is to be told `proof`."""

    name: str
    token: str
    proof: str
    challenge: messages.ChallengeBody
    authorization: messages.AuthorizationResource


class Authority:
    """The one at `directory`, to whom our account is known by its key (PEM) and told of by `email`.

    Its own server is verified by the roots in the file `ca`, or by those known to all. Every method raises
    `CertificateNotObtained` for what goes wrong. An object is good for one certificate.
    """

    def __init__(self, directory: str, key: bytes, *, email: str | None = None, ca: str | None = None) -> None:
        self._directory, self._email = directory, email
        self._key = _account_key(key)
        self._connections = Connections(ca)
        net = Network(self._key, alg=ES256, user_agent="balancer", timeout=TIMEOUT)
        net.session.mount("https://", self._connections)
        del net.session.adapters["http://"]  # to which an authority might lead us
        self._net = net
        self._client: client.ClientV2 | None = None
        self._order: messages.OrderResource | None = None

    @property
    def asked(self) -> float:
        """The seconds that its last answer asks us to wait."""
        return self._connections.asked

    def begin(self, csr: bytes, challenge: str) -> list[Task]:
        """Order a certificate; return what has to be done for it."""
        with self._asking() as known:
            self._enter(known)
            self._order = known.new_order(csr)
            open_ones = [one for one in self._order.authorizations if one.body.status != messages.STATUS_VALID]
            return [self._task(one, challenge) for one in open_ones]

    def answer(self, task: Task) -> None:
        """Say that a task is done, and may be looked at."""
        with self._asking() as known:
            known.answer_challenge(task.challenge, task.challenge.chall.response(self._key))

    def proved(self, task: Task) -> bool:
        """Whether it has found a task done; if not, it has not looked yet."""
        with self._asking() as known:
            found, _ = known.poll(task.authorization)
            if found.body.status not in {messages.STATUS_PENDING, messages.STATUS_VALID}:
                raise CertificateNotObtained(f"{task.name}: {_refusal(found)}", pause=self.asked)
            return bool(found.body.status == messages.STATUS_VALID)

    def finish(self) -> None:
        """Have the certificate made, now that all tasks are done."""
        with self._asking() as known:
            try:
                known.begin_finalization(self._ordered)
            except messages.Error as error:
                if error.code != "orderNotReady":
                    raise

    def issued(self) -> bytes | None:
        """The certificate and its chain, as PEM; None if they are not made yet."""
        with self._asking() as known:
            order = messages.Order.from_json(self._fetched(known, self._ordered.uri).json())
            if order.status == messages.STATUS_READY:
                known.begin_finalization(self._ordered)
            if order.status == messages.STATUS_INVALID:
                raise order.error or errors.Error("the order has failed, and nobody says why")
            if order.status != messages.STATUS_VALID:
                return None
            return self._fetched(known, order.certificate).content

    def advice(self, pem: bytes) -> tuple[float | None, float]:
        """When it would have a certificate renewed, if it says so, and when to ask that again (RFC 9773)."""
        with self._asking() as known:
            when, again = known.renewal_time(pem)
            return None if when is None else when.timestamp(), again.timestamp()

    def close(self) -> None:
        """Keep no connection. Allowed at any time."""
        self._net.session.close()

    @property
    def _ordered(self) -> messages.OrderResource:
        assert self._order is not None
        return self._order

    @contextmanager
    def _asking(self) -> Iterator[client.ClientV2]:
        """The library, made as it is needed first, for the directory is asked for then."""
        try:
            if self._client is None:
                directory = client.ClientV2.get_directory(self._directory, self._net)
                self._client = client.ClientV2(directory, self._net)
            yield self._client
        except CertificateNotObtained:
            raise
        except Exception as error:
            raise CertificateNotObtained(why(error), pause=self.asked) from error

    def _enter(self, known: client.ClientV2) -> None:
        """Have the account known, which is made if it is not there yet."""
        if known.external_account_required():
            raise CertificateNotObtained("it wants an account that was made elsewhere, which is not offered here")
        contact = messages.NewRegistration.from_data(email=self._email, terms_of_service_agreed=True)
        try:
            known.new_account(contact)
        except errors.ConflictError as there:
            account = messages.RegistrationResource(uri=there.location, body=messages.Registration())
            self._net.account = account
            if self._email is not None:
                known.update_registration(account, messages.Registration.from_data(email=self._email))

    def _task(self, one: messages.AuthorizationResource, kind: str) -> Task:
        name = one.body.identifier.value
        for offer in one.body.challenges:
            if offer.chall.typ == kind:
                return Task(name, offer.chall.encode("token"), offer.chall.validation(self._key), offer, one)
        raise CertificateNotObtained(f"{name}: it does not offer the challenge {kind}; choose another")

    def _fetched(self, known: client.ClientV2, url: Any) -> requests.Response:
        """What is at a URL that is for us alone (RFC 8555 6.3)."""
        return self._net.post(url, None, new_nonce_url=known.directory["newNonce"])


class Network(client.ClientNetwork):
    """Requests that are signed, each with a nonce of the authority's."""

    def post(self, *given: Any, **settings: Any) -> requests.Response:
        """Make a request, again and again while its nonce is not taken (RFC 8555 6.5)."""
        for _ in range(NONCES - 1):
            try:
                return super().post(*given, **settings)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        return super().post(*given, **settings)


class Connections(HTTPAdapter):
    """Connections to an authority; `asked` is the seconds that the last answer asks us to wait."""

    asked = 0.0

    def __init__(self, ca: str | None) -> None:
        super().__init__()
        self._ca = ca

    def send(self, request: requests.PreparedRequest, *given: Any, **settings: Any) -> requests.Response:
        """Send a request; return the answer, of which all is here. Raises `RequestException`."""
        self.asked = 0.0
        settings["verify"] = self._ca or settings.get("verify", True)
        response = super().send(request, *given, **settings)
        body = response.raw.read(LARGEST + 1, decode_content=True)
        if len(body) > LARGEST:
            response.close()
            raise requests.RequestException(f"its answer is longer than {LARGEST} bytes")
        response.raw = io.BytesIO(body)
        self.asked = _seconds(response.headers.get("retry-after"), response.headers.get("date"))
        return response


def _account_key(pem: bytes) -> JWKEC:
    try:
        return JWKEC(key=load_pem_private_key(pem, None))
    except ValueError as error:
        raise CertificateNotObtained("the account's key cannot be read; move account.pem away") from error


def _seconds(told: str | None, now: str | None) -> float:
    """What Retry-After says (RFC 9110 10.2.3), a date as the authority's own clock tells it; 0 for nothing."""
    if told is None:
        return 0.0
    if told.isascii() and told.isdecimal():
        return float(told[:12])
    try:
        return max(0.0, (_date(told) - _date(now or "")).total_seconds())
    except ValueError:
        return 0.0


def _date(text: str) -> datetime:
    found = parsedate_to_datetime(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _refusal(found: messages.AuthorizationResource) -> str:
    """Why an authority has not found a name to be ours."""
    wrong = [str(why(one.error)) for one in found.body.challenges if one.error is not None]
    return "; ".join(wrong) or f"it is {found.body.status.name}, and nobody says why"


def why(error: BaseException) -> str:
    """What went wrong, in one line for people."""
    if isinstance(error, messages.Error):
        said = error.detail or error.title or error.description or "nothing more is said"
        return _one_line(f"{error.code or error.typ}: {said}")
    if isinstance(error, requests.Timeout):
        return "it did not answer in time"
    answers = [given for given in error.args if isinstance(given, requests.Response)]
    if answers:
        return _one_line(f"it answered {answers[0].status_code} {answers[0].reason}")
    if not isinstance(error, errors.Error | requests.RequestException):
        return _one_line(f"its answer makes no sense: {type(error).__name__}: {error}")
    first = _first(error)
    if isinstance(first, OSError) and not isinstance(first, requests.RequestException):
        return _one_line(f"it cannot be reached: {first.strerror or first}")
    return _one_line(f"{error}" or type(error).__name__)


def _first(error: BaseException) -> BaseException:
    """What led to an error in the first place."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return error


def _one_line(text: str) -> str:
    """A text from elsewhere as one line that can be printed."""
    plain = "".join(mark if mark.isprintable() else "?" for mark in " ".join(text.split()))
    return plain if len(plain) <= _LONGEST_WORDS else f"{plain[: _LONGEST_WORDS - 3]}..."
