"""Every action of a charger's OCPP version, by its name and in its words."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from api.actions import check_action
from api.errors import NotFound
from csms.numbers import OF_THE_PLATFORM
from csms.requests import actions_of
from csms.schemas import Schemas
from csms.stations import STATIONS
from storage.repositories.commands import Before
from tests.api.conftest import Answer, Api, Connect, live
from tests.api.robot import robot
from tests.schema_payloads import minimal

pytestmark = pytest.mark.one_of_each("many ways to ask the same")

STATION = "/api/chargingStations/CP-1"
KINDS = {kind.version: kind for kind in STATIONS.values()}
EVERY = sorted((version, action) for version, kind in KINDS.items() for action in actions_of(kind))
PROFILE = {
    "chargingProfileId": 9001,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
    },
}
PROFILE201 = {
    "id": 9001,
    **{name: value for name, value in PROFILE.items() if name != "chargingProfileId"},
    "chargingSchedule": [{"id": 1, **PROFILE["chargingSchedule"]}],  # type: ignore[dict-item] # of several types
}
NETWORK_PROFILE = {
    "configurationSlot": 1,
    "connectionData": {
        "ocppVersion": "OCPP20",
        "ocppTransport": "JSON",
        "ocppCsmsUrl": "wss://csms.example",
        "messageTimeout": 30,
        "securityProfile": 1,
        "ocppInterface": "Wired0",
    },
}
# Where the least that the schema allows is refused for other reasons than OCPP's.
BODIES: dict[tuple[str, str], Any] = {
    ("1.6", "SetChargingProfile"): {"connectorId": 1, "csChargingProfiles": PROFILE},
    ("1.6", "ClearChargingProfile"): {"id": 77_777},
    ("1.6", "ReserveNow"): {
        "connectorId": 1,
        "expiryDate": "2026-11-21T12:00:00Z",
        "idTag": "CARD",
        "reservationId": 5,
    },
    **{(version, "SetNetworkProfile"): NETWORK_PROFILE for version in ("2.0.1", "2.1")},
    **{
        (version, "SetChargingProfile"): {"evseId": 1, "chargingProfile": PROFILE201}
        for version in ("2.0.1", "2.1")
    },
    **{
        (version, "ClearChargingProfile"): {"chargingProfileId": 77_777}
        for version in ("2.0.1", "2.1")
    },
}


async def ask(api: Api, action: str, body: Any = None) -> Answer:
    return await api("POST", f"{STATION}/commands/{action}", {} if body is None else body)


async def newest(api: Api) -> Any:
    (command, *_) = (await api.get(f"{STATION}/commands"))["commands"]
    return command


@pytest.mark.parametrize("version", KINDS)
async def test_every_action_of_the_version_reaches_the_charger(
    api: Api, connect: Connect, version: str
) -> None:
    await api.enrol(allowed_versions=[version])
    charger = await connect(version=version)
    schemas = Schemas(version)
    async with robot(charger.peer, version) as machine:
        for action in sorted(actions_of(KINDS[version])):
            body = BODIES.get((version, action), minimal(version, action))
            got = await ask(api, action, body)

            assert got.status == 200, f"{action}: {got.text}"
            assert schemas.response(action, got.body) is None, action
            assert (await newest(api))["action"] == action
            sent = machine.payloads(action)
            assert sent, action
            assert schemas.request(action, sent[-1]) is None, action


async def test_the_body_is_the_request_and_the_answer_the_response(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    told = {"configurationKey": [{"key": "Vendor", "readonly": False, "value": "6.0"}]}
    async with robot((await connect()).peer, GetConfiguration=told) as machine:
        got = await ask(api, "GetConfiguration", {"key": ["Vendor"]})

    assert (got.status, got.body) == (200, told)
    assert machine.asked == [("GetConfiguration", {"key": ["Vendor"]})]
    command = await newest(api)
    assert (command["state"], command["response"]) == ("answered", told)


async def test_without_a_body_nothing_is_in_the_request(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with robot((await connect()).peer) as machine:
        got = await api("POST", f"{STATION}/commands/ClearCache")

    assert got.body == {"status": "Accepted"}
    assert machine.asked == [("ClearCache", {})]


@pytest.mark.parametrize(
    ("action", "body", "fields"),
    [
        ("ChangeConfiguration", {"key": "A"}, {"value"}),
        ("ChangeConfiguration", {"key": "A" * 51, "value": 7, "more": 1}, {"key", "value", "more"}),
        ("TriggerMessage", {"requestedMessage": "Gossip"}, {"requestedMessage"}),
        ("UnlockConnector", {"connectorId": "1"}, {"connectorId"}),
        ("SendLocalList", {"listVersion": 1, "updateType": "Full",
                           "localAuthorizationList": [{"idTag": 7}]},
         {"localAuthorizationList.0.idTag"}),
        ("GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"}, {"Action"}),
        ("Authorize2", {}, None),
    ],
)  # fmt: skip
async def test_what_the_version_cannot_say_is_not_sent(
    api: Api, connect: Connect, action: str, body: Any, fields: set[str] | None
) -> None:
    await api.enrol()
    charger = await connect()
    got = await ask(api, action, body)

    assert got.error[0] == (404 if fields is None else 422)
    assert fields is None or got.fields == fields
    assert charger.peer.socket.unread == 0
    assert (await api.get(f"{STATION}/commands"))["commands"] == []


@pytest.mark.parametrize("action", ["Heartbeat", "StartTransaction", "Nonsense"])
def test_what_no_version_asks_of_chargers_is_not_there(action: str) -> None:
    with pytest.raises(NotFound):
        check_action(action)


@pytest.mark.parametrize("text", ["[1]", '"x"', "7", "{", "[" * 40 + "]" * 40, '{"a":NaN}'])
async def test_what_is_no_object_of_json_is_refused(api: Api, connect: Connect, text: str) -> None:
    await api.enrol()
    await connect()
    got = await api("POST", f"{STATION}/commands/DataTransfer", text=text)

    assert got.status in {400, 422}, got.text


async def test_a_body_of_a_megabyte_passes_and_a_larger_one_does_not(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    async with robot((await connect()).peer) as machine:
        large = {"vendorId": "V", "data": "x" * 1_000_000}
        path = f"{STATION}/commands/DataTransfer"
        assert (await api("POST", path, text=orjson.dumps(large))).status == 200
        assert machine.payloads("DataTransfer") == [large]
        got = await api("POST", path, text=orjson.dumps({"vendorId": "V", "data": "x" * (1 << 20)}))

    assert got.error == (413, "too_large")


async def test_an_offline_charger_is_checked_by_what_it_spoke_last(api: Api) -> None:
    await api.enrol()
    assert (await ask(api, "GetReport")).error == (409, "charger_offline")  # nobody knows yet
    key = api.charger_key("CP-1")
    await api.storage.chargers.note_connected(key, api.clock.now(), "1.6")

    assert (await ask(api, "GetReport")).fields == {"Action"}
    assert (await ask(api, "ClearCache", {"x": 1})).fields == {"x"}
    assert (await ask(api, "ClearCache")).error == (409, "charger_offline")


async def test_the_number_of_a_request_is_ours(api: Api, connect: Connect) -> None:
    await api.enrol(allowed_versions=["2.0.1"])
    async with robot((await connect(version="2.0.1")).peer, "2.0.1") as machine:
        for body in (
            {"reportBase": "FullInventory"},
            {"reportBase": "FullInventory", "requestId": 3},
        ):
            assert (await ask(api, "GetBaseReport", body)).status == 200
    first, second = (fields["requestId"] for fields in machine.payloads("GetBaseReport"))

    assert first in OF_THE_PLATFORM
    assert second in OF_THE_PLATFORM
    assert len({first, second, 3}) == 3
    command = await newest(api)
    assert command["requestId"] == command["request"]["requestId"] == second


async def test_a_number_that_the_caller_comes_back_to_is_its_own_below_the_targets(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    body = {"connectorId": 1, "expiryDate": "2026-11-21T12:00:00Z", "idTag": "CARD"}
    async with robot((await connect()).peer) as machine:
        assert (await ask(api, "ReserveNow", {**body, "reservationId": 5})).status == 200
        assert (await ask(api, "ReserveNow", body)).status == 200
        got = await ask(api, "ReserveNow", {**body, "reservationId": 2**30})

    assert got.fields == {"reservationId"}
    five, drawn = (fields["reservationId"] for fields in machine.payloads("ReserveNow"))
    assert five == 5
    assert drawn in OF_THE_PLATFORM


async def test_a_report_is_collected_with_its_progress(api: Api, connect: Connect) -> None:
    await api.enrol(allowed_versions=["2.0.1"])
    charger = await connect(version="2.0.1")
    async with robot(charger.peer, "2.0.1") as machine:
        got = await ask(api, "GetBaseReport", {"reportBase": "SummaryInventory"})
        assert got.body == {"status": "Accepted"}
        command = await newest(api)
        number = machine.payloads("GetBaseReport")[0]["requestId"]
        path = f"{STATION}/commands/{command['commandId']}"
        shown = (await api.get(path))["command"]
        assert (shown["state"], shown["finishedAt"]) == ("collecting", None)
        assert shown["progress"] == {"parts": 0, "complete": False, "lastAt": None}

        for seq, more in ((0, True), (1, True), (2, False)):
            part = {"requestId": number, "seqNo": seq, "generatedAt": "now", "tbc": more}
            await charger.peer.calls("NotifyReport", orjson.dumps(part), f"peer-{seq}")
        await machine_done(api, path)

    shown = (await api.get(path))["command"]
    assert shown["state"] == "complete"
    assert shown["progress"]["complete"] is True
    assert [part["payload"]["seqNo"] for part in shown["parts"]] == [0, 1, 2]
    first = (await api.get(f"{path}?limit=2"))["command"]
    assert [part["payload"]["seqNo"] for part in first["parts"]] == [0, 1]
    rest = (await api.get(f"{path}?limit=2&cursor={first['nextCursor']}"))["command"]
    assert [part["payload"]["seqNo"] for part in rest["parts"]] == [2]
    assert rest["nextCursor"] is None


async def machine_done(api: Api, path: str) -> None:
    async with asyncio.timeout(30):
        while (await api.get(path))["command"]["state"] == "collecting":  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.01)


# ---- what the platform looks after, in whatever words it is asked for ----


async def test_a_token_that_was_started_with_is_accepted_afterwards(
    api: Api, connect: Connect
) -> None:
    await api.enrol(allowed_versions=["2.0.1"])
    asked = {"idToken": {"idToken": "AA:BB", "type": "MacAddress"}, "remoteStartId": 1}
    async with robot((await connect(version="2.0.1")).peer, "2.0.1") as machine:
        assert (await ask(api, "RequestStartTransaction", asked)).status == 200
    sent = machine.payloads("RequestStartTransaction")[0]

    assert sent["idToken"] == asked["idToken"]
    assert sent["remoteStartId"] != 1
    key, now = api.charger_key("CP-1"), api.clock.now()
    await api.storage.group.flush()
    assert await api.storage.id_tokens.accepted_since(key, "AA:BB", now, "platform")


async def test_a_connector_that_is_closed_is_closed_for_targets_too(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    async with robot((await connect()).peer):
        body = {"connectorId": 1, "type": "Inoperative"}
        assert (await ask(api, "ChangeAvailability", body)).body == {"status": "Accepted"}

    (wish,) = await api.storage.availability.of(api.charger_key("CP-1"))
    assert (wish.owner, wish.evse_id, wish.type) == (0, 1, "Inoperative")


async def test_a_profile_of_the_operator_is_kept_beside_its_limits(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    async with robot((await connect()).peer):
        body = BODIES["1.6", "SetChargingProfile"]
        assert (await ask(api, "SetChargingProfile", body)).body == {"status": "Accepted"}

    key = api.charger_key("CP-1")
    kept = await api.storage.charging_profiles.of_owners(key)
    assert [(one.owner, one.profile_id) for one in kept] == [(0, 9001)]


# ---- secrets ----


async def test_a_password_is_neither_set_nor_kept_nor_shown(api: Api, connect: Connect) -> None:
    await api.enrol()
    told = {"configurationKey": [{"key": "AuthorizationKey", "readonly": False, "value": "s3cret"}]}
    async with robot((await connect()).peer, GetConfiguration=told) as machine:
        got = await ask(api, "GetConfiguration")
        assert "s3cret" not in got.text
        assert "AuthorizationKey" in got.text
        body = {"key": "AuthorizationKey", "value": "0011223344556677"}
        assert (await ask(api, "ChangeConfiguration", body)).fields == {"value"}
        assert machine.payloads("ChangeConfiguration") == []
        body = {"key": "VendorPassword", "value": "s3cret"}
        assert (await ask(api, "ChangeConfiguration", body)).status == 200
        assert machine.payloads("ChangeConfiguration") == [body]

    before = Before(api.clock.now().replace(year=2100), "")
    kept = await api.storage.commands.page(api.charger_key("CP-1"), before, 9)
    assert len(kept) == 2
    assert "s3cret" not in repr(kept)


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("InstallCertificate", {"certificateType": "CentralSystemRootCertificate",
                                "certificate": "x"}),
        ("ChangeConfiguration", {"key": "securityprofile", "value": "3"}),
        ("ChangeConfiguration", {"key": " Security_Profile\0", "value": "3"}),
        ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "0011223344556677"}),
    ],
)  # fmt: skip
async def test_what_may_lock_a_charger_out_is_of_admins(
    api: Api, connect: Connect, action: str, body: Any
) -> None:
    await api.enrol()
    charger = await connect()
    operator = await api.with_scope("operate")

    assert (await ask(operator, action, body)).error == (401, "unauthorized")
    assert charger.peer.socket.unread == 0


# ---- what is shared with a target ----


async def test_a_target_keeps_the_finer_metering_that_it_asked_for(
    api: Api, connect: Connect
) -> None:
    enrolled = await api.enrol_with_proxy()
    key, target = api.charger_key("CP-1"), enrolled["proxy_configuration"]["id"]
    name = "MeterValueSampleInterval"
    await api.storage.overlays.note_shared(key, target, name, "30")
    async with robot((await connect()).peer) as machine:
        for value in ("60", "10"):
            got = await ask(api, "ChangeConfiguration", {"key": name, "value": value})
            assert got.body == {"status": "Accepted"}

    assert [fields["value"] for fields in machine.payloads("ChangeConfiguration")] == ["30", "10"]
    assert (await api.storage.overlays.shared(key))[0] == {name: "10"}
    assert (await newest(api))["request"] == {"key": name, "value": "10"}


# ---- when it ends badly ----


async def test_a_charger_that_goes_in_the_middle_leaves_a_record(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    peer = (await connect()).peer
    call = asyncio.create_task(ask(api, "ClearCache"))
    await peer.hears()
    await peer.socket.close(1006, "")

    assert (await call).error == (409, "charger_offline")
    assert (await newest(api))["state"] == "offline"


async def test_a_callerror_is_told_and_kept(api: Api) -> None:
    await api.enrol()
    async with live(api, "CP-1", "1.6") as charger:
        call = asyncio.create_task(ask(api, "GetLocalListVersion"))
        id = (await charger.peer.hears())[1]
        await charger.peer.says(orjson.dumps([4, id, "NotSupported", "no list here", {}]))
        got = await call

    assert got.error == (502, "charger_error")
    assert (await newest(api))["response"]["chargerError"] == {
        "code": "NotSupported",
        "description": "no list here",
    }
