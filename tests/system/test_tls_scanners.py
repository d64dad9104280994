"""What two scanners of TLS find against the default settings: nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.system.process import HOST
from tests.system.programs import Program
from tests.system.secured import NAME, SecureSite, Trust

ORIGIN = Path(__file__).with_name("origin.py")
SCAN = 240.0
"""Seconds that a scan may take."""

CURVES = {"X25519", "X448", "secp256r1", "secp384r1", "secp521r1"}
OF_THE_TEST = {"cert_revocation", "cert_validityPeriod"}
"""What testssl finds of the certificate, which is the test's own."""

HASTY = ("sessionresumption_ticket", "check failed because of connect problem")
"""What testssl finds when it has closed its first connection before the ticket came, and so has none to come back with.

That sessions are resumed is proven elsewhere."""


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    """An authority."""
    return Trust(tmp_path)


@pytest.fixture
def site(tmp_path: Path, trust: Trust) -> Iterator[SecureSite]:
    """A site with the default settings of TLS."""
    with ExitStack() as stack:
        origin = stack.enter_context(Program(sys.executable, str(ORIGIN), str(tmp_path / "log")))
        yield stack.enter_context(SecureSite(tmp_path, trust, int(origin.line())))


def scanned(*command: str) -> None:
    """Run a scanner to its end. What it finds is in its file, not in its status."""
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SCAN, check=False)


def test_sslyze(site: SecureSite, trust: Trust, program: Callable[[str], str], tmp_path: Path) -> None:
    """Only TLS 1.2 and 1.3 are spoken, with forward secrecy and AEAD, and sslyze knows of no attack that works."""
    found = tmp_path / "found.json"
    wanted = ["--sni", NAME, "--certinfo_ca_file", trust.ca, "--json_out", str(found), "--mozilla_config", "disable"]
    kinds = ["sslv2", "sslv3", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3", "compression", "openssl_ccs", "fallback"]
    kinds += ["heartbleed", "robot", "reneg", "elliptic_curves", "ems", "early_data", "certinfo"]
    scanned(program("sslyze"), *wanted, *(f"--{kind}" for kind in kinds), f"{HOST}:{site.port}")
    (result,) = json.loads(found.read_text())["server_scan_results"]
    scans = {name: scan["result"] for name, scan in result["scan_result"].items() if scan["status"] == "COMPLETED"}
    assert [name for name in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1") if accepted(scans, name)] == []
    assert accepted(scans, "tls_1_2")
    assert all("_ECDHE_" in name and ("_GCM_" in name or "_POLY1305_" in name) for name in accepted(scans, "tls_1_2"))
    assert accepted(scans, "tls_1_3") <= {f"TLS_{name}" for name in ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384")} | {
        "TLS_CHACHA20_POLY1305_SHA256"
    }
    assert not scans["tls_compression"]["supports_compression"]
    assert not scans["openssl_ccs_injection"]["is_vulnerable_to_ccs_injection"]
    assert scans["tls_fallback_scsv"]["supports_fallback_scsv"]
    assert not scans["heartbleed"]["is_vulnerable_to_heartbleed"]
    assert scans["robot"]["robot_result"].startswith("NOT_VULNERABLE")
    assert scans["session_renegotiation"]["supports_secure_renegotiation"]
    assert scans["session_renegotiation"]["client_renegotiations_success_count"] == 0
    assert not scans["tls_1_3_early_data"]["supports_early_data"]
    assert scans["tls_extended_master_secret"]["supports_ems_extension"]
    assert {curve["name"] for curve in scans["elliptic_curves"]["supported_curves"]} <= CURVES


def accepted(scans: dict[str, Any], version: str) -> set[str]:
    """The ciphers of a version that were accepted."""
    found = scans[f"{version}_cipher_suites"]["accepted_cipher_suites"]
    return {one["cipher_suite"]["name"] for one in found}


def test_testssl(site: SecureSite, trust: Trust, program: Callable[[str], str], tmp_path: Path) -> None:
    """testssl.sh finds nothing that it counts as more than information."""
    found = tmp_path / "found.json"
    manner = ["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--openssl-timeout", "10"]
    kinds = ["--protocols", "--server-preference", "--server-defaults", "--pfs", "--standard", "--vulnerable"]
    scanned(program("testssl"), *manner, "--add-ca", trust.ca, "--jsonfile", str(found), *kinds, f"{HOST}:{site.port}")
    findings = json.loads(found.read_text())
    assert len(findings) > 50
    bad = [one for one in findings if one["severity"] not in {"OK", "INFO"} and one["id"] not in OF_THE_TEST]
    assert [one for one in bad if (one["id"], one["finding"]) != HASTY] == []
