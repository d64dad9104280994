"""Certificates to be obtained, as they are written: what holds, where things are kept, and what is wrong."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path, PurePath
from typing import Any

import pytest

from balancer.config import TLS, Config, Pool, TCPListener
from balancer.config import acme as acme_nouns
from balancer.config.acme import ACME, wrong_together
from balancer.errors import ConfigError

NAMED = "ACME 'a.example': {}"

MISTAKES = {
    "names=[]": "ACME '': names: there is none; give at least one, such as 'example.com'",
    "names=[5]": "ACME 5: names: 5 is not text; give a name such as 'example.com'",
    "names='*.a.example'": "ACME '*.a.example': names: '*.a.example' has a star, which can be proved by neither "
    "challenge; give each name",
    "names='bücher.example'": "ACME 'bücher.example': names: 'bücher.example' is not in ASCII; "
    "write it with xn--, as DNS has it",
    "names='192.0.2.1'": "ACME '192.0.2.1': names: '192.0.2.1' is an address, for which none is obtained; "
    "give a name such as 'example.com'",
    "names='../x'": "ACME '../x': names: '../x' is no name; "
    "give labels of at most 63 letters, digits and hyphens, joined by dots",
    "names=['a.example', 'A.example.']": NAMED.format("names: 'a.example' stands there twice; list it once"),
    "names=[f'{n}.example' for n in range(101)]": "ACME '0.example': names: 101 are more than the 100 of one "
    "certificate; use several ACME",
    "storage=''": NAMED.format("storage: '' is not text of one line; give a name in quotes"),
    "agree_to_terms=False": NAMED.format(
        "agree_to_terms: False obtains nothing; read the terms of service of "
        "'https://acme-v02.api.letsencrypt.org/directory', and if you agree give True"
    ),
    "agree_to_terms=1": NAMED.format(
        "agree_to_terms: 1 obtains nothing; read the terms of service of "
        "'https://acme-v02.api.letsencrypt.org/directory', and if you agree give True"
    ),
    "email='a@b,c@d'": NAMED.format(
        "email: 'a@b,c@d' is no address; give one such as 'admin@example.com', or leave it out"
    ),
    "directory='http://ca.example/dir'": NAMED.format(
        "directory: 'http://ca.example/dir' is no https:// URL; "
        "give one such as 'https://acme-v02.api.letsencrypt.org/directory'"
    ),
    "directory='https://['": NAMED.format(
        "directory: 'https://[' is no https:// URL; give one such as 'https://acme-v02.api.letsencrypt.org/directory'"
    ),
    "challenge='dns-01'": NAMED.format("challenge: 'dns-01' is not a choice; give 'http-01' or 'tls-alpn-01'"),
    "key='dsa'": NAMED.format("key: 'dsa' is not a choice; give 'ecdsa' or 'rsa'"),
    "renew_at=0.9": NAMED.format("renew_at: 0.9 is not above 0 and at most 0.8; give one such as 1 / 3"),
    "retry=0": NAMED.format("retry: 0 is not a positive number of seconds; give one such as 120"),
    "ca=5": NAMED.format("ca: 5 is not text of one line; give a name in quotes"),
}


def made(**given: Any) -> ACME:
    """One that is right but for what is given."""
    return ACME(**{"names": "a.example", "storage": "/var/lib/acme", "agree_to_terms": True, **given})


@pytest.mark.parametrize(("given", "line"), MISTAKES.items())
def test_mistakes(given: str, line: str) -> None:
    """A wrong setting is one line that names it, what was given and what to do."""
    with pytest.raises(ConfigError) as caught:
        made(**eval(f"dict({given})"))  # noqa: S307  the texts above
    assert list(caught.value.mistakes) == [line]


def test_what_holds() -> None:
    """A name is enough, besides a folder and the consent: the authority is Let's Encrypt, a third of life is left."""
    acme = made(names="A.example.")
    assert acme.names == ("a.example",)
    assert (acme.directory, acme.challenge, acme.key) == (acme_nouns.LETS_ENCRYPT, "http-01", "ecdsa")
    assert (acme.renew_at, acme.retry, acme.email, acme.ca) == (1 / 3, 120.0, None, None)


def test_where_things_are_kept() -> None:
    """Each authority has a folder, in which each certificate has one by its first name."""
    acme = made(names=["a.example", "b.example"], directory="https://ca.example:14000/dir/?x=../..")
    assert acme.account_folder == "/var/lib/acme/ca.example_14000_dir_x_.._.."
    assert acme.certificate == "/var/lib/acme/ca.example_14000_dir_x_.._../a.example/certificate.pem"


def test_paths_of_pathlib() -> None:
    """Paths may be those of `pathlib`."""
    acme = made(storage=PurePath("/srv"), ca=PurePath("/etc/ca.pem"))
    assert (acme.storage, acme.ca) == ("/srv", "/etc/ca.pem")


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the library is not installed that is told with how to get it, also beside a folder of its name."""

    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    (tmp_path / "acme").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(acme_nouns, "version", absent)
    with pytest.raises(ConfigError, match=r"^ACME 'a\.example': needs the library acme, .* 'balancer\[acme\]'$"):
        made()


def test_two_in_one_place() -> None:
    """Two different ones in one folder would replace each other's certificate without end, and are told."""
    line = "two different ACME keep a certificate for 'a.example' in one folder; share one ACME object"
    two = made(), made(names=["a.example", "b.example"])
    three = made(), made(names="b.example"), made(storage="/srv")
    assert list(wrong_together(two, plain_http=True, over_tls=())) == [line]
    assert list(wrong_together(three, plain_http=True, over_tls=())) == []


def test_nobody_to_answer() -> None:
    """A challenge over HTTP that no listener would answer is told."""
    other = made(names="b.example", challenge="tls-alpn-01")
    assert list(wrong_together([made(), other], plain_http=False, over_tls=[other])) == [
        (
            "ACME 'a.example': challenge: 'http-01' would never be answered, for there is no HTTPListener without TLS; "
            "add one at tcp:80, or give 'tls-alpn-01'"
        )
    ]


def test_nobody_to_answer_over_tls() -> None:
    """A challenge over TLS that no listener would answer is told: where all clients begin in the clear."""
    tls, pool = TLS(acme=made(challenge="tls-alpn-01")), Pool("db", backends=["db:5432"])
    asked = TCPListener("tcp:5432", pool=pool, tls=tls, starttls="postgres")
    with pytest.raises(ConfigError) as caught:
        Config(asked)
    (line,) = caught.value.mistakes
    why = "would never be answered, for all clients begin in the clear, by starttls; give 'http-01'"
    assert line == f"Config: ACME 'a.example': challenge: 'tls-alpn-01' {why}"
    assert Config([asked, TCPListener("tcp:443", pool=pool, tls=tls)]).acmes == (tls.acme,)
