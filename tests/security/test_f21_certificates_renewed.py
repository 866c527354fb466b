"""F-21: certificates are renewed while links go on, and what cannot be used changes nothing.

Which suites and versions are spoken is asked by openssl, for both presets.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from structlog.testing import capture_logs

from tests import certificates
from tests.certificates import DAY, issued
from tests.doubles import until
from tests.programs import start
from tests.security.doors import HEARTBEAT, PASSWORD, Knocking, enrol, secured, told, trusting
from tests.security.ground import Ground, served


def shown_by(ground: Ground) -> int:
    """Return the serial number of the certificate that the door shows to a newcomer."""
    bind = ground.server.ocpp
    pem = ssl.get_server_certificate((bind.host, bind.port))
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


async def shown(ground: Ground) -> int:
    return await asyncio.to_thread(shown_by, ground)


def replaced(file: Path, text: str) -> None:
    """Put another file in its place, as renewing programs do: never half of it is there."""
    draft = file.with_suffix(".new")
    draft.write_text(text)
    draft.replace(file)


@pytest.mark.sqlite_only("about certificates")
async def test_f21_a_new_certificate_is_shown_and_no_link_is_dropped(tmp_path: Path) -> None:
    async with secured(tmp_path) as ground:
        assert ground.server.tls is not None
        links = []
        for number in range(5):
            await enrol(ground, f"CP{number}", security_profile=2)
            dialling = Knocking(ground, f"CP{number}", PASSWORD, trusting()).dialled()
            links.append((dialling, await dialling.__aenter__()))
        before = await shown(ground)
        replaced(tmp_path / "localhost.pem", "".join(reversed(issued("localhost"))))
        ground.server.tls.check()  # it is seen,
        assert await shown(ground) == before
        ground.server.tls.check()  # and has rested since

        assert await shown(ground) != before
        for dialling, link in links:
            await link.send(HEARTBEAT)
            assert '"beat"' in str(await link.recv())
            await dialling.__aexit__(None, None, None)


@pytest.mark.sqlite_only("about certificates")
async def test_f21_files_that_cannot_be_used_leave_the_old_ones_and_say_so(
    tmp_path: Path,
) -> None:
    broken = {
        "expired": "".join(reversed(issued("localhost", ends=-DAY / 2))),
        "another key": certificates.key_pem(certificates.key_of("x")) + issued("localhost").chain,
        "half": "-----BEGIN CERTIFICATE-----\nMIIB",
        "nothing": "",
    }
    async with secured(tmp_path) as ground:
        assert ground.server.tls is not None
        before = await shown(ground)
        for case, text in broken.items():
            replaced(tmp_path / "localhost.pem", text)
            with capture_logs() as logged:
                ground.server.reload()
                await until(lambda: "tls_not_reloaded" in {each["event"] for each in logged})
            (line,) = [each for each in logged if each["event"] == "tls_not_reloaded"]
            assert line["log_level"] == "error", case
            assert line["fault"].startswith("RINGMAIN_TLS_"), case
            assert await shown(ground) == before, case


@pytest.mark.sqlite_only("about certificates")
async def test_f21_a_certificate_that_is_revoked_meanwhile_does_not_come_in_again(
    tmp_path: Path,
) -> None:
    async with secured(tmp_path) as ground:
        await enrol(ground, security_profile=3)
        own = issued("CP01", of=ground.organization_uuid)
        knocking = Knocking(ground, tls=trusting(own, tmp_path))
        assert await knocking.outcome() == 101
        lists = certificates.authority() + certificates.revoked(own.chain)
        replaced(tmp_path / "ca.pem", lists)
        with capture_logs() as logged:
            ground.server.reload()
            await until(lambda: "tls_reloaded" in {each["event"] for each in logged})

        assert await knocking.outcome() == 401
        (event,) = await told(ground)
        assert event.action == "InvalidChargingStationCertificate"


@pytest.mark.sqlite_only("about signals")
async def test_f21_sighup_takes_up_new_certificates_and_ends_nothing(tmp_path: Path) -> None:
    own = certificates.certificate(tmp_path, "localhost")
    environment = {
        "RINGMAIN_DATA_DIR": str(tmp_path / "data"),
        "RINGMAIN_HTTP_BIND": "127.0.0.1:0",
        "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
        "RINGMAIN_TLS_CERT": str(own),
        "RINGMAIN_TLS_KEY": str(own),
        "RINGMAIN_LOG_FORMAT": "json",
    }
    server = await start("serve", environment=environment)
    try:
        line = await _said(server.stderr, '"ready"')
        assert "wss://127.0.0.1:" in line
        replaced(own, "".join(reversed(issued("localhost"))))
        server.send_signal(signal.SIGHUP)
        assert '"info"' in await _said(server.stderr, '"tls_reloaded"')
        replaced(own, "")
        server.send_signal(signal.SIGHUP)
        assert "RINGMAIN_TLS_CERT" in await _said(server.stderr, '"tls_not_reloaded"')
    finally:
        server.terminate()
        assert await server.wait() == 0


async def _said(stderr: asyncio.StreamReader, word: str) -> str:
    async with asyncio.timeout(30):
        async for line in stderr:
            if word in line.decode():
                return line.decode()
    raise AssertionError(word)


# ---- what is spoken ----

REQUIRED = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
)
# Suites of TLS 1.2, and which presets speak them.
BOTH, ONE, NONE = {"strict", "ocpp-conformance"}, {"ocpp-conformance"}, set[str]()
SUITES = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": BOTH,
    "ECDHE-ECDSA-AES256-GCM-SHA384": BOTH,
    "ECDHE-RSA-AES128-GCM-SHA256": BOTH,
    "ECDHE-RSA-AES256-GCM-SHA384": BOTH,
    "ECDHE-RSA-CHACHA20-POLY1305": BOTH,
    "AES128-GCM-SHA256": ONE,
    "AES256-GCM-SHA384": ONE,
    "AES128-SHA": NONE,
    "AES256-SHA256": NONE,
    "ECDHE-RSA-AES128-SHA": NONE,
    "ECDHE-ECDSA-AES128-SHA256": NONE,
    "DHE-RSA-AES128-GCM-SHA256": NONE,
    "NULL-SHA256": NONE,
    "ADH-AES128-GCM-SHA256": NONE,
}
VERSIONS = {"tls1": NONE, "tls1_1": NONE, "tls1_2": BOTH, "tls1_3": BOTH}


def openssl() -> str:
    """Return the program, which CI has to have."""
    found = shutil.which("openssl")
    if found is None and not os.environ.get("CI"):
        pytest.skip("there is no openssl here: it asks the door which suites it speaks")
    assert found is not None
    return found


async def agreed(port: int, *arguments: str) -> str | None:
    """Return the suite that openssl and the door agree on, None where they do not."""
    asking = await asyncio.create_subprocess_exec(
        *(openssl(), "s_client", "-connect", f"127.0.0.1:{port}", *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = (await asking.communicate())[0].decode()
    found = re.search(r"^New, (?:TLSv1\.[23]|\(NONE\)|[\w.]+), Cipher is (\S+)", said, re.MULTILINE)
    if found is None or found[1] == "(NONE)":
        return None
    assert "Compression: NONE" in said
    return found[1]


@pytest.mark.parametrize("preset", ["strict", "ocpp-conformance"])
@pytest.mark.sqlite_only("about TLS")
async def test_f21_suites_and_versions_of_a_preset_as_openssl_finds_them(
    tmp_path: Path, preset: str
) -> None:
    openssl()
    ecdsa = certificates.certificate(tmp_path, "localhost")
    rsa = tmp_path / "rsa.pem"
    key = certificates.rsa_key()
    rsa.write_text(certificates.key_pem(key) + certificates.signed("localhost", key=key))
    variables = {
        "RINGMAIN_TLS_CERT": f"{ecdsa},{rsa}",
        "RINGMAIN_TLS_KEY": f"{ecdsa},{rsa}",
        "RINGMAIN_TLS_PRESET": preset,
    }
    async with served(tmp_path / "data", variables) as ground:
        port = ground.server.ocpp.port
        weakest = ("-cipher", "ALL:@SECLEVEL=0")
        versions = {
            version: await agreed(port, f"-{version}", *weakest) is not None for version in VERSIONS
        }
        suites = {
            suite: await agreed(port, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0")
            for suite in SUITES
        }

    assert versions == {version: preset in spoken for version, spoken in VERSIONS.items()}
    assert suites == {
        suite: suite if preset in spoken else None for suite, spoken in SUITES.items()
    }


def test_f21_what_ocpp_requires_is_in_the_preset_for_conformance() -> None:
    """A00.FR.317: all four of them."""
    assert all(SUITES[suite] >= ONE for suite in REQUIRED)
