"""What the doctor finds in the files of the listener for chargers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from csms.doctor_tls import certificates, covers
from tests.certificates import DAY, authority, certificate, issued, revoked, signed
from tests.csms.patients import patient, states, told

pytestmark = pytest.mark.sqlite_only("about files")
LONG = timedelta(days=365)
AUTHORITY = "Test authority of a year"


async def found(folder: Path, pem: Path, **more: str) -> tuple[list[str], str]:
    files = {"RINGMAIN_TLS_CERT": str(pem), "RINGMAIN_TLS_KEY": str(pem)}
    async with patient(folder / "data", **files, **more) as looked_at:
        findings = await certificates(looked_at)
    return states(findings), told(findings)


async def test_without_tls_only_what_is_open_to_others_is_told(tmp_path: Path) -> None:
    anywhere = {"RINGMAIN_OCPP_BIND": "0.0.0.0:0", "RINGMAIN_ALLOW_PLAIN": "true"}
    async with patient(tmp_path) as loopback, patient(tmp_path, **anywhere) as open_to_all:
        assert states(await certificates(loopback)) == ["ok"]
        assert states(await certificates(open_to_all)) == ["warning"]
    async with patient(tmp_path, RINGMAIN_OCPP_BIND="0.0.0.0:0") as refused:
        found = await certificates(refused)
    assert states(found) == ["skipped"]
    assert "RINGMAIN_ALLOW_PLAIN" not in told(found)


async def test_files_that_are_in_order_are_well(tmp_path: Path) -> None:
    public = {"RINGMAIN_PUBLIC_OCPP_URL": "wss://csms.example:9000"}
    pem = certificate(tmp_path, "csms.example", ends=LONG)

    assert (await found(tmp_path, pem, **public))[0] == ["ok"]


async def test_a_key_of_another_certificate_is_told(tmp_path: Path) -> None:
    pem = tmp_path / "mixed.pem"
    pem.write_text(signed("one", ends=LONG) + issued("two").key)
    kinds, words = await found(tmp_path, pem)

    assert kinds == ["failure"]
    assert "is not the key of the certificate" in words


async def test_what_ends_soon_is_told_with_its_day(tmp_path: Path) -> None:
    kinds, words = await found(tmp_path, certificate(tmp_path, "localhost", ends=5 * DAY))

    assert kinds == ["warning"]
    assert "The certificate CN=localhost ends on " in words


async def test_a_certificate_for_another_name_than_chargers_are_told_is_no_use(
    tmp_path: Path,
) -> None:
    pem = certificate(tmp_path, "localhost", ends=LONG)
    kinds, words = await found(tmp_path, pem, RINGMAIN_PUBLIC_OCPP_URL="wss://csms.example")

    assert kinds == ["failure"]
    assert "is not for csms.example" in words


async def test_a_chain_in_another_order_and_a_self_signed_one_are_told(tmp_path: Path) -> None:
    chain, key = issued("localhost", ends=LONG)
    pem = tmp_path / "chain.pem"
    pem.write_text(key + chain + authority("Somebody else"))
    assert "has not issued it" in (await found(tmp_path, pem))[1]
    alone = certificate(tmp_path, "alone", by="alone", ends=LONG)
    assert "self-signed" in (await found(tmp_path, alone))[1]


async def test_a_revocation_list_that_is_out_of_date_is_told(tmp_path: Path) -> None:
    pem, clients = certificate(tmp_path, "localhost", ends=LONG), tmp_path / "clients.pem"
    clients.write_text(
        signed(AUTHORITY, by=AUTHORITY, ca=True, ends=LONG)
        + revoked(by=AUTHORITY, since=-3 * DAY, until=-DAY)
    )
    kinds, words = await found(tmp_path, pem, RINGMAIN_TLS_CLIENT_CA=str(clients))

    assert kinds == ["failure"]
    assert f"The revocation list CN={AUTHORITY} ends on" in words


@pytest.mark.parametrize(
    ("bears", "host", "covered"),
    [
        (["csms.example"], "CSMS.example.", True),
        (["*.example"], "csms.example", True),
        (["*.example"], "a.csms.example", False),
        (["*.example"], "example", False),
        ([], "csms.example", False),
        (["csms.example"], "127.0.0.1", False),
    ],
)
def test_a_name_is_covered_as_chargers_see_it(
    bears: list[str], host: str, *, covered: bool
) -> None:
    made = x509.load_pem_x509_certificate(signed("csms.example", bears=bears).encode())

    assert covers(made, host) is covered
