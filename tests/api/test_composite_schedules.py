"""The schedule that a charger reckons with, beside the one that it should."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from storage.clock import timestamp
from tests.api.conftest import Api, Connect
from tests.api.test_power_limits import answering

pytestmark = pytest.mark.one_of_each("many ways to ask the same")

STATION = "/api/chargingStations/CP-1"
PATH = f"{STATION}/compositeSchedule"
NOW = "2026-11-21T10:00:00.000Z"
COMPOSITE = "GetCompositeSchedule"


def said(version: str, limit: float, unit: str = "W") -> dict[str, Any]:
    """Return a schedule of one EVSE as its version says it."""
    schedule = {
        "duration": 86_400,
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
    }
    if version == "1.6":
        told = {"connectorId": 1, "scheduleStart": NOW, "chargingSchedule": schedule}
        return {"status": "Accepted", **told}
    return {"status": "Accepted", "schedule": {**schedule, "evseId": 1, "scheduleStart": NOW}}


def shown(limit: float | None, unit: str = "W") -> dict[str, Any]:
    return {
        "evseId": 1,
        "duration": 86_400,
        "scheduleStart": NOW,
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
    }


BOTH = pytest.mark.parametrize("version", ["1.6", "2.0.1"])


async def limits(api: Api, kw: float, path: str = f"{STATION}/evses/1/powerLimit") -> None:
    got = await api("PUT", path, {"limit": {"acMaxPowerKw": kw}})
    assert got.body["response"] == "Accepted"


@BOTH
@pytest.mark.parametrize(
    ("limit", "unit", "differs"),
    [(6000.0, "W", False), (5000.0, "W", False), (6000.2, "W", True), (8.6, "A", False)],
)
async def test_the_chargers_own_schedule_stands_beside_ours(
    api: Api,
    connect: Connect,
    version: str,
    limit: float,
    unit: str,
    differs: bool,  # noqa: FBT001 - a row of a table
) -> None:
    await api.enrol()
    told = {COMPOSITE: said(version, limit, unit)}
    async with answering(await connect(version=version), **told) as heard:
        await limits(api, 6)
        got = await api("GET", f"{PATH}?evseId=1&unit={unit}")

    assert (got.status, got.body) == (
        200,
        {
            "status": "Accepted",
            "schedule": shown(limit, unit),
            "computed": shown(6000.0 if unit == "W" else 8.6, unit),
            "differs": differs,
        },
    )
    place = "connectorId" if version == "1.6" else "evseId"
    asked = {place: 1, "duration": 86_400, "chargingRateUnit": unit}
    assert heard[-1] == (COMPOSITE, asked)


@BOTH
async def test_without_a_word_it_is_the_station_for_a_day(
    api: Api, connect: Connect, version: str
) -> None:
    await api.enrol()
    async with answering(await connect(version=version), **{COMPOSITE: said(version, 1)}) as heard:
        body = await api.get(PATH)

    place = "connectorId" if version == "1.6" else "evseId"
    assert heard[0] == (COMPOSITE, {place: 0, "duration": 86_400})
    assert body["computed"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": None}]
    assert body["differs"] is False


@BOTH
@pytest.mark.parametrize("answer", [{"status": "Rejected"}, {"status": "Accepted"}])
async def test_a_charger_without_a_schedule_leaves_ours(
    api: Api, connect: Connect, version: str, answer: dict[str, Any]
) -> None:
    await api.enrol()
    async with answering(await connect(version=version), **{COMPOSITE: answer}):
        await limits(api, 6)
        body = await api.get(f"{PATH}?evseId=1")

    computed = {**shown(6000.0), "scheduleStart": NOW}
    assert body == {"status": answer["status"], "computed": computed, "differs": "unknown"}


async def test_a_station_says_why_it_rejects(api: Api, connect: Connect) -> None:
    await api.enrol()
    info = {"reasonCode": "UnsupportedRequest", "additionalInfo": "not today"}
    told = {COMPOSITE: {"status": "Rejected", "statusInfo": info}}
    async with answering(await connect(version="2.0.1"), **told):
        body = await api.get(PATH)

    assert body["statusInfo"] == info


async def test_limits_from_outside_are_part_of_ours(api: Api, connect: Connect) -> None:
    # smart-charging item 16
    await api.enrol()
    charger = await connect(version="2.0.1")
    schedule = {
        "id": 1,
        "startSchedule": timestamp(api.clock.now()),
        "duration": 3600,
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 4000.0}],
    }
    limit = {"chargingLimit": {"chargingLimitSource": "SO"}, "chargingSchedule": [schedule]}
    await charger.peer.calls("NotifyChargingLimit", orjson.dumps(limit))
    await charger.peer.hears()
    async with answering(charger, **{COMPOSITE: said("2.0.1", 5000)}):
        await limits(api, 6)
        body = await api.get(f"{PATH}?evseId=1")

    assert body["computed"]["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 4000.0},
        {"startPeriod": 3600, "limit": 6000.0},
    ]
    assert body["differs"] is True


async def test_what_was_asked_is_recorded(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect(), **{COMPOSITE: said("1.6", 1)}):
        await api.get(f"{PATH}?evseId=1&duration=60&unit=A")
    record = await api.get(f"{STATION}/commands/00000000-0000-4000-8000-000000000001")

    assert record["command"]["action"] == COMPOSITE
    assert record["command"]["request"] == {"evseId": 1, "duration": 60, "unit": "A"}
    assert record["command"]["response"] == said("1.6", 1)


# ---- what goes wrong ----


async def test_a_charger_that_is_not_there(api: Api) -> None:
    await api.enrol()

    assert (await api("GET", PATH)).error == (409, "charger_offline")


async def test_a_charger_that_knows_no_schedules(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect(), **{COMPOSITE: "NotSupported"}):
        got = await api("GET", PATH)

    assert got.error == (502, "charger_error")
    assert got.body["charger_error"]["code"] == "NotSupported"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("evseId=190", "evseId"),
        ("evseId=-1", "evseId"),
        ("evseId=x", "evseId"),
        ("duration=0", "duration"),
        ("duration=604801", "duration"),
        ("unit=V", "unit"),
    ],
)
async def test_a_bad_question_is_not_asked(api: Api, query: str, field: str) -> None:
    await api.enrol()
    got = await api("GET", f"{PATH}?{query}")

    assert got.error == (422, "invalid")
    assert field in got.body["fields"]


async def test_an_evse_that_the_station_does_not_have(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger = await connect()
    status = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}
    await charger.peer.calls("StatusNotification", orjson.dumps(status))
    await charger.peer.hears()
    got = await api("GET", f"{PATH}?evseId=2")

    assert got.error == (422, "invalid")
    assert "evseId" in got.body["fields"]
