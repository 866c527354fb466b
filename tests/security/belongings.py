"""
Give an organization one of everything that has an id, so that others can reach for it.

A route with a parameter that nobody taught a value makes `test_s11_tenants.py` fail: give the
organization such an object in `ids_of_everything`, and its name a value that is `MISSING`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from api.routing import ORGANIZATIONS
from storage.operation_records import Job, Reservation
from storage.records import DeadLetter, Transaction
from storage.security_records import ChargerCertificate, Member
from tests.api.commissioned import SiteCalls, store
from tests.api.conftest import PROXY, Api
from tests.certificates import key_of, key_pem, signed

# What stands in a path and is nobody's.
NO_IDS = {"Action", "evseId"}
MISSING = {
    **dict.fromkeys(ORGANIZATIONS, "00000000-0000-4000-8000-000000000000"),
    **dict.fromkeys(("charge_box_id", "stationId", "serialNumber"), "NOWHERE"),
    **dict.fromkeys(("id", "entry", "reservationId"), "999"),
    **dict.fromkeys(("transaction_id", "transactionId", "id_token"), "nothing"),
    **dict.fromkeys(("command_id", "batchId", "key_id", "certificate_id"), "nothing"),
    **dict.fromkeys(("connector_id", "jobId", "site_id", "siteId", "rolloutId"), "nothing"),
    "sha256": "0" * 64,
    "identity_id": "00000000-0000-4000-8000-000000000000",
}

PROFILE = {
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": [
        {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}]}
    ],
}
CONNECTOR: dict[str, Any] = {
    "name": "lake",
    "type": "azure_storage",
    "configuration": {"storage_account": "ourdepot", "container": "logs"},
    "credentials": {"account_key": "c2l4dGVlbi1ieXRlcyBvZiBrZXk="},
}
# A body that would be carried out, where an empty one is refused before anything is looked for.
BODIES: dict[tuple[str, str], Any] = {
    ("PUT", "{id}"): {"charge_box_id": "CP-2", **PROXY},
    ("POST", "reset"): {"type": "Immediate"},
    ("PUT", "availability"): {"type": "Operative"},
    ("PUT", "powerLimit"): {"limit": {"acMaxPowerA": 16}},
    ("PUT", "chargingProfile"): {"chargingProfile": PROFILE},
    ("DELETE", "chargingProfile"): {"chargingProfileId": 7},
    ("POST", "clear"): {"chargingProfileId": 7},
    ("POST", "reservations"): {"idToken": "04E91A2B", "expiresAt": "2026-11-21T12:00:00Z"},
    ("PUT", "localList"): {"entries": []},
    ("PATCH", "localList"): {"removed": ["04E91A2B"]},
    ("POST", "firmware"): {"location": "https://example.com/fw.bin"},
    ("POST", "connectors"): CONNECTOR,
    ("POST", "connections/chargers/{serialNumber}"): {"version": "v1"},
    ("POST", "sites/{siteId}"): {"version": "v1"},
    ("PATCH", "{identity_id}"): {"role": "read"},
    ("POST", "certificates"): {"certificate": signed("Stray")},
}


def body_of(method: str, path: str) -> Any:
    """Return a body for an operation."""
    if method == "GET":
        return None
    found = (body for at, body in BODIES.items() if is_at(method, path, at))
    return next(found, {})


def is_at(method: str, path: str, at: tuple[str, str]) -> bool:
    return method == at[0] and path.endswith(f"/{at[1]}")


async def ids_of_everything(api: Api, mark: str, number: int) -> dict[str, str]:
    """Enrol, start, command and make a key, and return the ids of all that came of it.

    Every name holds ``mark``, so that it is known where it must not be seen.
    """
    name, now = f"CP-{mark}", api.clock.now()
    made = await _objects_of_charger(api, name, mark, number)
    issued = signed(mark, since=now, begins=timedelta(), ends=timedelta(days=365))
    pair = {"certificate_chain": issued, "private_key": key_pem(key_of(mark))}
    certificate = await api("POST", f"{api.organization}/client_certificates", pair)
    await api("POST", f"{api.organization}/id_tokens", {"id_token": f"TAG-{mark}"})
    connectors = f"/api/orgs/{api.organization_uuid}/connectors"
    connector = await api("POST", connectors, CONNECTOR)
    (key, *_) = (await api.get(f"{api.organization}/api_keys"))["api_keys"]
    return {
        **dict.fromkeys(ORGANIZATIONS, api.organization_uuid),
        **dict.fromkeys(("charge_box_id", "stationId"), name),
        **made,
        **await _site(api, name, mark),
        "serialNumber": f"EH-{mark}",
        "evseId": "1",
        "Action": "ClearCache",
        "key_id": key["key_id"],
        "certificate_id": certificate.body["client_certificate"]["id"],
        "connector_id": connector.body["connector"]["id"],
        "id_token": f"TAG-{mark}",
        "identity_id": await _member(api, number),
    }


async def _objects_of_charger(api: Api, name: str, mark: str, number: int) -> dict[str, str]:
    enrolled = await api.enrol_with_proxy(name, serial_number=f"EH-{mark}")
    configuration = enrolled["proxy_configuration"]["id"]
    station = f"/api/chargingStations/{name}"
    offline = await api("POST", f"{station}/reset", {"type": "Immediate"})
    batch = await api("POST", "/api/chargingStations/commands/ClearCache", {"stations": [name]})
    await _stored(api, name, mark, number, configuration)
    return {
        "id": str(configuration),
        "entry": str(number),
        "command_id": offline.body["command_id"],
        "batchId": batch.body["batchId"],
        **dict.fromkeys(("transaction_id", "transactionId"), f"4711-{mark}"),
        "jobId": f"job-{mark}",
        "reservationId": str(number),
        "sha256": f"{number:064x}",
    }


async def _stored(api: Api, name: str, mark: str, number: int, configuration: int) -> None:
    """Store what a charger or a target would have had a part in."""
    key, now = api.charger_key(name), api.clock.now()
    later = now + timedelta(hours=1)
    await api.storage.transactions.note_started(
        Transaction(
            key=key,
            transaction_id=f"4711-{mark}",
            evse_id=1,
            started_at=now,
            start_timestamp=now.isoformat(),
        )
    )
    await api.storage.dead_letters.note(
        DeadLetter(
            proxy_configuration_id=configuration,
            seq=number,
            action="MeterValues",
            reason="",
            attempts=3,
            created_at=now,
        )
    )
    await api.storage.jobs.add(Job(job_id=f"job-{mark}", key=key, kind="log", created_at=now))
    await api.storage.reservations.note_asked(
        Reservation(
            key=key,
            reservation_id=number,
            evse_id=1,
            id_token=f"TAG-{mark}",
            id_token_type="OTHER",
            expires_at=later,
            state="Active",
            created_at=now,
            updated_at=now,
        )
    )
    await api.storage.charger_certificates.add(
        ChargerCertificate(
            key=key,
            sha256=f"{number:064x}",
            subject=f"CN={name}",
            issuer="CN=Authority",
            serial_number=str(number),
            not_before=now,
            not_after=later,
            source="pinned",
            created_at=now,
        )
    )


async def _site(api: Api, name: str, mark: str) -> dict[str, str]:
    made = await api("POST", f"{api.organization}/sites", {"name": mark, "chargers": [name]})
    site_id = made.body["site"]["site_id"]
    rollout = await SiteCalls(api, site_id).apply(await store(api, f"v-{mark}"))
    await store(api, f"own-{mark}", serial_number=f"EH-{mark}")
    return {"site_id": site_id, "siteId": site_id, "rolloutId": rollout.body["rolloutId"]}


async def _member(api: Api, number: int) -> str:
    identity = f"10000000-0000-4000-8000-{number:012d}"
    member = Member(
        organization_uuid=api.organization_uuid,
        identity_id=identity,
        role="admin",
        created_by="command-line",
        created_at=api.clock.now(),
    )
    await api.storage.members.add(member)
    return identity
