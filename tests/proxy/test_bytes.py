"""Every byte that no id stands in is the same on both links; what cannot be read is on neither."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import LargeBinary, column, text

from csms.numbers import OF_TARGETS
from csms.stations import STATIONS
from proxy.splice import repeats_a_key
from tests.doubles import PATIENCE
from tests.hostile import HOSTILE_CALLS
from tests.proxy.json_texts import around, objects, without_repeats
from tests.proxy.stage import OCPP16, OCPP21, OCPP201, Device, Stage, Target, says, staged

VERSIONS = pytest.mark.parametrize("subprotocol", [OCPP16, OCPP201, OCPP21])
FEW = settings(max_examples=25)  # each is a conversation with commits
IDS = ("transactionId", "reservationId", "requestId", "transactionInfo")
TELLS = {
    OCPP16: ["MeterValues", "FirmwareStatusNotification", "StatusNotification", "AcmeHello"],
    OCPP201: ["TransactionEvent", "MeterValues", "NotifyEvent", "ReportChargingProfiles"],
    OCPP21: ["TransactionEvent", "NotifyDERAlarm", "NotifySettlement", "ReportDERControl"],
}
ORDERS = {
    OCPP16: ["ClearCache", "UnlockConnector", "DataTransfer"],
    OCPP201: ["ClearCache", "SetDisplayMessage", "UnlockConnector", "DataTransfer"],
    OCPP21: ["ClearCache", "SetDefaultTariff", "UnlockConnector", "DataTransfer"],
}
TRANSFER = b'{"vendorId":"acme"}'


class Line:
    """A charger, its target and us between them, from one example to the next."""

    def __init__(self, runner: asyncio.Runner, charger: Device, target: Target) -> None:
        self._runner = runner
        self.charger, self.target = charger, target
        self._meters = count()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Let everybody go on until this is done."""
        return self._runner.run(coroutine)

    def tells(self, action: str, payload: bytes) -> bytes:
        """Let the charger say something, and return what the target heard."""

        async def conversation() -> None:
            heard = len(self.target.payloads(action))
            with contextlib.suppress(Exception):  # how it is answered is another question
                await self.charger.link.call(action, payload, timeout=PATIENCE)
            await self.target.hears(action, heard + 1)

        self.run(conversation())
        return self.target.heard[-1].payload

    def orders(self, action: str, payload: bytes) -> tuple[bytes, bytes]:
        """Let the target ask something; return what the charger heard and the target got."""
        answer = self.run(self.target.link.call(action, payload, timeout=PATIENCE))
        return self.charger.heard[-1].payload, answer.payload

    def starts(self) -> bytes:
        """Begin a 1.6 transaction, and return the answer."""
        start = b'{"connectorId":1,"idTag":"A","timestamp":"","meterStart":%d}' % next(self._meters)
        answer = self.run(self.charger.link.call("StartTransaction", start, timeout=PATIENCE))
        return bytes(answer.payload)


def transaction_in(payload: bytes) -> int:
    """Return the id that the charger knows a transaction by."""
    return int(orjson.loads(payload)["transactionId"])


@contextlib.contextmanager
def line(subprotocol: str) -> Iterator[Line]:
    """Connect a charger and its target until the context ends."""
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory() as folder:
        stack = contextlib.AsyncExitStack()

        async def connect() -> Line:
            target = await stack.enter_async_context(Target().up())
            stage = await stack.enter_async_context(staged(Path(folder)))
            key = await stage.enrol(target.url)
            charger = await stack.enter_async_context(stage.charger(key, subprotocol))
            await stage.reaches(key, "ready")
            return Line(runner, charger, target)

        try:
            yield runner.run(connect())
        finally:
            runner.run(stack.aclose())


# ---- no id, no change ----


@VERSIONS
def test_what_the_charger_says_the_target_hears_byte_for_byte(subprotocol: str) -> None:
    with line(subprotocol) as there:

        @FEW
        @given(action=st.sampled_from(TELLS[subprotocol]), payload=objects(but=IDS))
        def conversation(action: str, payload: bytes) -> None:
            assert there.tells(action, payload) == payload.strip()

        conversation()


@VERSIONS
def test_what_the_target_answers_the_charger_gets_byte_for_byte(subprotocol: str) -> None:
    with line(subprotocol) as there:

        @FEW
        @given(payload=objects())
        def conversation(payload: bytes) -> None:
            there.target.answers["DataTransfer"] = says(payload)
            answer = there.run(there.charger.link.call("DataTransfer", TRANSFER))
            assert answer.payload == payload.strip()

        conversation()


@VERSIONS
def test_what_the_target_asks_and_is_answered_passes_byte_for_byte(subprotocol: str) -> None:
    with line(subprotocol) as there:

        @FEW
        @given(
            action=st.sampled_from(ORDERS[subprotocol]),
            asked=without_repeats(objects(but=IDS)),
            answered=objects(),
        )
        def conversation(action: str, asked: bytes, answered: bytes) -> None:
            there.charger.answers[action] = says(answered)
            assert there.orders(action, asked) == (asked.strip(), answered.strip())

        conversation()


# ---- an id, and only the id ----


def test_of_a_16_transaction_s_messages_only_the_id_is_another() -> None:
    with line(OCPP16) as there:
        ours = transaction_in(there.starts())

        @FEW
        @given(
            action=st.sampled_from(["MeterValues", "StopTransaction"]),
            halves=around("transactionId"),
            spelled=st.sampled_from([b"%d", b"%d.0", b'"%d"']),
        )
        def conversation(action: str, halves: tuple[bytes, bytes], spelled: bytes) -> None:
            before, after = halves
            told = there.tells(action, before + spelled % ours + after)
            assert told == (before + b"700001" + after).strip()

        conversation()


def test_of_the_answer_to_a_16_start_only_the_id_is_another() -> None:
    verdict = b',"idTagInfo": {"expiryDate":null, "status":"Accepted"}'
    with line(OCPP16) as there:

        @FEW
        @given(halves=around("transactionId", {"idTagInfo"}))
        def conversation(halves: tuple[bytes, bytes]) -> None:
            before, after = halves
            there.target.answers["StartTransaction"] = says(before + b"9.0" + verdict + after)
            answer = there.starts()
            ours = b"%d" % transaction_in(answer)
            assert ours != b"9"
            assert answer == (before + ours + verdict + after).strip()

        conversation()


def test_of_a_16_remote_stop_only_the_id_is_another() -> None:
    with line(OCPP16) as there:
        ours = transaction_in(there.starts())
        there.charger.answers["RemoteStopTransaction"] = says({"status": "Accepted"})

        @FEW
        @given(halves=around("transactionId"))
        def conversation(halves: tuple[bytes, bytes]) -> None:
            asked = halves[0] + b"700001" + halves[1]
            assume(not repeats_a_key(asked))
            heard, _ = there.orders("RemoteStopTransaction", asked)
            assert heard == (halves[0] + b"%d" % ours + halves[1]).strip()

        conversation()


def test_of_a_201_report_only_the_number_is_another() -> None:
    with line(OCPP201) as there:
        there.charger.answers["GetReport"] = says({"status": "Accepted"})

        @FEW
        @given(asked=around("requestId"), told=around("requestId"))
        def conversation(asked: tuple[bytes, bytes], told: tuple[bytes, bytes]) -> None:
            request = asked[0] + b"5" + asked[1]
            assume(not repeats_a_key(request))
            heard, _ = there.orders("GetReport", request)
            number = orjson.loads(heard)["requestId"]
            assert number in OF_TARGETS
            assert heard == (asked[0] + b"%d" % number + asked[1]).strip()
            report = there.tells("NotifyReport", told[0] + b"%d" % number + told[1])
            assert report == (told[0] + b"5" + told[1]).strip()

        conversation()


def test_of_a_201_event_only_the_number_of_the_remote_start_is_another() -> None:
    with line(OCPP201) as there:
        there.charger.answers["RequestStartTransaction"] = says({"status": "Accepted"})
        heard, _ = there.orders(
            "RequestStartTransaction", b'{"remoteStartId":12345678901234567890}'
        )
        number = orjson.loads(heard)["remoteStartId"]

        @FEW
        @given(outer=around("transactionInfo", IDS), inner=around("remoteStartId"))
        def conversation(outer: tuple[bytes, bytes], inner: tuple[bytes, bytes]) -> None:
            def event(id: bytes) -> bytes:
                return b"".join([outer[0], inner[0].lstrip(), id, inner[1].rstrip(), outer[1]])

            told = there.tells("TransactionEvent", event(b"%d" % number))
            assert told == event(b"12345678901234567890").strip()

        conversation()


# ---- what cannot be read ----


def is_text(frame: bytes) -> bool:
    """Tell whether a frame is one that WebSocket libraries carry as text."""
    return frame.decode(errors="replace").encode() == frame


# A longer one, or one that is no text, ends the link.
UNREADABLE = [
    frame for frame, _, _ in HOSTILE_CALLS.values() if len(frame) < 1 << 19 and is_text(frame)
]


async def logged(stage: Stage, direction: str, message_type: str) -> list[bytes]:
    """Return the frames of one direction and type, as the message log has them."""
    await stage.storage.journal.flush()
    rows = await stage.storage.database.fetch(
        text(
            "SELECT frame FROM messages WHERE direction = :direction"
            " AND message_type = :message_type ORDER BY seq"
        ).columns(column("frame", LargeBinary)),
        {"direction": direction, "message_type": message_type},
    )
    return [row["frame"] for row in rows]


@VERSIONS
async def test_what_a_charger_says_unreadably_is_answered_and_logged_and_not_relayed(
    stage: Stage, target: Target, subprotocol: str
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, subprotocol) as charger:
        await stage.reaches(key, "ready")
        told = len(target.heard)
        for frame in UNREADABLE:
            await charger.socket.send(frame)
        await charger.call("DataTransfer", TRANSFER)

        assert [call.action for call in target.heard[told:]] == ["DataTransfer"]
    answers = await logged(stage, "platform_to_charger", "CallError")
    assert await logged(stage, "charger_to_platform", "Unreadable") == UNREADABLE
    assert [orjson.loads(answer)[1:3] for answer in answers] == refusals(subprotocol)


@VERSIONS
async def test_what_a_target_says_unreadably_is_answered_and_logged_and_not_relayed(
    stage: Stage, target: Target, subprotocol: str
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, subprotocol) as charger:
        await stage.reaches(key, "ready")
        for frame in UNREADABLE:
            await target.sockets[-1].send(frame)
        await target.link.call("ClearCache", b"{}")

        assert charger.actions == ["ClearCache"]
        assert len(target.links) == 1
    answers = await logged(stage, "platform_to_target", "CallError")
    assert await logged(stage, "target_to_platform", "Unreadable") == UNREADABLE
    assert [orjson.loads(answer)[1:3] for answer in answers] == refusals(subprotocol)


def refusals(subprotocol: str) -> list[list[str]]:
    """Return id and code of the answers to all that cannot be read."""
    version = STATIONS[subprotocol].version
    refused = (case for case in HOSTILE_CALLS.values() if case[0] in UNREADABLE)
    return [[id, codes[version]] for _, id, codes in refused]
