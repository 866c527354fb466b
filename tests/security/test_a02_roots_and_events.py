"""A02: what a charger trusts is changed by commands; what it reports is in the audit, and ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulators.security import ask_for_certificate, report
from simulators.target import Target
from tests.certificates import authority
from tests.doubles import PATIENCE
from tests.security.authority import installed
from tests.security.ground import proxy, served
from tests.security.test_a02_certificates import KIND, NAME, VERSIONS, becomes, playing


@pytest.mark.sqlite_only("about what the target hears")
async def test_a02_a_target_hears_nothing_of_what_a_charger_has_signed(tmp_path: Path) -> None:
    command = installed(tmp_path / "ca")
    async with (
        Target.listening() as target,
        served(
            tmp_path / "data",
            {
                "RINGMAIN_CA_COMMAND": str(command),
                "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
            },
        ) as ground,
        playing(ground, "2.0.1") as charger,
    ):
        configuration = proxy(NAME, f"{target.url}/{{charge_box_id}}")
        await ground.ok("POST", f"{ground.organization}/proxy_configurations", configuration)
        await target.until(lambda it: it.calls("BootNotification"), timeout=PATIENCE)
        assert await ask_for_certificate(charger, KIND) == "Accepted"
        await becomes(ground, "installed")
        await report(charger, "TamperDetectionActivated")
        await target.until(lambda it: it.calls("SecurityEventNotification"), timeout=PATIENCE)

    assert target.calls("SignCertificate") == []


@pytest.mark.sqlite_only("the row is tried on both engines in tests/csms")
@pytest.mark.parametrize("version", VERSIONS)
async def test_a02_a_reported_event_is_in_the_audit_before_it_is_answered(
    tmp_path: Path, version: str
) -> None:
    async with served(tmp_path) as ground, playing(ground, version) as charger:
        await report(charger, "TamperDetectionActivated", "Door open")
        told = await ground.ok("GET", f"{ground.organization}/security_events")

    (event,) = told["security_events"]
    assert (event["kind"], event["actor"]) == ("TamperDetectionActivated", f"charger:{NAME}")
    assert event["details"]["critical"] is True
    assert event["details"]["techInfo"] == "Door open"


# In which words each version lists, adds and removes roots.
ROOTS = {
    "1.6": ("CentralSystemRootCertificate", "CentralSystemRootCertificate"),
    "2.0.1": ("CSMSRootCertificate", ["CSMSRootCertificate"]),
    "2.1": ("CSMSRootCertificate", ["CSMSRootCertificate"]),
}


@pytest.mark.sqlite_only("about what is said to each version")
@pytest.mark.parametrize("version", VERSIONS)
async def test_a02_roots_are_installed_listed_and_deleted_by_commands(
    tmp_path: Path, version: str
) -> None:
    async with served(tmp_path) as ground, playing(ground, version) as charger:
        kind, listed = ROOTS[version]

        async def does(action: str, **fields: Any) -> Any:
            url = f"/api/chargingStations/{NAME}/commands/{action}"
            return await ground.ok("POST", url, fields)

        none = await does("GetInstalledCertificateIds", certificateType=listed)
        put = await does("InstallCertificate", certificateType=kind, certificate=authority())
        found = await does("GetInstalledCertificateIds", certificateType=listed)
        hashes = found.get("certificateHashData") or [
            each["certificateHashData"] for each in found["certificateHashDataChain"]
        ]
        gone = await does("DeleteCertificate", certificateHashData=hashes[0])
        again = await does("DeleteCertificate", certificateHashData=hashes[0])
        signed = await does("CertificateSigned", certificateChain=authority())
        kept = charger.certificates.certificates

    statuses = [answer["status"] for answer in (none, put, found, gone, again, signed)]
    assert statuses == ["NotFound", "Accepted", "Accepted", "Accepted", "NotFound", "Accepted"]
    assert len(hashes) == 1
    assert kept == []


@pytest.mark.sqlite_only("about keys")
async def test_a02_only_admins_change_what_a_charger_trusts(tmp_path: Path) -> None:
    async with served(tmp_path) as ground, playing(ground, "1.6") as charger:
        uuid = ground.organization_uuid
        _, key = await ground.server.storage.api_keys.create(uuid, "operate")
        async with aiohttp.ClientSession(
            f"http://{ground.server.http}", headers={"x-api-key": key}
        ) as session:
            for action in ("InstallCertificate", "DeleteCertificate", "CertificateSigned"):
                url = f"/api/chargingStations/{NAME}/commands/{action}"
                async with session.post(url, json={}) as answer:
                    assert answer.status in {401, 403, 422}
    assert not charger.seen("asked", "InstallCertificate")
