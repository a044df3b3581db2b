"""No server, one that cannot be believed, one of another age, one that talks nonsense, one that breaks off."""

from __future__ import annotations

import datetime
import gc
import ipaddress
import json
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from answering import SESSION, answering, reply
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import rolltape
from rolltape.cli import main
from rolltape.errors import MetricNotFound, RolltapeWarning, RunNotFound, StoreError
from rolltape.server import Served, serve_in_background
from rolltape.server.tls import Tls
from rolltape.store.remote import address, asking
from rolltape.store.remote.wire import FORM, encode, ending, failure, opening

SECRET = "0123456789abcdef-secret"


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("ROLLTAPE_TOKEN", raising=False)
    monkeypatch.delenv("ROLLTAPE_CA", raising=False)
    yield
    gc.collect()  # a socket that was left open is told now


def sentence(ask: Callable[[], object], kind: type[StoreError] = StoreError) -> str:
    with pytest.raises(StoreError) as caught:
        ask()
    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        place = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert sentence(lambda: rolltape.open(place)) == f"cannot read from {place}: Connection refused"
    assert "cannot read from https://nowhere.invalid: " in sentence(lambda: rolltape.open("https://nowhere.invalid"))
    assert "cannot read from https://" in sentence(lambda: rolltape.open(f"https://{'a' * 70}.invalid"))


ADDRESSES = [
    ("http://", "must be http://HOST or https://HOST"),
    ("https:///path", "must be http://HOST"),
    ("https://host:port", "cannot be understood"),
    ("https://[::1", "cannot be understood"),
    (f"https://{SECRET}@host", "must hold no name or password"),
    (f"https://user:{SECRET}@host", "must hold no name or password"),
    (f"https://host?token={SECRET}&run=x", "may have ?token=, once"),
    (f"https://host?token={SECRET}&token={SECRET}", "may have ?token=, once"),
    (f"https://host?key={SECRET}", "may have ?token=, once"),
    ("https://host?token=", "the token in the address of the server is none"),
    (f"https://host?token=a%20{SECRET}", "the token in the address of the server is none"),
    (f"https://host?token={SECRET}%0D%0Ax:y", "the token in the address of the server is none"),
    (f"ftp://{SECRET}@host", "cannot open ftp://…"),
]


@pytest.mark.parametrize(("place", "told"), ADDRESSES, ids=[told for _, told in ADDRESSES])
def test_addresses_that_are_none(place: str, told: str) -> None:
    assert told in sentence(lambda: rolltape.open(place))


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, token = address.parse(f"https://Tapes.example.org/team/?token={SECRET}#/runs")
    assert (str(parsed), token) == ("https://tapes.example.org/team", SECRET)
    monkeypatch.setenv("ROLLTAPE_TOKEN", "from-environment")
    assert address.parse("http://[::1]:7070/") == (("http", "::1", 7070, ""), "from-environment")
    assert str(address.parse("http://[::1]:7070/")[0]) == "http://[::1]:7070"
    assert address.parse(f"http://localhost?token={SECRET}")[1] == SECRET


def test_the_token(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_in_background(recorded, 0, token=SECRET) as served:
        said = sentence(lambda: rolltape.open(served.url))
        assert "lets nobody in without its token" in said
        assert said.endswith("put the token into ROLLTAPE_TOKEN")
        said = sentence(lambda: rolltape.open(f"{served.url}?token=0123456789abcdef-wrong"))
        assert "lets nobody in" in said
        assert "wrong" not in said
        store = rolltape.open(f"{served.url}?token={SECRET}")
        assert len(store.runs()) == 7
        assert store.curve("loss", ["s1"]).runs
        assert SECRET not in f"{store.root} {store!r} {store}"
        assert SECRET not in sentence(lambda: store.run("nothing"), RunNotFound)
        monkeypatch.setenv("ROLLTAPE_TOKEN", SECRET)
        assert len(rolltape.open(served.url).runs()) == 7


def test_a_token_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.warns(RolltapeWarning, match=r"the token travels to http://tapes\.invalid in the clear") as told:
        sentence(lambda: rolltape.open(f"http://tapes.invalid?token={SECRET}"))
    assert SECRET not in str(told[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sentence(lambda: rolltape.open(f"https://tapes.invalid?token={SECRET}"))
        sentence(lambda: rolltape.open("http://tapes.invalid"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Tls:
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
    directory = tmp_path_factory.mktemp("tls")
    files = Tls(directory / "certificate.pem", directory / "key.pem")
    files.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return files


def test_https(recorded: Path, certificate: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_in_background(recorded, 0, tls=certificate, token=SECRET) as served:
        place = f"{served.url}?token={SECRET}"
        said = sentence(lambda: rolltape.open(place))
        assert "its certificate is not believed" in said
        assert said.endswith("ROLLTAPE_CA names a private authority")
        monkeypatch.setenv("ROLLTAPE_CA", str(certificate.certificate))
        store, here = rolltape.open(place), rolltape.open(recorded)
        assert store.root.startswith("https://127.0.0.1:")
        for one, other in zip(store.points("strange", "long"), here.points("strange", "long"), strict=True):
            assert one.tobytes() == other.tobytes()
        assert repr(store.curve("loss")) == repr(here.curve("loss"))
        store.close()
        assert "cannot read from http://127.0.0.1" in sentence(
            lambda: rolltape.open(served.url.replace("https", "http", 1))
        )
        monkeypatch.setenv("ROLLTAPE_CA", "none.pem")
        assert "cannot use the certificate authority" in sentence(lambda: rolltape.open(place))


def test_plain_http_asked_as_https(shown: Served) -> None:
    assert "cannot read from https://127.0.0.1" in sentence(
        lambda: rolltape.open(shown.url.replace("http", "https", 1))
    )


def test_a_host_name_that_the_server_does_not_go_by(recorded: Path) -> None:
    with serve_in_background(recorded, 0) as served:
        asker = asking.Asker(address.parse(served.url)[0], None, None)
        asker._headers["Host"] = "elsewhere.example"
        said = sentence(asker.greet)
        assert "refuses: the Host header names elsewhere.example, which this server does not go by" in said


def test_a_server_that_is_too_old() -> None:
    refused = reply(b'{"error":"the path is not served"}', "404 Not Found", "application/json")
    with answering(refused) as (place, _):
        store = rolltape.open(place)
        said = sentence(store.runs)
        assert said == f"the rolltape 0.0.7 at {place} is too old to be read from another machine: update it"
        assert "too old" in sentence(lambda: store.curve("loss"))


def test_a_server_that_is_too_new() -> None:
    with answering(reply(encode({"form": FORM + 1, "rolltape": "9.1"}) + ending())) as (place, _):
        assert "its rolltape 9.1 is newer than this one" in sentence(rolltape.open(place).runs)
    more = reply(opening() + b"\n" + encode({"runs": [], "else": 3}) + b"\n\n" + ending())
    with answering(more) as (place, _):  # what is not known is passed over
        assert rolltape.open(place).runs() == []
    record = {"name": "w", "status": "killed", "parent": None, "frames": 1, "points": 2, "lost": 0, "problem": None}
    told = [reply(opening() + encode({"writers": [one]}) + ending()) for one in ({**record, "new": 1}, {"name": "w"})]
    with answering(*told) as (place, _):
        store = rolltape.open(place)
        assert store.writers("r")[0].frames == 1
        assert "a WriterInfo without status" in sentence(lambda: store.writers("r"))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (reply(b"<html>", kind="text/html"), "is no rolltape server"),
        (reply(b"[]", kind="application/json"), "is no rolltape server"),
        (reply(b'{"rolltape": 3}', kind="application/json"), "is no rolltape server"),
        (reply(b"", "404 Not Found", "text/html"), "there is no rolltape server at"),
        (
            reply(b"", "301 Moved", location="https://other.example/?token=x"),
            "sends elsewhere, to https://other.example/:",
        ),
        (reply(b"", "502 Bad Gateway"), "does not answer: 502 Bad Gateway"),
        (reply(b'{"error": "no scope"}', "403 Forbidden"), "refuses: no scope"),
        (b"SSH-2.0-OpenSSH\r\n", "what it answers is not HTTP"),
        (b"", "closed connection"),
    ],
)
def test_something_else_answers(answer: bytes, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("answering.SESSION", answer)
    with answering(answer) as (place, _):
        assert told in sentence(lambda: rolltape.open(place))


COLUMNS = encode({}, {name: np.arange(5) for name in ("step", "time")} | {"value": np.arange(5.0)})
NONSENSE: list[tuple[bytes, str]] = [
    (b"", "it ends too early"),
    (b"nonsense\n", "is not JSON"),
    (b"[1]\n", "no JSON object"),
    (b"{}\n", "not in the form of a rolltape server"),
    (b'{"form":true}\n', "not in the form of a rolltape server"),
    (opening(), "it ends too early"),
    (opening() + b'{"end"', "it ends too early"),
    (opening() + b"[" * 100_000 + b"\n", "is not JSON"),
    (opening() + COLUMNS[:-1], "it ends too early"),
    (opening() + COLUMNS, "it ends too early"),
    (opening() + COLUMNS + encode({"end": False}) + ending(), "does not tell the columns"),
    (opening() + b'{"columns":[["step","<i8",9999999999999]]}\n' + ending(), "impossible columns"),
    (opening() + b'{"columns":[["step","<i8",-1]]}\n' + ending(), "impossible columns"),
    (opening() + b'{"columns":[["step","|O",1]]}\n12345678' + ending(), "impossible columns"),
    (opening() + b'{"columns":[["step","<i8",true]]}\n12345678' + ending(), "impossible columns"),
    (opening() + b'{"columns":null}\n' + ending(), "impossible columns"),
    (opening() + b'{"columns":[["step","<i8",8000000],["time","<i8",8000000]]}\n' + ending(), "impossible columns"),
    (opening() + encode({}, {"step": np.arange(3)}) + ending(), "does not tell the columns"),
    (opening() + COLUMNS.replace(b"<f8", b"<i8") + ending(), "are of other types"),
    (opening() + COLUMNS + failure("the disk is gone", "StoreError"), "the disk is gone"),
]


@pytest.mark.parametrize(("body", "told"), NONSENSE, ids=range(len(NONSENSE)))
def test_answers_that_cannot_be_used(body: bytes, told: str) -> None:
    with answering(reply(body)) as (place, _):
        store = rolltape.open(place)
        said = sentence(lambda: list(store.scan("r", "m")))
        assert told in said
        assert place in said or "disk" in said


@pytest.mark.parametrize(
    "facts",
    [{}, {"runs": {}}, {"runs": [3]}, {"runs": [{"key": "x"}]}],
)
def test_records_that_are_none(facts: dict[str, object]) -> None:
    with answering(reply(opening() + encode(facts) + ending())) as (place, _):
        assert "cannot be used" in sentence(rolltape.open(place).runs)


def test_curves_that_are_none() -> None:
    edges = encode({}, {"edges": np.arange(3.0)})
    columns = {name: np.zeros(2) for name in ("mean", "min", "max", "std")}
    columns |= {name: np.zeros(2, np.int64) for name in ("count", "nonfinite")}
    good = encode({"metric": "m", "run": "r", "gaps": [[1.0, 2.0]]}, columns)
    for body in (
        b"",
        edges,
        edges + encode({"metric": "other", "run": "r"}, columns),
        edges + encode({"metric": "m"}, columns),
        edges + encode({"metric": "m", "run": "r", "gaps": [3]}, columns),
        edges + encode({"metric": "m", "run": "r"}, {**columns, "mean": np.zeros(3)}),
        good,
    ):
        with answering(reply(opening() + body + ending())) as (place, _):
            assert "cannot be used" in sentence(lambda place=place: rolltape.open(place).curve("m"))
    with answering(reply(opening() + edges + good + ending())) as (place, _):
        assert list(rolltape.open(place).curve("m").runs) == ["r"]


@pytest.mark.parametrize(
    ("kind", "error"), [("RunNotFound", RunNotFound), ("MetricNotFound", MetricNotFound), ("", StoreError)]
)
def test_what_goes_wrong_on_the_way(kind: str, error: type[StoreError]) -> None:
    with answering(reply(opening() + COLUMNS + failure("it is gone", kind))) as (place, _):
        blocks = rolltape.open(place).scan("r", "m")
        assert len(next(blocks)[0]) == 5
        assert sentence(lambda: next(blocks), error) == "it is gone"


def test_a_chunked_answer_that_is_cut() -> None:
    body = opening() + COLUMNS
    head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-rolltape-answer\r\ntransfer-encoding: chunked\r\n\r\n"
    with answering(f"{head}{len(body):x}\r\n".encode() + body + b"\r\n") as (place, _):
        blocks = rolltape.open(place).scan("r", "m")
        assert len(next(blocks)[0]) == 5
        assert "ends too early" in sentence(lambda: next(blocks))
        assert list(blocks) == []  # it is over


def test_a_dropped_connection_is_asked_for_once_more() -> None:
    good = reply(opening() + encode({"runs": []}) + ending())
    with answering(b"", good) as (place, asked):
        assert rolltape.open(place).runs() == []
        assert len(asked) == 3  # the session and twice this
    with answering(b"") as (place, asked):
        assert f"cannot read from {place}" in sentence(rolltape.open(place).runs)
        assert len(asked) == 3


def test_a_server_that_has_no_room_is_asked_again() -> None:
    busy = reply(b'{"error":"too many"}', "503 Busy", "application/json", retry_after="0")
    good = reply(opening() + encode({"runs": []}) + ending())
    with answering(busy, busy, good) as (place, asked):
        assert rolltape.open(place).runs() == []
        assert len(asked) == 4
    with answering(busy) as (place, asked):
        assert sentence(rolltape.open(place).runs) == f"{place} does not answer: too many"
        assert len(asked) == 5


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_PATIENCE", 0.3)

    def late(_: bytes) -> bytes:
        time.sleep(1)
        return b""

    with answering(late) as (place, asked):
        store = rolltape.open(place)
        assert sentence(store.runs) == f"cannot read from {place}: nothing came from it for 0.3 s"
        assert len(asked) == 2  # a question that takes long is not asked twice


def test_a_server_that_was_started_anew(recorded: Path) -> None:
    """The lines that were kept are dead: others are taken, and nobody notices."""
    with serve_in_background(recorded, 0) as served:
        store = rolltape.open(served.url)
        scans = [store.scan("s1", "loss") for _ in range(4)]
        assert [len(list(scan)) for scan in scans] == [1] * 4
        port = int(served.url.rstrip("/").rpartition(":")[2])
        assert len(store.runs()) == 7
    with serve_in_background(recorded, port):
        assert len(store.runs()) == 7
    assert "Connection refused" in sentence(store.runs)


def test_the_commands_say_it_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["ls", "https://nowhere.invalid"], ["show", "x", "--dir", "https://nowhere.invalid"]):
        assert main(command) == 2
        told = capsys.readouterr().err
        assert "cannot read from https://nowhere.invalid" in told
        assert told.count("\n") == 1


def test_the_page_is_not_shown_of_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ui", f"https://host?token={SECRET}", "--no-open"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert SECRET not in told


def test_the_session_is_as_the_server_tells_it() -> None:
    assert json.loads(SESSION.partition(b"\r\n\r\n")[2])["rolltape"] == "0.0.7"
