"""Power limits, as frames at the charger and as answers to the caller."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from tests.api.conftest import Api, Connect, LiveCharger

pytestmark = pytest.mark.one_of_each("many ways to ask the same")

STATION = "/api/chargingStations/CP-1"
ON_STATION, ON_EVSE = f"{STATION}/powerLimit", f"{STATION}/evses/2/powerLimit"
KW = {"limit": {"acMaxPowerKw": 11}}
RECORD = "00000000-0000-4000-8000-000000000001"
ACCEPTED = {"status": "Accepted"}


@contextlib.asynccontextmanager
async def answering(charger: LiveCharger, **answers: Any) -> AsyncIterator[list[Any]]:
    """Answer what the charger is called until the context ends; yield the calls."""
    heard: list[Any] = []
    usual: dict[str, Any] = {"GetConfiguration": {}, "GetVariables": {"getVariableResult": []}}

    async def answer() -> None:
        while True:
            _, id, action, fields = await charger.peer.hears()
            heard.append((action, fields))
            told = {**usual, **answers}.get(action, ACCEPTED)
            reply = [4, id, told, "", {}] if isinstance(told, str) else [3, id, told]
            await charger.peer.says(orjson.dumps(reply))

    task = asyncio.create_task(answer())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


# ---- the frames ----


@pytest.mark.parametrize(
    ("path", "place", "purpose", "id"),
    [
        (ON_STATION, 0, "ChargePointMaxProfile", 3000),
        (ON_EVSE, 2, "TxDefaultProfile", 3012),
    ],
)
async def test_a_limit_on_1_6(
    api: Api, connect: Connect, path: str, place: int, purpose: str, id: int
) -> None:
    await api.enrol()
    async with answering(await connect()) as heard:
        got = await api("PUT", path, KW)
        assert (got.status, got.body) == (200, {"response": "Accepted"})
        assert heard[-1] == (
            "SetChargingProfile",
            {
                "connectorId": place,
                "csChargingProfiles": {
                    "chargingProfileId": id,
                    "stackLevel": 0,
                    "chargingProfilePurpose": purpose,
                    "chargingProfileKind": "Absolute",
                    "chargingSchedule": {
                        "startSchedule": "2026-11-21T09:59:00.000Z",
                        "chargingRateUnit": "W",
                        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11_000.0}],
                    },
                },
            },
        )

        assert (await api("DELETE", path)).body == {"response": "Accepted"}
        assert heard[-1] == ("ClearChargingProfile", {"id": id})
        assert (await api("DELETE", path)).body == {"response": "Unknown"}


@pytest.mark.parametrize(
    ("path", "place", "purpose", "id"),
    [
        (ON_STATION, 0, "ChargingStationMaxProfile", 3000),
        (ON_EVSE, 2, "TxDefaultProfile", 3012),
    ],
)
async def test_a_limit_on_2_0_1(
    api: Api, connect: Connect, path: str, place: int, purpose: str, id: int
) -> None:
    await api.enrol()
    async with answering(await connect(version="2.0.1")) as heard:
        got = await api("PUT", path, {"limit": {"acMaxPowerA": 16}})
        assert (got.status, got.body) == (200, {"response": "Accepted"})
        assert heard[-1] == (
            "SetChargingProfile",
            {
                "evseId": place,
                "chargingProfile": {
                    "id": id,
                    "stackLevel": 0,
                    "chargingProfilePurpose": purpose,
                    "chargingProfileKind": "Absolute",
                    "chargingSchedule": [
                        {
                            "id": id,
                            "startSchedule": "2026-11-21T09:59:00.000Z",
                            "chargingRateUnit": "A",
                            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
                        }
                    ],
                },
            },
        )

        assert (await api("DELETE", path)).body == {"response": "Accepted"}
        assert heard[-1] == ("ClearChargingProfile", {"chargingProfileId": id})


async def test_a_repeat_replaces_itself(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect()) as heard:
        for kw in (11, 7):
            await api("PUT", ON_EVSE, {"limit": {"acMaxPowerKw": kw}})
    ids = {fields["csChargingProfiles"]["chargingProfileId"] for _, fields in heard[1:]}

    assert [action for action, _ in heard] == ["GetConfiguration", *["SetChargingProfile"] * 2]
    assert ids == {3012}


# ---- options ----


@pytest.mark.parametrize("where", ["query", "body"])
async def test_options_that_are_ours_are_kept(api: Api, connect: Connect, where: str) -> None:
    await api.enrol()
    options = {"chargingProfileId": 77, "comment": "roof full", "stackLevel": 5}
    query = "?chargingProfileId=77&comment=roof%20full&stackLevel=5" if where == "query" else ""
    body = KW if query else {**KW, **options}
    async with answering(await connect()):
        got = await api("PUT", ON_EVSE + query, body)
    [kept] = await api.storage.charging_profiles.of_owners(api.charger_key("CP-1"))

    assert got.body["statusInfo"]["reasonCode"] == "Clamped"
    assert (kept.profile_id, kept.stack_level) == (77, 5)
    assert kept.meta["comment"] == "roof full"
    assert kept.meta["createdBy"]
    assert kept.meta["limit"] == {"acMaxPowerKw": 11}
    record = (await api.get(f"{STATION}/commands/{RECORD}"))["command"]
    assert record["request"] == {"evseId": 2, **KW, **options}


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("condition=x", {"condition": "x"}),
        # Both conditions at once are none (smart-charging item 9).
        (
            "condition=whenNoCloudConnection,whenSessionNotAuthorized",
            {"condition": ["whenNoCloudConnection", "whenSessionNotAuthorized"]},
        ),
        ("relativeDelay=-1", {"relativeDelay": -1}),
        ("relativeDelay=1.5", {"relativeDelay": 1.5}),
        ("relativeDelay=604801", {"relativeDelay": 604_801}),
        ("stackLevel=x", {"stackLevel": "1"}),
    ],
)
async def test_an_option_that_cannot_be_is_named(api: Api, query: str, body: Any) -> None:
    await api.enrol()
    [name] = body
    assert (await api("PUT", f"{ON_EVSE}?{query}", KW)).fields == {name}
    assert (await api("PUT", ON_EVSE, {**KW, **body})).fields == {name}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "limit"),
        ({"limit": {}}, "limit"),
        ({"limit": {"acMaxPowerKw": 1, "acMaxPowerA": 1}}, "limit"),
        ({"limit": {"acMaxPowerKw": -1}}, "limit.acMaxPowerKw"),
        ({"limit": {"acMaxPowerKw": "1"}}, "limit.acMaxPowerKw"),
        ({"limit": {"acMaxPowerKw": True}}, "limit.acMaxPowerKw"),
        ({"limit": {"acMaxPowerKw": None}}, "limit.acMaxPowerKw"),
        ({"limit": {"maxPowerKw": 1}}, "limit.maxPowerKw"),
        ({"limit": {"acMaxPowerA": 1e12}}, "limit.acMaxPowerA"),
        ({**KW, "chargingProfileId": 3000}, "chargingProfileId"),
        ({**KW, "chargingProfileId": 4200}, "chargingProfileId"),
        ({**KW, "chargingProfileId": 1_000_010}, "chargingProfileId"),
        ({**KW, "chargingProfileId": 0}, "chargingProfileId"),
        ({**KW, "stackLevel": -1}, "stackLevel"),
        ({**KW, "stackLevel": 1.5}, "stackLevel"),
        ({**KW, "color": "red"}, "color"),
    ],
)
async def test_a_limit_that_cannot_be_is_named(
    api: Api, connect: Connect, body: Any, field: str
) -> None:
    await api.enrol()
    charger = await connect()

    assert (await api("PUT", ON_EVSE, body)).fields == {field}
    assert charger.peer.socket.unread == 0


async def test_not_a_number_is_not_json(api: Api) -> None:
    await api.enrol()
    got = await api("PUT", ON_EVSE, text='{"limit": {"acMaxPowerKw": NaN}}')

    assert got.status in {400, 422}


async def test_an_id_of_another_limit_is_refused(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect()):
        await api("PUT", ON_EVSE, {**KW, "chargingProfileId": 77})
        again = await api("PUT", ON_EVSE, {**KW, "chargingProfileId": 77})
        elsewhere = await api("PUT", ON_STATION, {**KW, "chargingProfileId": 77})

    assert again.status == 200
    assert elsewhere.fields == {"chargingProfileId"}


# ---- limits of transactions ----


async def tell(charger: LiveCharger, action: str, fields: Any) -> Any:
    """Let the charger call, and return the answer."""
    await charger.peer.says(orjson.dumps([2, action, action, fields]))
    return (await charger.peer.hears())[2]


async def start16(charger: LiveCharger) -> str:
    fields = {
        "connectorId": 2,
        "idTag": "CARD",
        "meterStart": 0,
        "timestamp": "2026-11-21T10:00:00Z",
    }
    return str((await tell(charger, "StartTransaction", fields))["transactionId"])


async def test_a_limit_of_a_transaction_goes_with_it(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger = await connect()
    id = await start16(charger)
    path = f"{STATION}/transactions/{id}/powerLimit"
    async with answering(charger) as heard:
        got = await api("PUT", path, KW)
        assert (got.status, got.body) == (200, {"response": "Accepted"})
        [fields] = [fields for action, fields in heard if action == "SetChargingProfile"]
        profile = fields["csChargingProfiles"]
        assert fields["connectorId"] == 2
        assert profile["chargingProfileId"] == 4152
        assert profile["chargingProfilePurpose"] == "TxProfile"
        assert profile["transactionId"] == int(id)
        record = (await api.get(f"{STATION}/commands/{RECORD}"))["command"]
        assert record["request"] == {"transactionId": id, **KW}

        assert (await api("DELETE", path)).body == {"response": "Accepted"}
        assert heard[-1] == ("ClearChargingProfile", {"id": 4152})
        assert (await api("DELETE", path)).body == {"response": "Unknown"}


async def test_a_transaction_that_is_not_there_has_no_limit(api: Api, connect: Connect) -> None:
    await api.enrol()
    await api.enrol("CP-2")
    charger = await connect()
    id = await start16(charger)
    stop = {"transactionId": int(id), "meterStop": 1, "timestamp": "2026-11-21T10:00:00Z"}
    foreign = f"/api/chargingStations/CP-2/transactions/{id}/powerLimit"
    own = f"{STATION}/transactions/{id}/powerLimit"
    for method, body in (("PUT", KW), ("DELETE", None)):
        assert (await api(method, foreign, body)).error == (404, "not_found")
        unknown = own.replace(id, "999999")
        assert (await api(method, unknown, body)).error == (404, "not_found")
    await tell(charger, "StopTransaction", stop)

    assert (await api("PUT", own, KW)).fields == {"transactionId"}
    async with answering(charger):
        assert (await api("DELETE", own)).body == {"response": "Unknown"}


async def test_ids_of_other_scopes_are_refused(api: Api, connect: Connect) -> None:
    """Item 10."""
    await api.enrol()
    charger = await connect()
    id = await start16(charger)
    own = f"{STATION}/transactions/{id}/powerLimit"
    async with answering(charger):
        for path, taken in ((own, 3012), (own, 4146), (ON_EVSE, 4152), (ON_STATION, 3012)):
            got = await api("PUT", path, {**KW, "chargingProfileId": taken})
            assert got.fields == {"chargingProfileId"}, (path, taken)
        assert (await api("PUT", own, {**KW, "chargingProfileId": 4153})).status == 200
        assert (await api("PUT", own, {**KW, "chargingProfileId": 77})).status == 200
        elsewhere = await api("PUT", ON_EVSE, {**KW, "chargingProfileId": 77})
        assert elsewhere.fields == {"chargingProfileId"}


# ---- conditions and delays, as frames ----


LEVELS = {"configurationKey": [{"key": "ChargeProfileMaxStackLevel", "value": "3"}]}


@pytest.mark.parametrize("where", ["query", "body"])
async def test_a_fallback_as_frames(api: Api, connect: Connect, where: str) -> None:
    """Item 8: what is live moves to level 1 before the fallback comes to level 0."""
    await api.enrol()
    query = "?condition=whenNoCloudConnection" if where == "query" else ""
    body = {"limit": {"acMaxPowerA": 8}}
    if not query:
        body["condition"] = "whenNoCloudConnection"  # type: ignore[assignment]  # an option
    async with answering(await connect(), GetConfiguration=LEVELS) as heard:
        await api("PUT", ON_EVSE, {"limit": {"acMaxPowerA": 16}})
        assert (await api("PUT", ON_EVSE + query, body)).body == {"response": "Accepted"}
        sets = [
            fields["csChargingProfiles"]
            for action, fields in heard
            if action == "SetChargingProfile"
        ]
        assert [(one["chargingProfileId"], one["stackLevel"]) for one in sets] == [
            (3012, 0),
            (3012, 1),
            (3014, 0),
        ]
        assert sets[1]["validFrom"] == "2026-11-21T09:55:00.000Z"
        assert sets[1]["validTo"] == "2026-11-21T10:30:00.000Z"
        assert sets[2]["chargingProfileKind"] == "Relative"
        assert (await api("DELETE", ON_EVSE)).body == {"response": "Accepted"}
        cleared = {fields["id"] for action, fields in heard if action == "ClearChargingProfile"}
        assert cleared == {3012, 3014}


async def test_a_delay_as_a_frame(api: Api, connect: Connect) -> None:
    """Item 7."""
    await api.enrol()
    async with answering(await connect()) as heard:
        await api("PUT", ON_EVSE, {"limit": {"acMaxPowerA": 16}})
        await api("PUT", f"{ON_EVSE}?relativeDelay=900", {"limit": {"acMaxPowerA": 8}})
        profile = heard[-1][1]["csChargingProfiles"]
        assert (profile["chargingProfileId"], profile["chargingProfileKind"]) == (3013, "Relative")
        assert profile["chargingSchedule"] == {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 16.0},
                {"startPeriod": 900, "limit": 8.0},
            ],
        }


async def test_the_phases_of_a_chargers_record_are_sent(api: Api, connect: Connect) -> None:
    """Item 6: 3.7 kW on one phase is not 5.4 A."""
    await api.enrol()
    amperes = {"key": "ChargingScheduleAllowedChargingRateUnit", "value": "Current"}
    async with answering(
        await connect(), GetConfiguration={"configurationKey": [amperes]}
    ) as heard:
        told = []
        for change in ({}, {"supply_phases": 1}, {"nominal_voltage": 120.0}):
            record = f"{api.organization}/chargers/CP-1"
            assert (await api("PATCH", record, change)).status == 200
            await api("PUT", ON_EVSE, {"limit": {"acMaxPowerKw": 3.7}})
            schedule = heard[-1][1]["csChargingProfiles"]["chargingSchedule"]
            told += schedule["chargingSchedulePeriod"]

    assert told == [
        {"startPeriod": 0, "limit": 5.3},
        {"startPeriod": 0, "limit": 16.0, "numberPhases": 1},
        {"startPeriod": 0, "limit": 30.8, "numberPhases": 1},
    ]


@pytest.mark.parametrize(
    "change", [{"supply_phases": 0}, {"supply_phases": 4}, {"nominal_voltage": 12}]
)
async def test_mains_that_cannot_be_are_refused(api: Api, change: Any) -> None:
    await api.enrol()
    got = await api("PATCH", f"{api.organization}/chargers/CP-1", change)
    assert got.fields == set(change)


# ---- what may go wrong ----


async def test_one_that_the_charger_rejects(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect(), SetChargingProfile={"status": "NotSupported"}):
        got = await api("PUT", ON_EVSE, KW)
        assert got.body == {
            "response": "Rejected",
            "statusInfo": {
                "reasonCode": "NotSupported",
                "additionalInfo": "The charger does not do this.",
            },
        }
        assert (await api("DELETE", ON_EVSE)).body == {"response": "Unknown"}


async def test_one_that_the_charger_has_never_heard_of(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect(), SetChargingProfile="NotImplemented"):
        got = await api("PUT", ON_EVSE, KW)

    assert got.error == (502, "charger_error")
    assert got.body["charger_error"]["code"] == "NotImplemented"


async def test_a_charger_that_takes_amperes_only(api: Api, connect: Connect) -> None:
    await api.enrol()
    units = {"key": "ChargingScheduleAllowedChargingRateUnit", "value": "Current"}
    amperes = {"configurationKey": [units]}
    async with answering(await connect(), GetConfiguration=amperes):
        got = await api("PUT", ON_EVSE, KW)
        direct = await api("PUT", ON_EVSE, {"limit": {"dcMaxPowerKw": 50}})

    assert got.body["statusInfo"] == {
        "reasonCode": "UnitConverted",
        "additionalInfo": "Sent as 15.9 A.",
    }
    assert direct.fields == {"limit.dcMaxPowerKw"}


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_without_the_charger_nothing_is_limited(api: Api, method: str) -> None:
    await api.enrol()
    body = KW if method == "PUT" else None

    assert (await api(method, ON_EVSE, body)).error == (409, "charger_offline")
    assert (await api(method, ON_STATION.replace("CP-1", "CP-2"), body)).error[0] == 404
    reader = await api.with_scope("read")
    assert (await reader(method, ON_EVSE, body)).status == 401


async def test_an_evse_that_the_charger_has_not(api: Api, connect: Connect) -> None:
    await api.enrol()
    api.storage.chargers.note_status(api.charger_key("CP-1"), 1, 1, "Available", b"{}")
    await api.storage.journal.flush()
    async with answering(await connect()):
        assert (await api("PUT", ON_EVSE, KW)).error == (404, "not_found")
        assert (await api("PUT", f"{STATION}/evses/1/powerLimit", KW)).status == 200
    await api.enrol("CP-2")
    beyond = "/api/chargingStations/CP-2/evses/190/powerLimit"
    assert (await api("PUT", beyond, KW)).error == (404, "not_found")
