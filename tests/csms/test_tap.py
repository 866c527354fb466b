from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from csms import frames
from csms.errors import CallRefused
from csms.frames import OCPP16, OCPP21, Call, Reply, Send
from csms.tap import CHARGER_LINK, TARGET_LINK, journal_tap
from storage.clock import SystemClock
from storage.journal import Journal
from storage.records import ChargerKey, Message
from storage.store import Storage, open_storage
from tests.doubles import conversation, until
from tests.storage.doubles import ADD, empty_disk, fill_disk, row

KEY = ChargerKey("5b7e2f0c-3f0a-4a51-9d0e-2b7a3f8c1d11", "CP01")


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage(tmp_path, SystemClock()) as storage:
        yield storage


async def recorded(journal: Journal) -> list[Message]:
    """Return every message of the charger in the order of the journal."""
    await journal.flush()
    exchanges = await journal.exchanges(KEY)
    messages = [each.call for each in exchanges] + [each.answer for each in exchanges]
    return sorted((each for each in messages if each), key=lambda message: message.seq)


async def test_what_a_charger_says_and_hears_is_in_the_journal_byte_for_byte(
    storage: Storage,
) -> None:
    heard = b' [2, "id-1", "MeterValues", {"value": 6.0, "value": 1e3}] '
    async with conversation(tap=journal_tap(storage.journal, KEY, "1.6")) as talk:
        await talk.peer.says(heard)
        await talk.peer.hears()

    call, answer = await recorded(storage.journal)

    assert (call.direction, call.message_type, call.action) == (
        "charger_to_platform",
        "Call",
        "MeterValues",
    )
    assert call.frame == heard
    assert (answer.direction, answer.message_type, answer.action) == (
        "platform_to_charger",
        "CallResult",
        "MeterValues",
    )
    assert answer.frame == b'[3,"id-1",{"value": 6.0, "value": 1e3}]'
    assert {(each.key, each.ocpp_version, each.message_id) for each in (call, answer)} == {
        (KEY, "1.6", "id-1")
    }


async def test_our_call_and_its_refusal_are_in_the_journal(storage: Storage) -> None:
    async with conversation(tap=journal_tap(storage.journal, KEY, "1.6")) as talk:
        reset = asyncio.create_task(talk.link.call("Reset", b"{}"))
        id = (await talk.peer.hears())[1]
        await talk.peer.says(frames.call_error(id, "NotSupported").text)
        with pytest.raises(CallRefused):
            await reset

    call, answer = await recorded(storage.journal)

    assert (call.direction, call.message_type) == ("platform_to_charger", "Call")
    assert (answer.direction, answer.message_type) == ("charger_to_platform", "CallError")


async def test_unreadable_text_is_kept_as_it_came(storage: Storage) -> None:
    text = b'[2,"id-1","Heartbeat",{"a":"\xff\x00"}]'
    async with conversation(tap=journal_tap(storage.journal, KEY, "1.6")) as talk:
        await talk.peer.says(text)
        await talk.peer.hears()

    unreadable = (await recorded(storage.journal))[0]

    assert (unreadable.message_type, unreadable.action) == ("Unreadable", None)
    assert unreadable.frame == text


async def test_send_of_2_1_is_in_the_journal(storage: Storage) -> None:
    served: list[str] = []

    async def serve(message: Call | Send, _position: int) -> Reply:
        served.append(message.action)
        return frames.call_result(message.id, b"{}")

    tap = journal_tap(storage.journal, KEY, "2.1")
    async with conversation(serve, tap=tap, dialect=OCPP21) as talk:
        await talk.peer.says(b'[6,"id-1","NotifyPeriodicEventStream",{}]')
        await until(lambda: served)

    (send,) = await recorded(storage.journal)

    assert (send.message_type, send.action) == ("Send", "NotifyPeriodicEventStream")


async def test_complaint_of_2_1_about_an_answer_is_in_the_journal(storage: Storage) -> None:
    complaint = b'[5,"id-1","FormatViolation","no",{"field": 6.0}]'
    tap = journal_tap(storage.journal, KEY, "2.1")
    async with conversation(tap=tap, dialect=OCPP21) as talk:
        await talk.peer.says(complaint)
        await talk.peer.calls("Heartbeat")
        await talk.peer.hears()

    told, call, _answer = await recorded(storage.journal)

    assert (told.message_type, told.action, told.frame) == ("CallResultError", None, complaint)
    assert call.action == "Heartbeat"


async def test_target_s_link_has_its_own_directions_and_configuration(storage: Storage) -> None:
    tap = journal_tap(storage.journal, KEY, "1.6", TARGET_LINK, 7)
    async with conversation(tap=tap) as talk:
        await talk.peer.calls("Reset")
        await talk.peer.hears()

    call, answer = await recorded(storage.journal)

    assert (call.direction, answer.direction) == ("target_to_platform", "platform_to_target")
    assert call.proxy_configuration_id == answer.proxy_configuration_id == 7


async def test_answer_handler_is_told_the_position_of_its_call(storage: Storage) -> None:
    positions: list[int] = []

    async def note(call: Call | Send, position: int) -> Reply:
        positions.append(position)
        return frames.call_result(call.id, b"{}")

    tap = journal_tap(storage.journal, KEY, "1.6", CHARGER_LINK)
    async with conversation(note, tap=tap, dialect=OCPP16) as talk:
        for _ in range(3):
            await talk.peer.calls("StatusNotification")
            await talk.peer.hears()

    calls = [each for each in await recorded(storage.journal) if each.message_type == "Call"]
    assert positions == [each.seq for each in calls]


async def test_an_answer_whose_notes_were_lost_is_never_given(storage: Storage) -> None:
    group, database = storage.group, storage.database

    async def notes_then_waits(call: Call | Send, _position: int) -> Reply:
        await group.flush()  # the CALL itself is on disk
        await fill_disk(database)
        group.submit(ADD, row("noted", padding="x" * 1_000_000))
        await group.flush()
        await empty_disk(database)
        await group.back()  # and storage is well again before the answer
        return frames.call_result(call.id, b"{}")

    tap = journal_tap(storage.journal, KEY, "1.6")
    async with conversation(notes_then_waits, tap=tap) as talk:
        await talk.peer.says(b'[2,"id-1","StartTransaction",{}]')
        ended = await talk.running

    assert ended.code == 1011
    [call] = await recorded(storage.journal)
    assert call.action == "StartTransaction"


async def test_a_loss_before_the_call_is_no_reason_to_stay_silent(storage: Storage) -> None:
    await fill_disk(storage.database)
    storage.group.submit(ADD, row("lost", padding="x" * 1_000_000))
    await storage.group.flush()
    await empty_disk(storage.database)
    await storage.group.back()

    async with conversation(tap=journal_tap(storage.journal, KEY, "1.6")) as talk:
        await talk.peer.says(b'[2,"id-1","Heartbeat",{}]')
        assert await talk.peer.hears() == [3, "id-1", {}]


async def test_a_password_is_in_no_log(storage: Storage) -> None:
    tap = journal_tap(storage.journal, KEY, "1.6", TARGET_LINK, 1)
    async with conversation(tap=tap) as talk:
        await talk.peer.says(
            b'[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"hunter2"}]'
        )
        await talk.peer.hears()

    call, _ = await recorded(storage.journal)

    assert b"hunter2" not in call.frame
