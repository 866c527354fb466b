"""S-11: what one organization's chargers say is neither in another's log nor in its bucket.

Both have a charger of the same name, and both talk at the same time.
"""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from tests.api.conftest import Api, live
from tests.doubles import PATIENCE, Peer
from tests.security.belongings import CONNECTOR
from tests.storage.sinks.doubles import Bucket

MARKS = ("CANARY-OURS", "CANARY-THEIRS")


async def exported(api: Api) -> str:
    """Export all that there is and will be of an organization."""
    configuration = {**CONNECTOR["configuration"], "start": "earliest", "flush_seconds": 1}
    path = f"/api/orgs/{api.organization_uuid}/connectors"
    made = await api("POST", path, {**CONNECTOR, "configuration": configuration})
    return str(made.body["connector"]["id"])


async def talk(peer: Peer, mark: str) -> None:
    """Say things with a mark in them, as one charger of many."""
    boot = {"chargePointVendor": mark, "chargePointModel": mark}
    start = {"connectorId": 1, "idTag": mark, "meterStart": 0, "timestamp": "2026-11-21T10:00:00Z"}
    said = {
        "BootNotification": boot,
        "StartTransaction": start,
        "DataTransfer": {"vendorId": "v", "data": mark},
    }
    for number, (action, payload) in enumerate(said.items()):
        await peer.calls(action, json.dumps(payload).encode(), id=f"same-{number}")
        assert (await peer.hears())[:2] == [3, f"same-{number}"]


async def until_both_are_there(bucket: Bucket, connectors: list[str]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not all(any(f"/{id}-" in name for name in bucket.objects) for id in connectors):
            bucket.changed.clear()
            await bucket.changed.wait()


@pytest.mark.sqlite_only("about what is stored by whom; the second wall is tried on PostgreSQL")
async def test_two_organizations_share_no_byte(api: Api, bucket: Bucket) -> None:
    both = (api, await api.neighbour())
    connectors = [await exported(each) for each in both]
    for each in both:
        await each.enrol("CP-1")

    async with live(both[0], "CP-1", "1.6") as one, live(both[1], "CP-1", "1.6") as other:
        await asyncio.gather(talk(one.peer, MARKS[0]), talk(other.peer, MARKS[1]))
        await until_both_are_there(bucket, connectors)

    for each, own, foreign in zip(both, MARKS, reversed(MARKS), strict=True):
        await assert_only_own_is_shown(each, own, foreign)
    for name, body in bucket.objects.items():
        owner = next(n for n, id in enumerate(connectors) if f"/{id}-" in name)
        text = gzip.decompress(body).decode()
        assert f"organization={both[owner].organization_uuid}/" in name
        assert MARKS[1 - owner] not in text
        assert both[1 - owner].organization_uuid not in text
        lines = [json.loads(line) for line in text.splitlines()]
        assert {line["organization_uuid"] for line in lines} == {both[owner].organization_uuid}


async def assert_only_own_is_shown(api: Api, own: str, foreign: str) -> None:
    """Look at the log, the transactions and the charger."""
    for path in ("/chargers/CP-1/messages", "/transactions", "/chargers/CP-1"):
        shown = await api("GET", f"{api.organization}{path}")
        assert own in shown.text, path
        assert foreign not in shown.text, path
