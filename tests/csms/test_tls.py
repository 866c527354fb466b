from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from structlog.testing import capture_logs

from csms.pem import UnusableTls
from csms.tls import PRESETS, ListenerTls, Loaded, TlsFiles, load
from storage.clock import Clock
from tests import certificates
from tests.certificates import DAY, certificate, issued, key_of, key_pem, revoked, rsa_key, signed
from tests.doubles import until

pytestmark = pytest.mark.sqlite_only("about files")
NOW = datetime.now(UTC)


class HandClock(Clock):
    """Now, until it is moved."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment


def files(*pems: Path, **more: object) -> TlsFiles:
    return TlsFiles(pems, pems, **more)  # type: ignore[arg-type]  # of a few tests


def rsa_pem(folder: Path, bits: int = 2048) -> Path:
    file, key = folder / f"rsa-{bits}.pem", rsa_key(bits)
    file.write_text(key_pem(key) + signed("localhost", key=key))
    return file


def written(folder: Path, text: str) -> Path:
    file = folder / "wrong.pem"
    file.write_text(text)
    return file


def refusal(wanted: TlsFiles) -> str:
    """Return the one sentence that a server does not start with."""
    with pytest.raises(UnusableTls) as refused:
        load(wanted, NOW)
    assert "\n" not in str(refused.value)
    return str(refused.value)


# ---- what is refused at start ----


def test_a_certificate_that_will_not_do_is_refused_with_one_sentence(tmp_path: Path) -> None:
    good = issued("localhost")
    other = key_pem(key_of("another"))
    sealed = key_pem(key_of("localhost"), b"password")
    old = "".join(reversed(issued("localhost", ends=-DAY / 2)))
    early = "".join(reversed(issued("localhost", begins=DAY / 2)))
    told = {
        "holds no PEM certificate": good.key,
        "holds no PEM key": good.chain,
        "expired on": old,
        "is not valid before": early,
        "is not the key of the certificate": other + good.chain,
        "is locked: store it without a password": sealed + good.chain,
    }
    for words, text in told.items():
        assert words in refusal(files(written(tmp_path, text)))
    assert "cannot be read" in refusal(files(tmp_path / "gone.pem"))


def test_a_weak_key_is_refused(tmp_path: Path) -> None:
    assert "is weak: it has 1024 bits, and 2048" in refusal(files(rsa_pem(tmp_path, 1024)))


def test_two_certificates_are_one_of_each_kind(tmp_path: Path) -> None:
    first, second = (certificate(tmp_path, name) for name in ("a", "b"))

    assert "wanted is one RSA and one ECDSA" in refusal(files(first, second))
    assert len(load(files(first, rsa_pem(tmp_path)), NOW).shown) == 2


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    odd = ed25519.Ed25519PrivateKey.generate()
    text = key_pem(odd) + signed("odd", key=odd)  # type: ignore[arg-type]  # that is the point

    assert "neither RSA nor of an elliptic curve" in refusal(files(written(tmp_path, text)))


# ---- the context ----


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_speaks_old_versions_or_compresses(tmp_path: Path, preset: str) -> None:
    context = load(files(certificate(tmp_path, "localhost"), preset=preset), NOW).context

    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.verify_mode is ssl.CERT_NONE
    names = {suite["name"] for suite in context.get_ciphers()}
    assert ("AES128-GCM-SHA256" in names) is (preset == "ocpp-conformance")
    assert not {name for name in names if "CBC" in name or "NULL" in name or "SHA1" in name}


def test_client_certificates_are_asked_for_and_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(certificates.authority())
    wanted = files(certificate(tmp_path, "localhost"), client_authorities=(tmp_path / "ca.pem",))

    assert load(wanted, NOW).context.verify_mode is ssl.CERT_OPTIONAL


# ---- as the files are ----


def test_files_are_read_again_when_they_have_changed_and_rested(tmp_path: Path) -> None:
    own = certificate(tmp_path, "localhost")
    tls = ListenerTls(files(own), HandClock())
    before = tls.context.newest
    tls.check()
    assert tls.context.newest is before

    certificate(tmp_path, "localhost")
    tls.check()
    assert tls.context.newest is before
    tls.check()
    assert tls.context.newest is not before

    after = tls.context.newest
    own.unlink()
    with capture_logs() as logged:
        for _ in range(3):
            tls.check()
    assert tls.context.newest is after
    assert [line["event"] for line in logged] == ["tls_not_reloaded"]


async def test_files_are_watched(tmp_path: Path) -> None:
    tls = ListenerTls(files(certificate(tmp_path, "localhost")), HandClock(), check_seconds=0.001)
    before = tls.context.newest
    watching = asyncio.create_task(tls.watch())
    certificate(tmp_path, "localhost")
    await until(lambda: tls.context.newest is not before)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


async def test_a_look_that_fails_as_nobody_foresaw_is_not_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ListenerTls(files(certificate(tmp_path, "localhost")), HandClock())
    before, faults = tls.context.newest, [RuntimeError()]

    def loading(*given: Any) -> Loaded:
        if faults:
            raise faults.pop()
        return load(*given)

    monkeypatch.setattr("csms.tls.load", loading)
    watching = asyncio.create_task(tls.watch())
    with capture_logs() as logged:
        tls.ask()
        await until(lambda: not faults)
        tls.ask()
        await until(lambda: watching.done() or tls.context.newest is not before)
    assert not watching.done()
    watching.cancel()
    await asyncio.wait([watching])
    assert [line["event"] for line in logged] == ["chore_failed", "tls_reloaded"]


async def test_files_are_read_again_when_asked_for_and_never_in_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ListenerTls(files(certificate(tmp_path, "localhost")), HandClock())
    before, threads = tls.context.newest, []

    def loading(*given: Any) -> Loaded:
        threads.append(threading.current_thread())
        return load(*given)

    monkeypatch.setattr("csms.tls.load", loading)
    watching = asyncio.create_task(tls.watch())
    tls.ask()
    await until(lambda: tls.context.newest is not before)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    assert threads
    assert threading.main_thread() not in threads


def test_what_ends_is_warned_of_30_7_and_1_days_before_and_when_it_has(tmp_path: Path) -> None:
    clock = HandClock()
    (tmp_path / "ca.pem").write_text(
        signed("CA", by="CA", ca=True, ends=40 * DAY) + revoked(by="CA", until=100 * DAY)
    )
    own = certificate(tmp_path, "localhost", ends=45 * DAY)
    with capture_logs() as logged:
        tls = ListenerTls(files(own, client_authorities=(tmp_path / "ca.pem",)), clock)
        for _ in range(46 * 4):
            clock.moment += timedelta(hours=6)
            tls.warn()

    ends = [(line["of"], line["days_left"]) for line in logged if line["event"] == "tls_ends_soon"]
    assert ends == [
        *(("CN=CA", 30), ("CN=localhost", 30)),
        *(("CN=CA", 7), ("CN=localhost", 7)),
        *(("CN=CA", 1), ("CN=CA", 0), ("CN=localhost", 1), ("CN=localhost", 0)),
    ]


def test_a_certificate_that_ends_soon_is_warned_of_at_start_and_once(tmp_path: Path) -> None:
    with capture_logs() as logged:
        tls = ListenerTls(files(certificate(tmp_path, "localhost", ends=5 * DAY)), HandClock())
        tls.warn()

    assert [line["event"] for line in logged] == ["tls_ends_soon"]
