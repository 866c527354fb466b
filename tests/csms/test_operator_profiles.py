"""The operator's profiles, in the words of any version and with a start; the API's tests have more.

What is sent and answered by route: tests/api/test_charging_profiles.py.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.commands import Outcome, PutProfile, RemoteStart, RemoveProfiles
from csms.drafts import drafted, start_draft
from csms.errors import InvalidCommand
from csms.limits import Abilities
from csms.operator_profiles import from_request, ready_start
from csms.parties import PLATFORM
from csms.profile_lint import Place, flaws_of_any, flaws_of_ours
from csms.profile_words import Words, left_out, unsayable
from csms.schedules import TX, TX_DEFAULT
from csms.schemas import Schemas
from tests.csms.wishes import NOW, made, transaction, wish
from tests.proxy.stage import OCPP16, OCPP21, OCPP201, Device, Stage, says, staged

SET, CLEAR = "SetChargingProfile", "ClearChargingProfile"
VERSIONS = {"1.6": OCPP16, "2.0.1": OCPP201, "2.1": OCPP21}
ACCEPTED = says({"status": "Accepted"})
BEGAN = "2026-11-21T00:00:00Z"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as stage:
        yield stage


@contextlib.asynccontextmanager
async def connected(stage: Stage, version: str) -> AsyncIterator[Device]:
    async with stage.charger(await stage.enrol(), VERSIONS[version]) as device:
        device.answers.update({SET: ACCEPTED, CLEAR: ACCEPTED})
        device.answers["GetVariables"] = says({"getVariableResult": []})
        yield device


def profile(purpose: str = TX_DEFAULT, **more: Any) -> dict[str, Any]:
    schedule = {
        "startSchedule": BEGAN,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
    }
    return {
        "id": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [{"id": 1, **schedule}],
        **more,
    }


async def ask(device: Device, version: str, action: str, fields: dict[str, Any]) -> Outcome:
    """Ask as `commands/{Action}` does: in the words of the version."""
    assert device.connection.station.schemas.request(action, fields) is None
    return await device.connection.station.perform(from_request(version, action, fields))


# ---- untyped (smart-charging item 17) ----


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_requests_of_ocpp_run_through_the_same_code(stage: Stage, version: str) -> None:
    words = Words.of(version)
    own = words.write(profile())
    async with connected(stage, version) as device:
        put = await ask(device, version, SET, {words.evse: 1, words.profile: own})
        assert (put.status, put.response) == ("Accepted", {"status": "Accepted"})
        [sent] = device.payloads(SET)
        assert sent[words.evse] == 1

        limited = {"id": 3006} if version == "1.6" else {"chargingProfileId": 3006}
        assert (await ask(device, version, CLEAR, limited)).status == "Unknown"
        named = {words.evse: 1, "stackLevel": 0}
        criteria = named if version == "1.6" else {"chargingProfileCriteria": named}
        assert (await ask(device, version, CLEAR, criteria)).status == "Accepted"
        assert len(device.payloads(CLEAR)) == 1


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_is_told_is_in_the_response_where_ocpp_has_a_place_for_it(
    stage: Stage, version: str
) -> None:
    words = Words.of(version)
    async with connected(stage, version) as device:
        for id in (7, 8):
            own = words.write(profile(id=id))
            got = await ask(device, version, SET, {words.evse: 1, words.profile: own})
        schemas = device.connection.station.schemas

    assert got.status_info is not None
    assert got.status_info["reasonCode"] == ("Replaced" if version == "1.6" else "DuplicateProfile")
    told = {"statusInfo": got.status_info} if words.reasons else {}
    assert got.response == {"status": got.status, **told}
    assert schemas.response(SET, got.response) is None


@pytest.mark.parametrize("version", VERSIONS)
async def test_nothing_is_not_everything(stage: Stage, version: str) -> None:
    async with connected(stage, version) as device:
        with pytest.raises(InvalidCommand) as refused:
            await ask(device, version, CLEAR, {})

    named = "id" if version == "1.6" else "chargingProfileId"
    assert set(refused.value.fields) == {named}  # item 12


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_request_of_ocpp_is_looked_through_too(stage: Stage, version: str) -> None:
    words = Words.of(version)
    own = profile()
    own["chargingSchedule"][0]["duration"] = -1
    async with connected(stage, version) as device:
        with pytest.raises(InvalidCommand) as refused:
            await ask(device, version, SET, {words.evse: 1, words.profile: words.write(own)})
        assert not device.payloads(SET)

    old = "csChargingProfiles.chargingSchedule.duration"
    new = "chargingProfile.chargingSchedule.0.duration"
    assert set(refused.value.fields) == {old if version == "1.6" else new}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("evse_id", [-1, 190])
async def test_an_evse_that_no_charger_has(stage: Stage, version: str, evse_id: int) -> None:
    words = Words.of(version)
    fields = {words.evse: evse_id, words.profile: words.write(profile())}
    async with connected(stage, version) as device:
        with pytest.raises(InvalidCommand) as refused:
            await device.connection.station.perform(from_request(version, SET, fields))

    assert set(refused.value.fields) == {words.evse}


def test_what_is_read_of_a_request() -> None:
    said = {"connectorId": 2, "csChargingProfiles": Words.of("1.6").write(profile())}
    command = from_request("1.6", SET, said)
    assert isinstance(command, PutProfile)
    assert (command.evse_id, command.profile["id"], command.meta) == (2, 7, {})

    assert from_request("2.0.1", CLEAR, {"chargingProfileId": 5}) == RemoveProfiles(profile_id=5)


async def test_two_that_come_at_the_same_time_get_ids_of_their_own(stage: Stage) -> None:
    nameless = profile()
    del nameless["id"]
    start = RemoteStart(1, "CARD", profile={**nameless, "chargingProfilePurpose": TX})
    async with connected(stage, "2.0.1") as device:
        device.answers["RequestStartTransaction"] = ACCEPTED
        station = device.connection.station
        for evse_id in (1, 2):
            await station.profiles.abilities(evse_id)
        commands = (PutProfile(1, nameless), PutProfile(2, nameless), start)
        outcomes = await asyncio.gather(*(station.perform(one) for one in commands))
        wishes = await station.profiles.wishes(PLATFORM)

    assert [one.status for one in outcomes] == ["Accepted"] * 3
    assert [one.profile_id for one in wishes] == [5283, 5284, 5285]


# ---- whatever a schema allows ----


def mostly(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw what is usual, and now and then what a schema allows all the same."""
    return st.integers(0, 29).flatmap(lambda one: usual if one else odd)


NUMBERS = st.integers(-(2**63), 2**63 - 1)
SMALL = mostly(st.integers(1, 2999), NUMBERS)
AMOUNTS = mostly(
    st.integers(0, 50_000) | st.floats(0, 50_000),
    NUMBERS | st.floats(allow_nan=False, allow_infinity=False),
)
PAST = mostly(
    st.sampled_from([BEGAN, "2026-11-20T23:00:00.5+14:00", "2026-11-21"]),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon", ""]),
)
FUTURE = st.sampled_from(["2026-11-23T00:00:00.5Z", "9999-12-31T23:59:59-14:00", BEGAN])
STARTS = mostly(
    st.lists(st.integers(1, 90_000), max_size=3, unique=True).map(lambda more: [0, *sorted(more)]),
    st.lists(NUMBERS, min_size=1, max_size=3),
)


def periods(starts: list[int]) -> st.SearchStrategy[Any]:
    more = {"numberPhases": mostly(st.integers(1, 3), NUMBERS), "phaseToUse": st.integers(1, 4)}
    each = (
        st.fixed_dictionaries({"startPeriod": st.just(start), "limit": AMOUNTS}, optional=more)
        for start in starts
    )
    return st.tuples(*each).map(list)


SCHEDULES = st.fixed_dictionaries(
    {
        "id": SMALL,
        "chargingRateUnit": st.sampled_from("AW"),
        "chargingSchedulePeriod": STARTS.flatmap(periods),
    },
    optional={
        "startSchedule": PAST,
        "duration": mostly(st.integers(80_000, 99_000), NUMBERS),
        "minChargingRate": AMOUNTS,
        "customData": st.just({"vendorId": "x"}),
    },
)
PROFILES = st.fixed_dictionaries(
    {
        "id": SMALL,
        "stackLevel": SMALL,
        "chargingProfilePurpose": st.sampled_from(
            [TX_DEFAULT, TX, "ChargingStationMaxProfile", "ChargingStationExternalConstraints"]
        ),
        "chargingProfileKind": st.sampled_from(["Absolute", "Recurring", "Relative"]),
        "chargingSchedule": mostly(
            SCHEDULES.map(lambda one: [one]), st.lists(SCHEDULES, min_size=1, max_size=2)
        ),
    },
    optional={
        "recurrencyKind": st.sampled_from(["Daily", "Weekly"]),
        "validFrom": PAST,
        "validTo": FUTURE,
        "transactionId": st.sampled_from(["T", "5", "no"]),
    },
)


@given(PROFILES, st.integers(0, 2), st.sampled_from(sorted(VERSIONS)))
def test_whatever_a_schema_allows_is_refused_by_name_or_can_be_planned(
    asked: dict[str, Any], evse_id: int, version: str
) -> None:
    running = transaction("T", 1)
    draft = drafted(asked, evse_id, [running], NOW)
    at = Place(draft.evse_id, draft.profile, draft.transaction, Abilities())
    flaws = list(flaws_of_any(at)) or [*flaws_of_ours(at, NOW), *unsayable(version, at.profile)]
    left_out(version, at.profile)
    list(flaws_of_any(at._replace(profile=start_draft(asked, 1, NOW).profile, starting=True)))
    if flaws:
        return
    bound = "T" if at.transaction else None
    planned = made([wish(0, at.profile, at.evse_id, transaction_id=bound)], Abilities())

    words, schemas = Words.of(version), Schemas(version)
    for one in planned.profiles:
        sent = words.write({**one.profile, "transactionId": "5"} if bound else one.profile)
        fields = orjson.loads(orjson.dumps({words.evse: one.place.evse_id, words.profile: sent}))
        assert schemas.request(SET, fields) is None


# ---- with a start (item 13) ----


async def test_the_profile_of_a_start_is_made_ready(stage: Stage) -> None:
    async with connected(stage, "2.0.1") as device:
        station = device.connection.station
        asked = profile("ChargingStationExternalConstraints", transactionId="old", stackLevel=3)
        del asked["id"]
        ready = await ready_start(station, 1, asked, {"comment": "x"})

    made_of_it = ready.wish.profile
    assert (ready.wish.purpose, ready.wish.transaction_id) == (TX, None)
    assert "transactionId" not in made_of_it
    assert (made_of_it["id"], ready.wish.stack_level) == (5283, 3)
    assert ready.wish.meta == {"comment": "x"}
    assert [one.code for one in ready.told] == ["PurposeChanged", "Clamped", "IdAssigned"]


@pytest.mark.parametrize(
    ("more", "meta", "field"),
    [
        ({"id": 3000}, {}, "id"),
        ({"chargingProfileKind": "Recurring"}, {}, "recurrencyKind"),
        ({}, {"condition": "whenNoCloudConnection"}, "condition"),
    ],
)
async def test_the_profile_of_a_start_is_looked_through(
    stage: Stage, more: dict[str, Any], meta: dict[str, Any], field: str
) -> None:
    async with connected(stage, "1.6") as device:
        with pytest.raises(InvalidCommand) as refused:
            await ready_start(device.connection.station, 1, profile(TX, **more), meta)

    assert set(refused.value.fields) == {f"chargingProfile.{field}"}


async def test_a_start_takes_its_profile_along(stage: Stage) -> None:
    async with connected(stage, "1.6") as device:
        device.answers["RemoteStartTransaction"] = ACCEPTED
        start = RemoteStart(1, "CARD", profile=profile(TX_DEFAULT))
        outcome = await device.connection.station.perform(start)
        [sent] = device.payloads("RemoteStartTransaction")

    assert outcome.status_info is not None
    assert outcome.status_info["reasonCode"] == "PurposeChanged"
    assert sent["chargingProfile"]["chargingProfilePurpose"] == TX
    assert "transactionId" not in sent["chargingProfile"]
