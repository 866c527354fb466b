"""Charging profiles, as frames at the charger and as answers to the caller."""

from __future__ import annotations

from typing import Any

import pytest

from storage.records import ChargingProfile, Transaction
from tests.api.conftest import Api, Connect, LiveCharger
from tests.api.test_power_limits import answering

pytestmark = pytest.mark.one_of_each("many ways to ask the same")

STATION = "/api/chargingStations/CP-1"
ON_STATION, ON_EVSE = f"{STATION}/chargingProfile", f"{STATION}/evses/2/chargingProfile"
CLEAR, LIMIT = f"{ON_STATION}/clear", f"{STATION}/evses/2/powerLimit"
BEGAN = "2026-11-21T00:00:00.000Z"
VERSIONS = ("1.6", "2.0.1", "2.1")
EXTERNAL = "ChargingStationExternalConstraints"
FIRST = "chargingProfile.chargingSchedule.0"
PERIOD = f"{FIRST}.chargingSchedulePeriod.0"
CUSTOM = {"vendorId": "com.example", "any": [1, {"thing": None}]}


def schedule(limit: float = 16, **more: Any) -> dict[str, Any]:
    period = {"startPeriod": 0, "limit": limit, **more.pop("period", {})}
    return {
        "startSchedule": BEGAN,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [period],
        **more,
    }


def profile(purpose: str = "TxDefaultProfile", *schedules: Any, **more: Any) -> dict[str, Any]:
    whole = {
        "id": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": list(schedules) or [schedule()],
        **more,
    }
    return {"chargingProfile": {name: value for name, value in whole.items() if value is not None}}


async def begin(api: Api, transaction_id: str = "4711", evse_id: int = 2) -> None:
    now = api.clock.now()
    await api.storage.transactions.note_started(
        Transaction(
            key=api.charger_key("CP-1"),
            transaction_id=transaction_id,
            evse_id=evse_id,
            started_at=now,
            start_timestamp=now.isoformat(),
        )
    )


def said(heard: list[Any]) -> tuple[int, dict[str, Any]]:
    """Return the EVSE of the last profile that was set, and the profile in the words of 2.0.1."""
    fields = next(fields for action, fields in heard[::-1] if action == "SetChargingProfile")
    if "evseId" in fields:
        return fields["evseId"], fields["chargingProfile"]
    old = fields["csChargingProfiles"]
    return fields["connectorId"], {**old, "chargingSchedule": [old["chargingSchedule"]]}


async def kept(api: Api) -> list[ChargingProfile]:
    return await api.storage.charging_profiles.of_owners(api.charger_key("CP-1"))


def code(got: Any) -> str | None:
    info = got.body.get("statusInfo", {})
    reason: str | None = info.get("reasonCode")
    return reason


# ---- the frames ----


async def test_a_profile_on_2_0_1(api: Api, connect: Connect) -> None:
    await api.enrol()
    whole = profile(
        "TxDefaultProfile",
        schedule(period={"numberPhases": 1, "phaseToUse": 2}, duration=3600, minChargingRate=6.5),
        validFrom="2026-11-21T01:00:00+01:00",
        validTo="2026-11-22T00:00:00Z",
        customData=CUSTOM,
        meta={"comment": "night", "limit": "is no power limit"},
    )
    async with answering(await connect(version="2.0.1")) as heard:
        got = await api("PUT", ON_EVSE, whole)
        assert (got.status, got.body) == (200, {"response": "Accepted"})

        evse_id, sent = said(heard)
        assert evse_id == 2
        assert "meta" not in sent
        [one] = sent["chargingSchedule"]
        assert one["chargingSchedulePeriod"] == [
            {"startPeriod": 0, "limit": 16.0, "numberPhases": 1, "phaseToUse": 2}
        ]
        assert (one["duration"], one["minChargingRate"]) == (3600, 6.5)
        assert (sent["validFrom"], sent["customData"]) == (BEGAN, CUSTOM)

        assert (await api("DELETE", ON_EVSE, {"chargingProfileId": 7})).body == {
            "response": "Accepted"
        }
        assert heard[-1] == ("ClearChargingProfile", {"chargingProfileId": sent["id"]})
        again = await api("POST", CLEAR, {"chargingProfileCriteria": {"evseId": 2}})
        assert again.body == {"response": "Unknown"}


async def test_a_profile_on_1_6(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect()) as heard:
        got = await api(
            "PUT", ON_EVSE, profile(recurrencyKind="Daily", chargingProfileKind="Recurring")
        )
        assert (got.status, got.body) == (200, {"response": "Accepted"})

        action, fields = heard[-1]
        sent = fields["csChargingProfiles"]
        assert (action, fields["connectorId"]) == ("SetChargingProfile", 2)
        assert sent == {
            "chargingProfileId": sent["chargingProfileId"],
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Recurring",
            "recurrencyKind": "Daily",
            "chargingSchedule": {
                "startSchedule": BEGAN,
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
            },
        }

        assert (await api("DELETE", ON_STATION, {"chargingProfileId": 7})).body == {
            "response": "Accepted"
        }
        assert heard[-1] == ("ClearChargingProfile", {"id": sent["chargingProfileId"]})


@pytest.mark.parametrize(
    ("path", "purpose", "evse_id", "word"),
    [
        (ON_STATION, "ChargingStationMaxProfile", 0, "ChargePointMaxProfile"),
        (ON_STATION, "TxDefaultProfile", 0, "TxDefaultProfile"),
        (ON_EVSE, "TxDefaultProfile", 2, "TxDefaultProfile"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_where_profiles_go(
    api: Api, connect: Connect, version: str, path: str, purpose: str, evse_id: int, word: str
) -> None:
    await api.enrol()
    async with answering(await connect(version=version)) as heard:
        assert (await api("PUT", path, profile(purpose))).body["response"] == "Accepted"
        place, sent = said(heard)

    assert place == evse_id
    assert sent["chargingProfilePurpose"] == (word if version == "1.6" else purpose)


# ---- external constraints (K01.FR.22) ----


@pytest.mark.parametrize(
    ("path", "more", "place", "purposes"),
    [
        (ON_STATION, {}, 0, {"ChargingStationMaxProfile", "ChargePointMaxProfile"}),
        (ON_EVSE, {}, 2, {"TxDefaultProfile"}),
        (ON_EVSE, {"transactionId": "4711"}, 2, {"TxProfile"}),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_external_constraints_are_sent_as_what_a_csms_may_set(
    api: Api,
    connect: Connect,
    version: str,
    path: str,
    more: dict[str, str],
    place: int,
    purposes: set[str],
) -> None:
    await api.enrol()
    await begin(api)
    async with answering(await connect(version=version)) as heard:
        got = await api("PUT", path, profile(EXTERNAL, **more))
        evse_id, sent = said(heard)

    assert (got.body["response"], code(got)) == ("Accepted", "PurposeChanged")
    assert evse_id == place
    assert sent["chargingProfilePurpose"] in purposes


async def test_external_constraints_are_taken_back_as_they_were_set(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    everything = {"chargingProfileCriteria": {"chargingProfilePurpose": EXTERNAL}}
    async with answering(await connect(version="2.0.1")):
        await api("PUT", ON_STATION, profile(EXTERNAL))
        await api("PUT", ON_EVSE, profile(EXTERNAL, id=8))

        on_evse = await api("DELETE", ON_EVSE, everything)
        assert (on_evse.body["response"], code(on_evse)) == ("Accepted", "PurposeChanged")
        assert [one.profile_id for one in await kept(api)] == [7]
        assert (await api("DELETE", ON_STATION, everything)).body["response"] == "Accepted"
        assert await kept(api) == []


# ---- transactions ----


@pytest.mark.parametrize(
    ("path", "named"), [(ON_EVSE, "4711"), (ON_EVSE, None), (ON_STATION, "4711")]
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_tx_profile_goes_to_the_evse_of_its_transaction(
    api: Api, connect: Connect, version: str, path: str, named: str | None
) -> None:
    await api.enrol()
    await begin(api)
    async with answering(await connect(version=version)) as heard:
        got = await api("PUT", path, profile("TxProfile", transactionId=named))
        evse_id, sent = said(heard)

    assert got.body == {"response": "Accepted"}
    assert evse_id == 2
    assert sent["transactionId"] == (4711 if version == "1.6" else "4711")


@pytest.mark.parametrize(
    ("path", "named"),
    [(ON_EVSE, "4712"), (ON_STATION, None), (f"{STATION}/evses/1/chargingProfile", "4711")],
)
async def test_a_tx_profile_is_of_a_transaction_that_runs_there(
    api: Api, connect: Connect, path: str, named: str | None
) -> None:
    await api.enrol()
    await begin(api)
    async with answering(await connect()) as heard:
        got = await api("PUT", path, profile("TxProfile", transactionId=named))

    assert got.fields == {"chargingProfile.transactionId"}
    assert "SetChargingProfile" not in dict(heard)


async def test_a_transaction_without_an_evse_gets_its_profile_later(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    await begin(api, "T-1", 0)
    async with answering(await connect(version="2.0.1")) as heard:
        got = await api("PUT", ON_STATION, profile("TxProfile", transactionId="T-1"))

    assert (got.body["response"], code(got)) == ("Accepted", "Deferred")  # item 14
    assert "SetChargingProfile" not in dict(heard)
    assert [one.transaction_id for one in await kept(api)] == ["T-1"]


# ---- what may be left out, and what is ours ----


async def test_what_is_left_out_is_filled_in(api: Api, connect: Connect) -> None:
    await api.enrol()
    bare = profile(id=None, stackLevel=None)
    del bare["chargingProfile"]["chargingSchedule"][0]["startSchedule"]
    async with answering(await connect(version="2.0.1")) as heard:
        got = await api("PUT", ON_EVSE, bare)
        _, sent = said(heard)
        again = await api("PUT", ON_EVSE, bare)
        beside = await api("PUT", ON_STATION, bare)

    assert code(got) == "StartScheduleSet"
    assert "Its id is 5283." in got.body["statusInfo"]["additionalInfo"]
    assert sent["chargingSchedule"][0]["startSchedule"] == "2026-11-21T10:00:00.000Z"
    assert "Its id is 5283." in again.body["statusInfo"]["additionalInfo"]
    assert "Its id is 5284." in beside.body["statusInfo"]["additionalInfo"]


async def test_what_is_ours_is_kept_with_author_and_time(api: Api, connect: Connect) -> None:
    await api.enrol()
    meta = {"comment": "theirs", "limit": 1, "x": [None]}
    async with answering(await connect(version="2.0.1")):
        await api("PUT", f"{ON_EVSE}?comment=ours", profile(meta=meta))
        await api("PUT", ON_STATION, profile(id=8, meta=meta))
        [one, other] = sorted(await kept(api), key=lambda each: each.profile_id)
        # Whatever its meta says, it is no power limit.
        assert (await api("DELETE", LIMIT)).body == {"response": "Unknown"}

    assert (one.meta["comment"], other.meta["comment"]) == ("ours", "theirs")
    assert one.meta["createdAt"] == "2026-11-21T10:00:00.000Z"
    assert one.meta["createdBy"]
    assert one.meta["meta"] == meta


async def test_a_stack_level_orders_our_own_profiles(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect()) as heard:
        low = await api("PUT", ON_EVSE, profile())
        high = await api(
            "PUT", ON_EVSE, profile("TxDefaultProfile", schedule(32), id=8, stackLevel=9)
        )
        _, sent = said(heard)

    assert (low.body["response"], code(low)) == ("Accepted", None)
    assert (high.body["response"], code(high)) == ("Accepted", "Clamped")
    assert sent["stackLevel"] == 0
    [period] = sent["chargingSchedule"][0]["chargingSchedulePeriod"]
    assert period["limit"] == 32.0


@pytest.mark.parametrize(("version", "told"), [("1.6", "Replaced"), ("2.0.1", "DuplicateProfile")])
async def test_two_profiles_at_the_same_place_and_level(
    api: Api, connect: Connect, version: str, told: str
) -> None:
    await api.enrol()
    async with answering(await connect(version=version)):
        await api("PUT", ON_EVSE, profile())
        got = await api("PUT", ON_EVSE, profile(id=8))

    accepted = version == "1.6"  # §3.13.2; K01.FR.06
    assert got.body["response"] == ("Accepted" if accepted else "Rejected")
    assert code(got) == told
    assert [one.profile_id for one in await kept(api)] == [8 if accepted else 7]


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_id_that_is_there_is_replaced_wherever_it_is(
    api: Api, connect: Connect, version: str
) -> None:
    await api.enrol()
    async with answering(await connect(version=version)):
        await api("PUT", ON_EVSE, profile())
        moved = await api("PUT", ON_STATION, profile("ChargingStationMaxProfile", schedule(9)))

    assert moved.body == {"response": "Accepted"}  # K01.FR.05
    assert [(one.profile_id, one.evse_id) for one in await kept(api)] == [(7, 0)]
    lying = await api.storage.charging_profiles.installed(api.charger_key("CP-1"))
    assert [one.evse_id for one in lying] == [0]


async def test_a_condition_is_acted_on_and_not_sent(api: Api, connect: Connect) -> None:
    await api.enrol()
    fallback = profile(condition={"whenNoCloudConnection": True}, stackLevel=None)
    ability = {"key": "ChargeProfileMaxStackLevel", "value": "3"}
    async with answering(
        await connect(), GetConfiguration={"configurationKey": [ability]}
    ) as heard:
        live = profile("TxDefaultProfile", schedule(10), id=8)
        for body in (live, fallback):
            assert (await api("PUT", ON_EVSE, body)).body == {"response": "Accepted"}
        assert all("condition" not in said([one])[1] for one in heard if "Set" in one[0])
    lying = {
        one.stack_level: one.profile["chargingSchedule"][0]["chargingSchedulePeriod"][0]["limit"]
        for one in await api.storage.charging_profiles.installed(api.charger_key("CP-1"))
    }

    assert lying == {0: 16.0, 1: 10.0}  # item 8: what holds without us lies below
    assert {one.profile_id: one.stack_level for one in await kept(api)} == {7: 1000, 8: 0}


async def test_a_condition_is_one_of_two(api: Api, connect: Connect) -> None:
    await api.enrol()
    both = {"whenNoCloudConnection": True, "whenSessionNotAuthorized": True}
    async with answering(await connect()):
        got = await api("PUT", ON_EVSE, profile(condition=both))
        assert got.fields == {"chargingProfile.condition"}  # item 9
        either = {**both, "whenNoCloudConnection": False}
        assert code(await api("PUT", ON_EVSE, profile(condition=either))) == "Emulated"


async def test_where_nothing_can_lie_below_there_is_no_fallback(api: Api, connect: Connect) -> None:
    await api.enrol()
    least = {"key": "ChargingScheduleMaxPeriods", "value": "1"}
    async with answering(await connect(), GetConfiguration={"configurationKey": [least]}):
        got = await api("PUT", ON_EVSE, profile(condition={"whenNoCloudConnection": True}))

    assert (got.body["response"], code(got)) == ("Rejected", "StackLevelTooLow")


async def test_many_profiles_are_too_many(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect(version="2.0.1")):
        for n in range(50):
            await api("PUT", ON_STATION, profile(id=n + 1, stackLevel=n))
        got = await api("PUT", ON_STATION, profile(id=99, stackLevel=99))
        again = await api("PUT", ON_STATION, profile(id=1, stackLevel=0))

    assert (got.body["response"], code(got)) == ("Rejected", "TooManyElements")
    assert again.body["response"] == "Accepted"


# ---- what is refused before the charger is asked ----


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "chargingProfile"),
        ({"chargingProfile": {}}, "chargingProfile.chargingSchedule"),
        ({**profile(), "x": 1}, "x"),
        (profile(x=1), "chargingProfile.x"),
        (profile("ChargePointMaxProfile"), "chargingProfile.chargingProfilePurpose"),
        (profile("ChargingStationMaxProfile"), "chargingProfile.chargingProfilePurpose"),
        (profile("PriorityCharging"), "chargingProfile.chargingProfilePurpose"),
        (profile("LocalGeneration"), "chargingProfile.chargingProfilePurpose"),
        (profile(chargingProfileKind="Dynamic"), "chargingProfile.chargingProfileKind"),
        (profile(chargingProfileKind="Recurring"), "chargingProfile.recurrencyKind"),
        (profile(recurrencyKind="Daily"), "chargingProfile.recurrencyKind"),
        (profile(transactionId="4711"), "chargingProfile.transactionId"),
        (profile(transactionId="x" * 37), "chargingProfile.transactionId"),
        (profile(id=0), "chargingProfile.id"),
        (profile(id=1 << 31), "chargingProfile.id"),
        (profile(id=3000), "chargingProfile.id"),
        (profile(id=4152), "chargingProfile.id"),
        (profile(id=1_000_000), "chargingProfile.id"),
        (profile(stackLevel=-1), "chargingProfile.stackLevel"),
        (profile(validTo="2026-11-21T10:00:00Z"), "chargingProfile.validTo"),
        (profile(validTo="2026-11-22T10:00:00"), "chargingProfile.validTo"),
        (profile(validFrom="soon"), "chargingProfile.validFrom"),
        (profile(customData={"no": "vendor"}), "chargingProfile.customData"),
        (profile(customData={**CUSTOM, "x": "y" * 8192}), "chargingProfile.customData"),
        (profile(meta={"x": "y" * 8192}), "chargingProfile.meta"),
        (profile("TxDefaultProfile", schedule(), schedule()), "chargingProfile.chargingSchedule"),
        (profile("TxProfile", *[schedule()] * 4), "chargingProfile.chargingSchedule"),
        (profile("TxDefaultProfile", schedule(duration=0)), f"{FIRST}.duration"),
        (profile("TxDefaultProfile", schedule(duration=-1)), f"{FIRST}.duration"),
        (profile("TxDefaultProfile", schedule(chargingRateUnit="kW")), f"{FIRST}.chargingRateUnit"),
        (profile("TxDefaultProfile", schedule(-1)), f"{PERIOD}.limit"),
        (profile("TxDefaultProfile", schedule(1e9)), f"{PERIOD}.limit"),
        (profile("TxDefaultProfile", schedule(period={"startPeriod": 1})), f"{PERIOD}.startPeriod"),
        (
            profile("TxDefaultProfile", schedule(period={"numberPhases": 0})),
            f"{PERIOD}.numberPhases",
        ),
        (profile("TxDefaultProfile", schedule(period={"phaseToUse": 1})), f"{PERIOD}.phaseToUse"),
        (
            profile("TxDefaultProfile", schedule(chargingSchedulePeriod=[])),
            f"{FIRST}.chargingSchedulePeriod",
        ),
    ],
)
async def test_a_profile_that_cannot_be_is_named(
    api: Api, connect: Connect, body: Any, field: str
) -> None:
    await api.enrol()
    async with answering(await connect(version="2.0.1")) as heard:
        got = await api("PUT", ON_EVSE, body)

    assert field in got.fields
    assert "SetChargingProfile" not in dict(heard)


@pytest.mark.parametrize("most", [25, 1025, 10_000])
async def test_a_schedule_of_too_many_periods(api: Api, connect: Connect, most: int) -> None:
    await api.enrol()
    periods = [{"startPeriod": n, "limit": 6} for n in range(most)]
    async with answering(await connect()):
        body = profile("TxDefaultProfile", schedule(chargingSchedulePeriod=periods))
        got = await api("PUT", ON_EVSE, body)

    assert got.fields == {f"{FIRST}.chargingSchedulePeriod"}


async def test_not_a_number_is_not_json(api: Api) -> None:
    await api.enrol()
    got = await api("PUT", ON_EVSE, text='{"chargingProfile": {"id": NaN}}')

    assert got.error == (400, "invalid_json")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (
            profile("TxProfile", schedule(), schedule(), transactionId="4711"),
            {"chargingProfile.chargingSchedule.1"},
        ),
        (
            profile(
                "TxDefaultProfile",
                schedule(
                    salesTariff={
                        "id": 1,
                        "salesTariffEntry": [{"relativeTimeInterval": {"start": 0}}],
                    },
                    period={"numberPhases": 1, "phaseToUse": 1},
                ),
            ),
            {f"{FIRST}.salesTariff", f"{PERIOD}.phaseToUse"},
        ),
    ],
)
async def test_what_1_6_cannot_say_is_refused(
    api: Api, connect: Connect, body: Any, fields: set[str]
) -> None:
    await api.enrol()
    await begin(api)
    async with answering(await connect()):
        assert (await api("PUT", ON_EVSE, body)).fields == fields
    async with answering(await connect(version="2.0.1")):
        assert (await api("PUT", ON_EVSE, body)).body == {"response": "Accepted"}


async def test_custom_data_is_left_out_on_1_6_and_named(api: Api, connect: Connect) -> None:
    await api.enrol()
    body = profile("TxDefaultProfile", schedule(customData=CUSTOM), customData=CUSTOM)
    async with answering(await connect()) as heard:
        got = await api("PUT", ON_EVSE, body)

    assert (got.body["response"], code(got)) == ("Accepted", "LeftOut")
    assert "chargingSchedule.0.customData" in got.body["statusInfo"]["additionalInfo"]
    assert "customData" not in str(heard)


async def test_what_only_2_1_can_say(api: Api, connect: Connect) -> None:
    await api.enrol()
    body = profile("TxDefaultProfile", schedule(period={"preconditioningRequest": True}))
    async with answering(await connect(version="2.0.1")):
        got = await api("PUT", ON_EVSE, body)
        assert got.fields == {f"{PERIOD}.preconditioningRequest"}
    async with answering(await connect(version="2.1")):
        assert (await api("PUT", ON_EVSE, body)).body == {"response": "Accepted"}


def variable(name: str, value: str) -> dict[str, Any]:
    return {
        "attributeStatus": "Accepted",
        "attributeValue": value,
        "component": {"name": "SmartChargingCtrlr"},
        "variable": {"name": name},
    }


async def test_purposes_and_kinds_of_2_1_need_a_station_that_says_so(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    told = [
        variable("SupportedAdditionalPurposes", "PriorityCharging,LocalGeneration"),
        variable("SupportsDynamicProfiles", "true"),
    ]
    dynamic = profile(chargingProfileKind="Dynamic", dynUpdateInterval=60, id=8)
    async with answering(
        await connect(version="2.1"), GetVariables={"getVariableResult": told}
    ) as heard:
        for body in (profile("PriorityCharging"), dynamic):
            assert (await api("PUT", ON_EVSE, body)).body == {"response": "Accepted"}  # item 5
            asked, sent = body["chargingProfile"], said(heard)[1]
            for name in ("chargingProfilePurpose", "chargingProfileKind", "dynUpdateInterval"):
                assert sent.get(name) == asked.get(name)
        by_evse = await api("DELETE", ON_EVSE)

    assert by_evse.body == {"response": "Accepted"}
    assert await kept(api) == []


async def test_a_unit_that_the_charger_does_not_take(api: Api, connect: Connect) -> None:
    await api.enrol()
    unit = {"key": "ChargingScheduleAllowedChargingRateUnit", "value": "Power"}
    async with answering(await connect(), GetConfiguration={"configurationKey": [unit]}):
        assert (await api("PUT", ON_EVSE, profile())).fields == {f"{FIRST}.chargingRateUnit"}


async def test_an_id_of_a_power_limit_is_not_taken_from_it(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect()):
        assert (await api("PUT", ON_EVSE, profile(id=3012))).status == 200  # of its own scope
        await api("POST", CLEAR, {"chargingProfileId": 3012})
        await api("PUT", LIMIT, {"limit": {"acMaxPowerA": 10}})
        for path, id in ((ON_EVSE, 3012), (ON_STATION, 3000)):  # a TxDefaultProfile is no maximum
            assert (await api("PUT", path, profile(id=id))).fields == {"chargingProfile.id"}


# ---- beside others ----


async def test_a_profile_is_never_above_a_power_limit(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect(version="2.0.1")) as heard:
        await api("PUT", LIMIT, {"limit": {"acMaxPowerA": 10}})
        assert (await api("PUT", ON_EVSE, profile())).body["response"] == "Accepted"
        limits = [
            period["limit"]
            for one in said(heard)[1]["chargingSchedule"]
            for period in one["chargingSchedulePeriod"]
        ]
        assert max(limits) == 10.0

        # K10, item 12: what the limit still needs goes out again, or stays.
        heard.clear()
        everything = {"chargingProfileCriteria": {"chargingProfilePurpose": "TxDefaultProfile"}}
        assert (await api("POST", CLEAR, everything)).body == {"response": "Accepted"}
        assert "ClearChargingProfile" not in dict(heard)
        assert [one.profile_id for one in await kept(api)] == [3012]
        assert (await api("POST", CLEAR, {"chargingProfileId": 3012})).body == {
            "response": "Unknown"
        }
        assert [one.profile_id for one in await kept(api)] == [3012]


async def test_what_a_target_has_set_stays(api: Api, connect: Connect) -> None:
    enrolled = await api.enrol_with_proxy()
    target = ChargingProfile(
        key=api.charger_key("CP-1"),
        owner=enrolled["proxy_configuration"]["id"],
        profile_id=7,
        evse_id=2,
        purpose="TxDefaultProfile",
        stack_level=0,
        profile=profile()["chargingProfile"],
        created_at=api.clock.now(),
    )
    await api.storage.charging_profiles.note_put(target)
    async with answering(await connect()):
        got = await api("POST", CLEAR, {"chargingProfileId": 7})
        criteria = await api("POST", CLEAR, {"chargingProfileCriteria": {"evseId": 2}})

    assert criteria.body == {"response": "Unknown"}
    assert got.status == 200
    assert [one.owner for one in await kept(api)] == [target.owner]


# ---- taking back ----


async def test_an_id_from_before_us_is_asked_of_the_charger(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect(), ClearChargingProfile={"status": "Unknown"}) as heard:
        got = await api("POST", CLEAR, {"chargingProfileId": 55})
        assert (got.body, heard[-1]) == (
            {"response": "Unknown"},
            ("ClearChargingProfile", {"id": 55}),
        )
        heard.clear()
        for kept_for_others in (3012, 1_000_010):
            body = {"chargingProfileId": kept_for_others}
            assert (await api("POST", CLEAR, body)).body == {"response": "Unknown"}
        assert heard == []


async def test_an_id_stands_alone(api: Api, connect: Connect) -> None:
    await api.enrol()
    body = {"chargingProfileId": 7, "chargingProfileCriteria": {"stackLevel": 5}}
    async with answering(await connect()):
        await api("PUT", ON_EVSE, profile())
        assert (await api("DELETE", ON_STATION, body)).body == {"response": "Accepted"}  # K10.FR.02


async def test_an_evse_is_a_criterion_by_itself(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect(version="2.0.1")):
        await api("PUT", ON_EVSE, profile())
        await api("PUT", ON_STATION, profile(id=8))
        assert (await api("DELETE", ON_EVSE, {"chargingProfileId": 8})).body == {
            "response": "Unknown"
        }
        assert (await api("DELETE", ON_EVSE)).body == {"response": "Accepted"}

    assert [one.profile_id for one in await kept(api)] == [8]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (ON_STATION, None, "chargingProfileId"),
        (ON_STATION, {}, "chargingProfileId"),
        (ON_STATION, {"chargingProfileCriteria": {}}, "chargingProfileId"),
        (ON_STATION, {"chargingProfileId": "7"}, "chargingProfileId"),
        (ON_STATION, {"id": 7}, "id"),
        (
            ON_STATION,
            {"chargingProfileCriteria": {"chargingProfilePurpose": "LocalGeneration"}},
            "chargingProfileCriteria.chargingProfilePurpose",
        ),
        (
            ON_EVSE,
            {"chargingProfileCriteria": {"evseId": 1}},
            "chargingProfileCriteria.evseId",
        ),
    ],
)
async def test_what_cannot_be_taken_back_is_named(
    api: Api, connect: Connect, path: str, body: Any, field: str
) -> None:
    await api.enrol()
    async with answering(await connect()) as heard:
        assert (await api("DELETE", path, body)).fields == {field}

    assert heard == []


# ---- what may go wrong ----


async def test_the_reason_of_the_charger_stays(api: Api, connect: Connect) -> None:
    await api.enrol()
    own = {"reasonCode": "OutOfMemory", "additionalInfo": "Full.", "customData": CUSTOM}
    refusing = {"status": "Rejected", "statusInfo": own}
    none = {"status": "NoProfiles"}
    box = await connect(version="2.0.1")
    async with answering(box, SetChargingProfile=refusing, GetChargingProfiles=none):
        got = await api("PUT", ON_STATION, profile(EXTERNAL))

    info = got.body["statusInfo"]
    assert got.body["response"] == "Rejected"
    assert (info["reasonCode"], info["customData"]) == ("OutOfMemory", CUSTOM)  # item 15
    assert info["additionalInfo"] == "Full. Sent as ChargingStationMaxProfile."
    assert await kept(api) == []


async def test_one_that_1_6_does_not_do(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with answering(await connect(), SetChargingProfile={"status": "NotSupported"}):
        got = await api("PUT", ON_EVSE, profile())

    assert (got.body["response"], code(got)) == ("Rejected", "NotSupported")


@pytest.mark.parametrize("version", VERSIONS)
async def test_one_that_the_charger_has_never_heard_of(
    api: Api, connect: Connect, version: str
) -> None:
    await api.enrol()
    charger: LiveCharger = await connect(version=version)
    async with answering(charger, SetChargingProfile="NotImplemented"):
        got = await api("PUT", ON_EVSE, profile())

    assert got.error == (502, "charger_error")
    assert got.body["charger_error"]["code"] == "NotImplemented"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", ON_EVSE, profile()),
        ("PUT", ON_STATION, profile()),
        ("DELETE", ON_EVSE, None),
        ("DELETE", ON_STATION, {"chargingProfileId": 7}),
        ("POST", CLEAR, {"chargingProfileId": 7}),
    ],
)
async def test_without_the_charger_nothing_is_put(
    api: Api, method: str, path: str, body: Any
) -> None:
    await api.enrol()

    assert (await api(method, path, body)).error == (409, "charger_offline")
    assert (await api(method, path.replace("CP-1", "CP-2"), body)).error[0] == 404
    reader = await api.with_scope("read")
    assert (await reader(method, path, body)).status == 401


async def test_an_evse_that_the_charger_has_not(api: Api, connect: Connect) -> None:
    await api.enrol()
    api.storage.chargers.note_status(api.charger_key("CP-1"), 1, 1, "Available", b"{}")
    await api.storage.journal.flush()
    async with answering(await connect()):
        assert (await api("PUT", ON_EVSE, profile())).error == (404, "not_found")
        assert (await api("DELETE", ON_EVSE)).error == (404, "not_found")
        there = f"{STATION}/evses/1/chargingProfile"
        assert (await api("PUT", there, profile())).status == 200
