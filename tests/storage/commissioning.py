"""Sites, versions and rollouts as they usually are, and what their repositories say of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storage.commissioning_records import (
    ConnectionDetails,
    Installation,
    Rollout,
    RolloutStep,
    Site,
)
from storage.records import ChargerKey
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION
from tests.storage.records import charger

SITE = "site-1"
THEIRS = "another organization"
# A password may have bytes that are no text, and names whatever JSON can say.
BEFORE = {"version": None, "configuration": {"password": "canary \udc80\ud800", "enabled": True}}


def site(site_id: str = SITE, organization_uuid: str = ORGANIZATION, name: str = "Harbour") -> Site:
    return Site(
        site_id=site_id,
        organization_uuid=organization_uuid,
        name=name,
        created_at=NOON,
        updated_at=NOON,
    )


def details(version: str, serial_number: str | None = None, **more: Any) -> ConnectionDetails:
    return ConnectionDetails(
        **{
            "version": version,
            "organization_uuid": ORGANIZATION,
            "serial_number": serial_number,
            "connectivity_mode": "DualProtocol",
            "url": "wss://csms.example/ocpp",
            "created_by": "key-1",
            "created_at": NOON,
            **more,
        }
    )


def rollout(rollout_id: str, site_id: str = SITE, **more: Any) -> Rollout:
    return Rollout(
        **{
            "rollout_id": rollout_id,
            "organization_uuid": ORGANIZATION,
            "site_id": site_id,
            "version": f"version of {rollout_id}",
            "requested_by": "key-1",
            "created_at": NOON,
            **more,
        }
    )


def steps(rollout: Rollout, keys: Sequence[ChargerKey]) -> list[RolloutStep]:
    return [
        RolloutStep(rollout_id=rollout.rollout_id, place=place, key=key)
        for place, key in enumerate(keys)
    ]


def installation(key: ChargerKey, claim: str, **more: Any) -> Installation:
    return Installation(
        **{
            "key": key,
            "wanted_version": "version",
            "claim": claim,
            "requested_by": "key-1",
            "requested_at": NOON,
            **more,
        }
    )


async def enrolled(storage: Storage, *keys: ChargerKey) -> None:
    """Enrol chargers beside Alice's, all at one site."""
    for key in keys:
        await storage.chargers.enroll(charger(key), None)
    await storage.sites.create(site(), [key.charge_box_id for key in (ALICE, *keys)])


async def begun(
    storage: Storage, rollout: Rollout, *keys: ChargerKey, wanted: str | None = None
) -> list[RolloutStep]:
    """Begin a rollout to chargers, Alice's and Bob's by default, and return its steps."""
    made = steps(rollout, keys or (ALICE, BOB))
    await storage.rollouts.begin(rollout, made, [wanted or rollout.version] * len(made))
    return made


async def states(storage: Storage, rollout: Rollout) -> list[str]:
    return [step.state for step in await storage.rollouts.steps(rollout.rollout_id)]


async def installed(storage: Storage, key: ChargerKey) -> tuple[str | None, str, str]:
    """Return what a charger is to have, whose wish that is, and what became of it."""
    found = await storage.installations.get(key)
    assert found is not None
    return found.wanted_version, found.claim, found.state
