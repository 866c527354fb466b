from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ocpp.v16 import call, call_result
from ocpp.v16.enums import Action
from structlog.testing import capture_logs

from csms import frames
from csms.commands import Outcome, RemoteStop, Reset
from csms.errors import (
    AnswerTimeout,
    BadAnswer,
    CallRefused,
    InvalidCommand,
    LinkClosed,
    MalformedFrame,
    NotStored,
    NotSupported,
)
from csms.frames import Call, CallResult
from csms.schemas import Schemas
from csms.station import on
from csms.station16 import Station16
from csms.stations import STATIONS
from tests.csms.desk import Desk, accepted, received, refused
from tests.doubles import conversation
from tests.schema_payloads import JSON, VERSIONS, full, hostile, minimal

pytestmark = pytest.mark.one_of_each("many payloads")

# The rest is what a charger calls; the library's enums do not tell the direction.
_ASKED = {
    "1.6": """CancelReservation CertificateSigned ChangeAvailability ChangeConfiguration ClearCache
    ClearChargingProfile DataTransfer DeleteCertificate ExtendedTriggerMessage GetCompositeSchedule
    GetConfiguration GetDiagnostics GetInstalledCertificateIds GetLocalListVersion GetLog
    InstallCertificate RemoteStartTransaction RemoteStopTransaction ReserveNow Reset SendLocalList
    SetChargingProfile SignedUpdateFirmware TriggerMessage UnlockConnector UpdateFirmware""",
    "2.0.1": """CancelReservation CertificateSigned ChangeAvailability ClearCache
    ClearChargingProfile ClearDisplayMessage ClearVariableMonitoring CostUpdated CustomerInformation
    DataTransfer DeleteCertificate GetBaseReport GetChargingProfiles GetCompositeSchedule
    GetDisplayMessages GetInstalledCertificateIds GetLocalListVersion GetLog GetMonitoringReport
    GetReport GetTransactionStatus GetVariables InstallCertificate PublishFirmware
    RequestStartTransaction RequestStopTransaction ReserveNow Reset SendLocalList SetChargingProfile
    SetDisplayMessage SetMonitoringBase SetMonitoringLevel SetNetworkProfile SetVariableMonitoring
    SetVariables TriggerMessage UnlockConnector UnpublishFirmware UpdateFirmware""",
    "2.1": """AFRRSignal AdjustPeriodicEventStream ChangeTransactionTariff ClearDERControl
    ClearTariffs GetDERControl GetPeriodicEventStream GetTariffs NotifyAllowedEnergyTransfer
    NotifyWebPaymentStarted RequestBatterySwap SetDERControl SetDefaultTariff UpdateDynamicSchedule
    UsePriorityCharging""",
}
_ASKED["2.1"] += " " + _ASKED["2.0.1"]
ASKED_OF_CHARGERS = {version: set(names.split()) for version, names in _ASKED.items()}
BY_VERSION = {kind.version: kind for kind in STATIONS.values()}
CALLED = [
    (version, action)
    for version in VERSIONS
    for action in sorted(BY_VERSION[version].handlers.keys() - Schemas(version).sends)
]


def test_there_is_a_station_for_each_subprotocol() -> None:
    assert {name: kind.version for name, kind in STATIONS.items()} == {
        "ocpp1.6": "1.6",
        "ocpp2.0.1": "2.0.1",
        "ocpp2.1": "2.1",
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_every_action_of_a_charger_has_its_handler(version: str) -> None:
    asked = ASKED_OF_CHARGERS[version]
    known = Schemas(version).actions

    assert asked <= known
    assert set(BY_VERSION[version].handlers) == known - asked | {"DataTransfer"}


# ---- answering ----


@pytest.mark.parametrize(("version", "action"), CALLED)
async def test_what_follows_its_schema_gets_an_answer_that_does(
    desk: Desk, version: str, action: str
) -> None:
    await accepted(desk.station(version), action, minimal(version, action))
    await accepted(desk.station(version), action, full(version, action))


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_same_answer_goes_out_under_each_message_id(desk: Desk, version: str) -> None:
    station = desk.station(version)
    status = minimal(version, "StatusNotification")

    answers = [
        await station.answer(received("StatusNotification", status, id=id), 0) for id in "123"
    ]

    assert [answer.text for answer in answers] == [b'[3,"%b",{}]' % id for id in (b"1", b"2", b"3")]


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_unknown_action_is_not_implemented(desk: Desk, version: str) -> None:
    for action in ("Frobnicate", "heartbeat", "../Reset", "__class__", "X" * 255):
        assert await refused(desk.station(version), action, {}) == "NotImplemented"


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_action_of_the_other_direction_is_not_supported(desk: Desk, version: str) -> None:
    for action in ASKED_OF_CHARGERS[version] - {"DataTransfer"}:
        assert await refused(desk.station(version), action, {}) == "NotSupported"


@pytest.mark.parametrize(
    ("version", "code"),
    [("1.6", "FormationViolation"), ("2.0.1", "FormatViolation"), ("2.1", "FormatViolation")],
)
@pytest.mark.parametrize("payload", [[], None, "text", 7, True])
async def test_a_payload_that_is_no_object_is_refused(
    desk: Desk, version: str, code: str, payload: Any
) -> None:
    for action in BY_VERSION[version].handlers:
        assert await refused(desk.station(version), action, payload) == code


@pytest.mark.parametrize(
    ("version", "action", "payload", "code"),
    [
        ("1.6", "Authorize", {}, "OccurenceConstraintViolation"),
        ("2.0.1", "Authorize", {}, "OccurrenceConstraintViolation"),
        ("1.6", "Authorize", {"idTag": 5}, "TypeConstraintViolation"),
        ("1.6", "Authorize", {"idTag": "X" * 21}, "PropertyConstraintViolation"),
        ("1.6", "DataTransfer", {"vendorId": "V", "more": 1}, "FormationViolation"),
        ("2.0.1", "DataTransfer", {"vendorId": "V", "more": 1}, "FormatViolation"),
    ],
)
async def test_a_payload_that_breaks_its_schema_is_refused(
    desk: Desk, version: str, action: str, payload: Any, code: str
) -> None:
    assert await refused(desk.station(version), action, payload) == code


ALWAYS_ANSWERED = [
    (version, str(action))
    for version in VERSIONS
    for action in sorted(BY_VERSION[version].always_answered)
]
JUNK: list[Any] = [None, [], {}, "", "\0", -1, 1e300, 2**63, True, [[]], {"a": {}}, [None, 7]]


@pytest.mark.parametrize(("version", "action"), ALWAYS_ANSWERED)
async def test_what_must_be_answered_is_answered_however_broken(
    desk: Desk, version: str, action: str
) -> None:
    station = desk.station(version)
    whole = full(version, action)

    await accepted(station, action, {})
    for junk in JUNK:
        await accepted(station, action, dict.fromkeys(whole, junk))
        for name in whole:
            await accepted(station, action, whole | {name: junk})


@pytest.mark.parametrize("version", VERSIONS)
async def test_no_name_of_a_field_confuses_a_handler(desk: Desk, version: str) -> None:
    names = ["self", "message", "_", "call", "callUniqueId", "call_unique_id", "", "kwargs"]

    for action in BY_VERSION[version].always_answered:
        await accepted(desk.station(version), action, dict.fromkeys(names, 1))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_payload_gets_exactly_one_lawful_answer(desk: Desk, data: st.DataObject) -> None:
    version, action = data.draw(st.sampled_from(CALLED))
    payload = data.draw(hostile(version, action) | st.dictionaries(st.text(max_size=9), JSON))
    await answered_lawfully(desk, version, action, payload)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize(("version", "action"), ALWAYS_ANSWERED)
async def test_any_payload_of_what_must_be_answered_is(
    desk: Desk, version: str, action: str, data: st.DataObject
) -> None:
    await answered_lawfully(desk, version, action, data.draw(hostile(version, action)))


async def answered_lawfully(desk: Desk, version: str, action: str, payload: Any) -> None:
    try:
        called = received(action, payload)
    except MalformedFrame:
        return  # refused before it gets here
    station = desk.station(version)

    with capture_logs() as logs:
        reply = await station.answer(called, 0)
        await desk.storage.group.flush()

    assert "row_refused" not in [log["event"] for log in logs]
    assert reply.id == called.id
    if isinstance(reply, CallResult):
        assert station.schemas.response(action, orjson.loads(reply.payload)) is None
    else:
        assert action not in station.always_answered
        assert reply.code in CODES[version]


_EITHER = {"PropertyConstraintViolation", "TypeConstraintViolation"}
CODES = {
    "1.6": _EITHER | {"FormationViolation", "OccurenceConstraintViolation"},
    "2.0.1": _EITHER | {"FormatViolation", "OccurrenceConstraintViolation"},
    "2.1": _EITHER | {"FormatViolation", "OccurrenceConstraintViolation"},
}


async def test_what_cannot_be_looked_up_stays_unanswered(desk: Desk) -> None:
    await desk.storage.database.close()

    with pytest.raises(NotStored):
        await desk.station("1.6").answer(received("StartTransaction", {"connectorId": 1}), 0)


async def test_an_answer_of_ours_that_breaks_its_schema_is_not_sent(desk: Desk) -> None:
    class Untimely(Station16):
        @on(Action.heartbeat)
        def on_heartbeat(self, _: Call, /, **_fields: Any) -> Any:
            return call_result.Heartbeat(current_time=None)  # type: ignore[arg-type]  # the fault

    station = Untimely(desk.station("1.6").key, desk.books, desk.station("1.6").link)

    with capture_logs() as logs:
        assert await refused(station, "Heartbeat", {}) == "InternalError"
    assert [log["event"] for log in logs] == ["answer_breaks_schema"]


def test_a_station_holds_no_queue_and_no_routes_of_its_own(desk: Desk) -> None:
    own = {
        "id",
        "key",
        "books",
        "link",
        "profiles",
        "availability",
        "resets",
        "listing",
        "securing",
        "stopping",
    }
    assert vars(desk.station("1.6")).keys() == own


# ---- asking ----


async def test_a_command_is_answered_in_the_charger_s_own_words(desk: Desk) -> None:
    async with desk.connected("2.0.1") as (station, talk):
        asked = asyncio.ensure_future(station.perform(Reset()))
        said = {"status": "Scheduled", "statusInfo": {"reasonCode": "Busy"}, "vendor": 6}
        await talk.peer.answers(orjson.dumps(said))

        assert await asked == Outcome("Scheduled", said, {"reasonCode": "Busy"})


@pytest.mark.parametrize("status_info", [None, "text", [1]])
async def test_status_info_of_another_shape_is_left_alone(desk: Desk, status_info: Any) -> None:
    async with desk.connected("2.0.1") as (station, talk):
        asked = asyncio.ensure_future(station.perform(Reset()))
        await talk.peer.answers(orjson.dumps({"status": "Accepted", "statusInfo": status_info}))

        assert (await asked).status_info is None


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"null", b'{"status":1}', b'"Accepted"'])
async def test_an_answer_without_a_status_is_a_bad_one(desk: Desk, answer: bytes) -> None:
    async with desk.connected("1.6") as (station, talk):
        asked = asyncio.ensure_future(station.perform(Reset()))
        await talk.peer.answers(answer)

        with pytest.raises(BadAnswer):
            await asked


async def test_a_refusal_tells_the_charger_s_code_and_text(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        asked = asyncio.ensure_future(station.perform(Reset()))
        _, id, _, _ = await talk.peer.hears()
        await talk.peer.says(frames.call_error(id, "NotSupported", "no reset here").text)

        with pytest.raises(CallRefused) as refusal:
            await asked
        assert refusal.value.error.code == "NotSupported"
        assert refusal.value.error.description == "no reset here"


async def test_a_charger_that_goes_fails_the_command(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        asked = asyncio.ensure_future(station.perform(Reset()))
        await talk.peer.hears()
        await talk.peer.socket.close(1006, "")

        with pytest.raises(LinkClosed):
            await asked


async def test_a_silent_charger_fails_the_command(desk: Desk) -> None:
    async with conversation() as talk:

        class Hasty(Station16):
            async def reset_soon(self) -> None:
                await self.link.call("Reset", b"{}", timeout=0.01)

        station = Hasty(desk.station("1.6").key, desk.books, talk.link)
        with pytest.raises(AnswerTimeout):
            await station.reset_soon()


async def test_a_request_that_breaks_its_schema_is_not_sent(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        with pytest.raises(InvalidCommand, match="idTag: value is longer than 20 characters"):
            await station.ask(call.RemoteStartTransaction("X" * 21))
        assert talk.peer.socket.unread == 0


async def test_a_command_that_nobody_knows_is_not_supported(desk: Desk) -> None:
    class Dance(RemoteStop):
        pass

    with pytest.raises(NotSupported):
        await desk.station("1.6").perform(Dance("1"))
