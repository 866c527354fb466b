"""Numbers that two sides choose alike stay apart on one charger, through every part of us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from csms import frames
from csms.frames import Call, Reply
from csms.numbers import OF_TARGETS
from csms.schemas import Schemas
from csms.stations import STATIONS
from proxy.routes import TO_CHARGER, TO_TARGET
from proxy.verdicts import ACTIONS
from storage.repositories.id_pairs import IdKind, IdPairs
from tests.proxy.stage import MOMENT, OCPP16, OCPP201, Device, Stage, Target, refuses, says, staged

ACCEPTED = says({"status": "Accepted"})
REPORT = {"reportBase": "FullInventory"}


def report(request_id: int, part: int = 0) -> dict[str, Any]:
    return {"requestId": request_id, "generatedAt": MOMENT, "seqNo": part, "tbc": False}


def started(**info: Any) -> dict[str, Any]:
    return {
        "eventType": "Started",
        "timestamp": MOMENT,
        "triggerReason": "RemoteStart",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "T-1", **info},
    }


async def orders(target: Target, action: str, fields: dict[str, Any]) -> Any:
    """Let the target ask something of the charger."""
    return (await target.link.call(action, orjson.dumps(fields))).fields


async def asks(charger: Device, action: str, fields: dict[str, Any]) -> Any:
    """Let the platform ask something of the charger."""
    return (await charger.connection.link.call(action, orjson.dumps(fields))).fields


# ---- who asked gets the answer ----


async def test_platform_and_target_ask_for_reports_under_one_number(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        charger.answers["GetBaseReport"] = ACCEPTED
        await stage.reaches(key, "ready")
        await asks(charger, "GetBaseReport", {"requestId": 5, **REPORT})
        await orders(target, "GetBaseReport", {"requestId": 5, **REPORT})
        platforms, targets = (asked["requestId"] for asked in charger.payloads("GetBaseReport"))
        for request_id in (platforms, targets):
            await charger.call("NotifyReport", report(request_id))
        await charger.call("NotifyReport", report(targets, 1))
        await target.hears("NotifyReport", 2)

    assert platforms == 5
    assert targets in OF_TARGETS
    assert target.payloads("NotifyReport") == [report(5), report(5, 1)]


async def test_a_report_that_nobody_asked_for_reaches_no_target(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")
        await charger.call("NotifyReport", report(5))
        await charger.call("TransactionEvent", started())
        await target.hears("TransactionEvent")

    assert target.payloads("NotifyReport") == []


async def test_a_report_comes_to_its_asker_after_an_outage_and_a_restart(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key, OCPP201) as charger:
            charger.answers["GetReport"] = ACCEPTED
            await stage.reaches(key, "ready")
            await orders(target, "GetReport", {"requestId": 77})
            asked = charger.payloads("GetReport")[-1]["requestId"]
            await stage.change(key, target_websocket_url="ws://127.0.0.1:1/")
            await charger.call("NotifyReport", report(asked))
    async with staged(tmp_path) as stage:
        await stage.change(key, target_websocket_url=target.url)
        async with stage.charger(key, OCPP201):
            assert (await target.hears("NotifyReport"))["requestId"] == 77


# ---- remote starts ----


async def test_a_remote_start_of_the_target_comes_back_under_its_number(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    start = {"idToken": {"idToken": "APP", "type": "Central"}, "remoteStartId": 9}
    async with stage.charger(key, OCPP201) as charger:
        charger.answers["RequestStartTransaction"] = ACCEPTED
        await stage.reaches(key, "ready")
        await asks(charger, "RequestStartTransaction", start)
        await orders(target, "RequestStartTransaction", start)
        platforms, targets = (
            asked["remoteStartId"] for asked in charger.payloads("RequestStartTransaction")
        )
        await charger.call("TransactionEvent", started(remoteStartId=platforms))
        await charger.call("TransactionEvent", started(remoteStartId=targets))
        await target.hears("TransactionEvent", 2)

    assert platforms != targets
    assert target.payloads("TransactionEvent") == [started(), started(remoteStartId=9)]


async def test_what_the_target_started_goes_on_when_it_is_gone(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url, policy={"on_target_down": "reject"})
    start = {"idToken": {"idToken": "APP", "type": "Central"}, "remoteStartId": 9}
    async with stage.charger(key, OCPP201) as charger:
        charger.answers["RequestStartTransaction"] = ACCEPTED
        await stage.reaches(key, "ready")
        await orders(target, "RequestStartTransaction", start)
        number = charger.payloads("RequestStartTransaction")[-1]["remoteStartId"]
        target.answers["TransactionEvent"] = refuses("InternalError")
        card = {"idToken": "CARD", "type": "ISO14443"}
        verdicts = [
            await charger.call("TransactionEvent", {**started(remoteStartId=id), "idToken": card})
            for id in (number, 9)
        ]

    assert [verdict["idTokenInfo"]["status"] for verdict in verdicts] == ["Accepted", "Invalid"]


async def test_a_16_start_with_a_profile_is_the_target_s_as_well(
    stage: Stage, target: Target
) -> None:
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}],
        },
    }
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers["RemoteStartTransaction"] = ACCEPTED
        await stage.reaches(key, "ready")
        await orders(
            target,
            "RemoteStartTransaction",
            {"idTag": "APP", "connectorId": 1, "chargingProfile": profile},
        )
        target.answers["StartTransaction"] = refuses("InternalError")

        assert (await charger.starts("APP"))["idTagInfo"] == {"status": "Accepted"}


# ---- reservations ----


@pytest.mark.parametrize(("subprotocol", "name"), [(OCPP16, "reservationId"), (OCPP201, "id")])
async def test_reservations_of_both_sides_under_one_number_are_two(
    stage: Stage, target: Target, subprotocol: str, name: str
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, subprotocol) as charger:
        charger.answers["ReserveNow"] = charger.answers["CancelReservation"] = ACCEPTED
        await stage.reaches(key, "ready")
        await asks(charger, "ReserveNow", {name: 3})
        assert await orders(target, "ReserveNow", {name: 3}) == {"status": "Accepted"}
        assert await orders(target, "CancelReservation", {"reservationId": 3}) == {
            "status": "Accepted"
        }
        assert await orders(target, "CancelReservation", {"reservationId": 4}) == {
            "status": "Rejected"
        }

    platforms, targets = (asked[name] for asked in charger.payloads("ReserveNow"))
    assert platforms == 3
    assert targets in OF_TARGETS
    assert charger.payloads("CancelReservation") == [{"reservationId": targets}]


async def test_a_16_start_names_the_reservation_of_the_target_and_no_other(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    start = {"connectorId": 1, "idTag": "CARD", "timestamp": MOMENT}
    async with stage.charger(key) as charger:
        charger.answers["ReserveNow"] = ACCEPTED
        await stage.reaches(key, "ready")
        await orders(target, "ReserveNow", {"reservationId": 3})
        reserved = charger.payloads("ReserveNow")[-1]["reservationId"]
        await charger.call("StartTransaction", {**start, "meterStart": 0, "reservationId": 3})
        await charger.call(
            "StartTransaction", {**start, "meterStart": 1, "reservationId": reserved}
        )
        await target.hears("StartTransaction", 2)

    assert target.payloads("StartTransaction") == [
        {**start, "meterStart": 0},
        {**start, "meterStart": 1, "reservationId": 3},
    ]


async def test_how_a_reservation_ended_is_told_to_who_made_it(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    expired = {"reservationUpdateStatus": "Expired"}
    async with stage.charger(key, OCPP201) as charger:
        charger.answers["ReserveNow"] = ACCEPTED
        await stage.reaches(key, "ready")
        await orders(target, "ReserveNow", {"id": 3})
        reserved = charger.payloads("ReserveNow")[-1]["id"]
        for reservation in (3, reserved):
            await charger.call("ReservationStatusUpdate", {"reservationId": reservation, **expired})
        await target.hears("ReservationStatusUpdate")

    assert target.payloads("ReservationStatusUpdate") == [{"reservationId": 3, **expired}]


# ---- display messages ----


def message(id: int, content: str = "hello") -> dict[str, Any]:
    return {
        "id": id,
        "priority": "InFront",
        "message": {"format": "UTF8", "content": content},
    }


class Display:
    """A charger's display: answers as OCPP 2.0.1 wants it, and remembers by id what it shows."""

    def __init__(self, charger: Device) -> None:
        self.shown: dict[int, dict[str, Any]] = {}
        self._charger = charger
        charger.answers |= {
            "SetDisplayMessage": self._set,
            "ClearDisplayMessage": self._clear,
            "GetDisplayMessages": self._get,
        }

    def _set(self, call: Call) -> Reply:
        wanted = call.fields["message"]
        self.shown[wanted["id"]] = wanted
        return frames.call_result(call.id, b'{"status":"Accepted"}')

    def _clear(self, call: Call) -> Reply:
        known = self.shown.pop(call.fields["id"], None) is not None
        return frames.call_result(
            call.id, b'{"status":"Accepted"}' if known else b'{"status":"Unknown"}'
        )

    def _get(self, call: Call) -> Reply:
        self._asked = call.fields
        return frames.call_result(call.id, b'{"status":"Accepted"}')

    async def reports(self) -> None:
        """Tell who asked last what is shown."""
        wanted = self._asked.get("id", list(self.shown))
        found = [self.shown[id] for id in wanted]
        report = {"requestId": self._asked["requestId"], "messageInfo": found}
        await self._charger.call("NotifyDisplayMessages", report)


async def test_display_messages_of_both_sides_under_one_number_are_two(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        display = Display(charger)
        await stage.reaches(key, "ready")
        await asks(charger, "SetDisplayMessage", {"message": message(3, "owner's")})
        for content in ("target's", "changed"):
            await orders(target, "SetDisplayMessage", {"message": message(3, content)})
        owners, targets = display.shown
        assert (owners, targets in OF_TARGETS) == (3, True)
        assert [shown["message"]["content"] for shown in display.shown.values()] == [
            "owner's",
            "changed",
        ]

        assert await orders(target, "ClearDisplayMessage", {"id": 3}) == {"status": "Accepted"}
        assert list(display.shown) == [3]


async def test_a_target_clears_and_gets_no_display_message_but_its_own(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        display = Display(charger)
        await stage.reaches(key, "ready")
        await asks(charger, "SetDisplayMessage", {"message": message(3)})
        unknown = [
            await orders(target, "ClearDisplayMessage", {"id": 3}),
            await orders(target, "GetDisplayMessages", {"requestId": 1, "id": [3, 4]}),
        ]
        assert unknown == [{"status": "Unknown"}] * 2
        assert charger.actions == ["SetDisplayMessage"]

        await orders(target, "SetDisplayMessage", {"message": message(4)})
        await orders(target, "GetDisplayMessages", {"requestId": 1, "id": [3, 4]})
        await display.reports()
        await target.hears("NotifyDisplayMessages")
        await orders(target, "GetDisplayMessages", {"requestId": 2})
        await display.reports()
        await target.hears("NotifyDisplayMessages", 2)
        await orders(target, "ClearDisplayMessage", {"id": 4})
        await orders(target, "GetDisplayMessages", {"requestId": 3})
        await display.reports()
        await target.hears("NotifyDisplayMessages", 3)

    assert target.payloads("NotifyDisplayMessages") == [
        {"requestId": 1, "messageInfo": [message(4)]},
        {"requestId": 2, "messageInfo": [message(4)]},
        {"requestId": 3},
    ]
    schemas = Schemas("2.0.1")
    for told in target.payloads("NotifyDisplayMessages"):
        assert schemas.request("NotifyDisplayMessages", told) is None


async def test_the_next_target_sees_no_display_message_of_the_one_before(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url, policy={"on_change": "discard"})
    async with Target().up() as next_target, stage.charger(key, OCPP201) as charger:
        display = Display(charger)
        await stage.reaches(key, "ready")
        await orders(target, "SetDisplayMessage", {"message": message(3)})
        await stage.change(key, target_websocket_url=next_target.url)
        await next_target.hears("BootNotification")
        await stage.reaches(key, "ready")
        assert await orders(next_target, "ClearDisplayMessage", {"id": 3}) == {"status": "Unknown"}
        await orders(next_target, "SetDisplayMessage", {"message": message(3)})
        await orders(next_target, "GetDisplayMessages", {"requestId": 1})
        await display.reports()
        await next_target.hears("NotifyDisplayMessages")

    assert len(display.shown) == 2
    assert next_target.payloads("NotifyDisplayMessages") == [
        {"requestId": 1, "messageInfo": [message(3)]}
    ]


# ---- transactions that have no id (1.6) ----


@pytest.mark.parametrize("none", [-1, 0])
async def test_what_a_charger_says_of_a_transaction_without_an_id_is_answered_and_told(
    stage: Stage, target: Target, none: int
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        assert await charger.meters(none, 5) == {}
        assert await charger.stops(none) == {}
        await target.hears("StopTransaction")

    assert [told["transactionId"] for told in target.payloads("MeterValues")] == [-1]
    assert [told["transactionId"] for told in target.payloads("StopTransaction")] == [-1]


# ---- what cannot be mapped ----


@pytest.mark.parametrize(
    ("action", "refusal"),
    [
        ("GetReport", "Rejected"),
        ("GetDisplayMessages", "Unknown"),
        ("CancelReservation", "Rejected"),
    ],
)
async def test_a_number_that_is_none_is_refused_in_the_words_of_the_action(
    stage: Stage, target: Target, action: str, refusal: str
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")

        assert await orders(target, action, {"requestId": "x", "reservationId": "x"}) == {
            "status": refusal
        }
        assert charger.heard == []
        await stage.storage.group.flush()
        (noted,) = await stage.storage.audit.list(key.organization_uuid)

    assert noted.details["reason"] == "unknown_id"


@pytest.mark.parametrize(
    ("subprotocol", "action", "payload"),
    [
        (OCPP16, "RemoteStopTransaction", b'{"transactionId":5,"transactionId":700001}'),
        (OCPP16, "CancelReservation", b'{"reservationId":5,"ReservationId":6}'),
        (OCPP201, "GetReport", rb'{"requestId":5,"\u0072equestId":6}'),
        (OCPP201, "RequestStartTransaction", b'{"remoteStartId":5,"remoteStartId":5}'),
    ],
)
async def test_a_number_hidden_behind_a_repeated_key_does_not_reach_the_charger(
    stage: Stage, target: Target, subprotocol: str, action: str, payload: bytes
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, subprotocol) as charger:
        await stage.reaches(key, "ready")
        with pytest.raises(Exception, match="read in more than one way"):
            await target.link.call(action, payload)

    assert charger.heard == []


async def test_both_ids_behind_a_repeated_key_of_the_charger_are_exchanged(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        ours = (await charger.starts())["transactionId"]
        twice = b'{"connectorId":1,"transactionId":%d,"transactionId":7,"meterValue":[]}' % ours
        await charger.call("MeterValues", twice)
        await target.hears("MeterValues")

    assert target.heard[-1].payload == (
        b'{"connectorId":1,"transactionId":700001,"transactionId":-1,"meterValue":[]}'
    )


# ---- persisted before use ----


async def test_a_number_is_on_disk_before_the_charger_sees_it(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    kept: list[str | None] = []
    stored = IdPairs(stage.storage.database, stage.storage.group)
    configuration = await stage.configuration(key)

    async def looks_it_up(call: Call) -> Reply:
        asked, shown = call.fields.get("requestId"), call.fields.get("message", {}).get("id")
        kind: IdKind = "display" if asked is None else "request"
        kept.append(await stored.theirs(configuration.id, kind, str(shown or asked)))
        return frames.call_result(call.id, b'{"status":"Accepted"}')

    async with stage.charger(key, OCPP201) as charger:
        charger.answers["GetReport"] = charger.answers["SetDisplayMessage"] = looks_it_up
        await stage.reaches(key, "ready")
        await orders(target, "GetReport", {"requestId": 5})
        await orders(target, "SetDisplayMessage", {"message": message(6)})

    assert kept == ["5", "6"]


# ---- the table ----


@pytest.mark.parametrize("subprotocol", STATIONS)
def test_every_action_in_the_table_is_one_of_its_version(subprotocol: str) -> None:
    kind = STATIONS[subprotocol]

    assert set(TO_TARGET[kind.version]) <= set(kind.handlers)
    assert set(TO_CHARGER[kind.version]) <= ACTIONS
