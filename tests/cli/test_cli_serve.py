"""`rolltape serve`, as people start it: the addresses it prints, HTTPS, tokens, and what it refuses."""

from __future__ import annotations

import datetime
import ipaddress
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import rolltape.server
from rolltape.cli import main
from rolltape.server.collecting.options import Collecting
from rolltape.tape.shipment import CONTENT_TYPE, RunPart, encode

BODY = encode([RunPart("p", "r", b'{"project": "p", "id": "r"}')])
HEADERS = {"content-type": CONTENT_TYPE}


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROLLTAPE_TOKEN", raising=False)


Start = Callable[..., tuple[list[str], subprocess.Popen[str]]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start it, and wait until it says how it is ended."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> tuple[list[str], subprocess.Popen[str]]:
        command = [
            sys.executable,
            "-m",
            "rolltape",
            "serve",
            "--dir",
            str(tmp_path / "tapes"),
            "--port",
            "0",
            *arguments,
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        lines = []
        while "Ctrl-C" not in (line := process.stdout.readline()):
            assert line, process.communicate()
            lines.append(line.rstrip())
        return lines, process

    yield begin
    for process in started:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def test_it_collects_and_shows(start: Start, tmp_path: Path) -> None:
    lines, process = start()
    (address,) = re.findall(r"is shown at (http://127.0.0.1:\d+/)$", lines[0])
    assert lines[-1] == f"  export ROLLTAPE_SHIP={address.rstrip('/')}"
    answer = httpx.post(f"{address}api/ship", content=BODY, headers=HEADERS, trust_env=False)
    assert answer.json() == {"parts": [{"stored": True}]}
    assert httpx.get(f"{address}api/runs", trust_env=False).json()["runs"][0]["key"] == "p/r"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


def test_it_prints_the_token_that_senders_need(start: Start) -> None:
    lines, _ = start("--token", "a-token-of-my-own")
    assert lines[-1] == "  export ROLLTAPE_TOKEN=a-token-of-my-own"
    address = lines[-2].removeprefix("  export ROLLTAPE_SHIP=")
    for token, status in (("a-token-of-my-own", 200), ("another-token-here", 401), (None, 401)):
        bearer = {} if token is None else {"authorization": f"Bearer {token}"}
        answer = httpx.post(f"{address}/api/ship", content=BODY, headers={**HEADERS, **bearer}, trust_env=False)
        assert answer.status_code == status


def test_a_page_of_another_site_can_send_nothing(start: Start) -> None:
    """A browser asks before it sends such a body, and is told nothing; and what it sends has an Origin."""
    lines, _ = start()
    url = f"{lines[-1].removeprefix('  export ROLLTAPE_SHIP=')}/api/ship"
    bad = {"origin": "http://elsewhere.example"}
    assert httpx.post(url, content=BODY, headers={**HEADERS, **bad}, trust_env=False).status_code == 403
    for kind in ("text/plain", "application/json", "multipart/form-data", f"{CONTENT_TYPE}, text/plain"):
        assert httpx.post(url, content=BODY, headers={"content-type": kind}, trust_env=False).status_code == 403
    asked = httpx.options(url, headers={**bad, "access-control-request-method": "POST"}, trust_env=False)
    assert asked.status_code >= 400
    assert not [name for name in asked.headers if name.startswith("access-control")]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rolltape")])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return files


def test_https(start: Start, certificate: tuple[Path, Path]) -> None:
    file, key = map(str, certificate)
    lines, _ = start("--certificate", file, "--key", key)
    address = lines[-1].removeprefix("  export ROLLTAPE_SHIP=")
    assert address.startswith("https://127.0.0.1:")
    context = ssl.create_default_context(cafile=file)
    answer = httpx.post(f"{address}/api/ship", content=BODY, headers=HEADERS, trust_env=False, verify=context)
    assert answer.json() == {"parts": [{"stored": True}]}
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/api/runs", trust_env=False)


def test_certificates_of_no_use(
    tmp_path: Path, certificate: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    file, key = map(str, certificate)
    missing, text = str(tmp_path / "missing.pem"), str(tmp_path / "text.pem")
    Path(text).write_text("no certificate")
    for arguments, said in (
        (["--certificate", file], "key is missing"),
        (["--key", key], "certificate is missing"),
        (["--certificate", missing, "--key", key], f"{missing} cannot be read"),
        (["--certificate", text, "--key", key], "are of no use"),
        (["--certificate", file, "--key", file], "are of no use"),
    ):
        assert main(["serve", "--dir", str(tmp_path), *arguments]) == 2
        assert said in capsys.readouterr().err


def test_what_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[dict[str, Any]] = []

    def serve(directory: Path, **more: Any) -> None:
        calls.append({"directory": directory, **more})
        more["on_ready"](["http://127.0.0.1:7070/"])

    monkeypatch.setattr(rolltape.server, "serve", serve)
    assert main(["serve", "--dir", str(tmp_path)]) == 0
    assert calls[0]["directory"] == tmp_path
    assert calls[0]["collecting"] == Collecting(256 << 20, synced=False)
    assert main(["serve", "--largest", "8", "--durability", "fsync", "--writable", "--allow-host", "lab"]) == 0
    assert calls[1]["directory"] == Path.cwd() / "tapes" or calls[1]["directory"].name == "tapes"
    assert calls[1]["collecting"] == Collecting(8 << 20, synced=True)
    assert (calls[1]["writable"], calls[1]["allowed_hosts"]) == (True, ["lab"])
    assert "It is writable" in capsys.readouterr().out
    for wrong in (["--largest", "0"], ["--largest", "2000"], ["--durability", "none"], ["--port", "x"]):
        assert main(["serve", *wrong]) == 2
    assert main(["serve", "--token", "x" * 20, "--token-file", str(tmp_path / "t")]) == 2
    assert "one of the two" in capsys.readouterr().err
