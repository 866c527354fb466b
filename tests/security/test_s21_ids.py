"""S-21: ids cannot be guessed, and a charger changes no transaction but its own."""

from __future__ import annotations

import asyncio
import json
import uuid
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from csms.frames import message_ids
from csms.transactions import random_transaction_id
from tests.doubles import PATIENCE
from tests.security.doors import PASSWORD, Knocking, enrol, told
from tests.security.ground import Ground, served

AT = "2026-11-22T10:00:0{}Z"
START = {"connectorId": 1, "idTag": "OWNER", "meterStart": 1000, "timestamp": AT.format(0)}


async def says(charger: ClientConnection, action: str, payload: Any) -> Any:
    """Call and return the answer's payload."""
    await charger.send(json.dumps([2, action, action, payload]))
    async with asyncio.timeout(PATIENCE):
        answer = json.loads(await charger.recv())
    assert answer[0] == 3, answer
    return answer[2]


async def transactions(ground: Ground, name: str) -> list[Any]:
    """Return what the API tells of a charger's transactions."""
    await ground.server.storage.group.flush()
    path = f"{ground.organization}/transactions?charge_box_id={name}"
    listed: list[Any] = (await ground.ok("GET", path))["transactions"]
    return listed


async def test_s21_cve_2026_28230_a_charger_ends_and_meters_no_transaction_of_another(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground, "OWNER")
        await enrol(ground, "OTHER")
        async with (
            Knocking(ground, "OWNER", PASSWORD).dialled() as owner,
            Knocking(ground, "OTHER", PASSWORD).dialled() as other,
        ):
            id = (await says(owner, "StartTransaction", START))["transactionId"]
            (before,) = await transactions(ground, "OWNER")
            value = {"timestamp": AT.format(1), "sampledValue": [{"value": "9999"}]}
            metered = {"connectorId": 1, "transactionId": id, "meterValue": [value]}
            stopped = {"transactionId": id, "meterStop": 9999, "timestamp": AT.format(2)}
            await says(other, "MeterValues", metered)
            await says(other, "StopTransaction", stopped)

            assert await transactions(ground, "OWNER") == [before]
            assert before["state"] == "running"
        events = [one for one in await told(ground) if one.action == "UnknownTransaction"]

    assert [(one.charge_box_id, one.details["transaction_id"]) for one in events] == [
        ("OTHER", str(id))
    ]


@pytest.mark.sqlite_only("no other statement than above")
async def test_s21_a_2_x_charger_that_uses_the_id_of_another_has_one_of_its_own(
    tmp_path: Path,
) -> None:
    def event(kind: str, seq: int) -> Any:
        return {
            "eventType": kind,
            "timestamp": AT.format(seq),
            "triggerReason": "Authorized",
            "seqNo": seq,
            "transactionInfo": {"transactionId": "tx-1"},
            "evse": {"id": 1, "connectorId": 1},
        }

    async with served(tmp_path) as ground:
        for name in ("OWNER", "OTHER"):
            await enrol(ground, name)
        async with (
            Knocking(ground, "OWNER", PASSWORD, version="ocpp2.0.1").dialled() as owner,
            Knocking(ground, "OTHER", PASSWORD, version="ocpp2.0.1").dialled() as other,
        ):
            await says(owner, "TransactionEvent", event("Started", 0))
            await says(other, "TransactionEvent", event("Ended", 1))
            states = {
                name: [one["state"] for one in await transactions(ground, name)]
                for name in ("OWNER", "OTHER")
            }

    assert states == {"OWNER": ["running"], "OTHER": ["ended"]}


def test_s21_ids_of_transactions_are_drawn_from_31_bits() -> None:
    count = 500_000
    drawn = [random_transaction_id() for _ in range(count)]
    expected = count**2 / 2 / 2**31  # by the birthday paradox: 58, give or take 8

    assert min(drawn) > 0
    assert max(drawn) < 2**31
    assert abs(count - len(set(drawn)) - expected) < 6 * expected**0.5
    some = drawn[:50_000]
    assert all(abs(sum(id >> bit & 1 for id in some) / 50_000 - 0.5) < 0.02 for bit in (0, 15, 30))


def test_s21_ids_of_messages_are_uuids_and_never_the_same() -> None:
    links = [message_ids() for _ in range(20)]
    ids = [id for link in links for id in islice(link, 5_000)]

    assert len(set(ids)) == len(ids) == 100_000
    assert {uuid.UUID(id).version for id in ids[::1_000]} == {4}
    assert len({id[:18] for id in ids}) == 20  # which nobody can tell from another link's
