"""Every frame in one order, each call with its answer, and nothing acknowledged is ever lost."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import URL, delete

from storage import engines
from storage import journal as journal_module
from storage.database import NO_VALUES, Database, Row, Statement, Write
from storage.errors import StorageError, StorageUnavailable
from storage.group_commit import GroupCommit
from storage.journal import Journal, Receipt
from storage.records import (
    Charger,
    ChargerKey,
    Direction,
    Message,
    MessageType,
    Organization,
    Origin,
    ProxyConfiguration,
)
from storage.repositories.rows import columns
from storage.repositories.sinks import Sinks
from storage.statements.chargers import add_charger
from storage.statements.organizations import add_organization
from storage.statements.positions import positions_between
from storage.statements.proxies import add_cursor, add_proxy_configuration
from storage.target_schema import cursors
from tests.storage.doubles import (
    ALICE,
    BOB,
    NOON,
    PATIENCE,
    UNSTORABLE,
    HandClock,
)
from tests.storage.exports import sealer
from tests.storage.records import sink


class Talk:
    """Says things on the links of chargers, in few words."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def call(
        self,
        id: str,
        action: str = "Heartbeat",
        key: ChargerKey = ALICE,
        way: Direction = "charger_to_platform",
        target: int | None = None,
    ) -> Receipt:
        return self._say("Call", id, action, key, way, target)

    def answer(
        self,
        id: str,
        kind: MessageType = "CallResult",
        key: ChargerKey = ALICE,
        way: Direction = "platform_to_charger",
        target: int | None = None,
    ) -> Receipt:
        return self._say(kind, id, None, key, way, target)

    def noise(self, frame: bytes) -> Receipt:
        return self._journal.append(
            ALICE, "charger_to_platform", "1.6", "Unreadable", None, None, frame
        )

    def _say(
        self,
        kind: MessageType,
        id: str,
        action: str | None,
        key: ChargerKey,
        way: Direction,
        target: int | None,
    ) -> Receipt:
        frame = f"{kind} {id}".encode(errors="replace")
        return self._journal.append(key, way, "1.6", kind, id, action, frame, target)


@pytest.fixture
def talk(journal: Journal) -> Talk:
    return Talk(journal)


async def exchanges(journal: Journal, key: ChargerKey = ALICE) -> list[tuple[bytes, bytes | None]]:
    await journal.flush()
    return [
        (each.call.frame, each.answer.frame if each.answer else None)
        for each in await journal.exchanges(key)
    ]


# ---- what is lost ----


async def test_no_copy_is_made_of_what_is_lost(
    database: Database, journal: Journal, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy_of(position: int) -> Receipt:
        return journal.append(
            ALICE, "platform_to_target", "1.6", "Call", "c", "X", b"", None, Origin(position)
        )

    async def away(_writes: object) -> None:
        raise StorageUnavailable

    kept = talk.call("kept").position
    await journal.flush()
    with monkeypatch.context() as patch:
        patch.setattr(database, "write", away)
        in_hand, behind = talk.call("in hand").position, talk.call("behind").position
        await journal.group.flush()
        at_once = talk.call("while it is away").position
    await journal.group.back()

    lost = [in_hand, behind, at_once]
    assert [journal.is_lost(position) for position in [kept, *lost]] == [False, True, True, True]
    for position in lost:
        with pytest.raises(StorageUnavailable):
            copy_of(position)
    copy_of(kept)
    assert len(await exchanges(journal)) == 2


async def test_what_was_told_lost_and_is_there_after_all_may_be_copied(
    database: Database, journal: Journal, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = database.write

    async def cut_off(writes: Sequence[Write]) -> None:
        await write(writes)
        raise StorageUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", cut_off)
        stored = talk.call("stored").position
        await journal.group.flush()
        lost = talk.call("lost").position
        with pytest.raises(StorageUnavailable):  # nobody knows yet
            await journal.flush()
    await journal.group.back()

    assert [journal.is_lost(position) for position in (stored, lost)] == [False, True]


async def test_only_what_is_in_doubt_is_looked_for_when_storage_is_back(
    database: Database, journal: Journal, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, spans = database.fetch, []

    async def noted(statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        if statement is positions_between:
            spans.append(dict(values))
        return await fetch(statement, values)

    async def away(_writes: object) -> None:
        raise StorageUnavailable

    refused = talk.call(UNSTORABLE).position
    talk.call("long ago")
    await journal.flush()
    monkeypatch.setattr(database, "fetch", noted)
    with monkeypatch.context() as patch:
        patch.setattr(database, "write", away)
        lost = talk.call("lost").position
        await journal.group.flush()
    await journal.group.back()

    assert spans == [{"first": lost, "last": lost}]  # not the whole log since the first refusal
    assert journal.is_lost(refused)


async def test_after_another_server_has_written_positions_go_on_behind_its_own(
    database: Database, group: GroupCommit, clock: HandClock
) -> None:
    first = await Journal.open(database, group, clock)
    other = GroupCommit(database)
    writing = asyncio.create_task(other.run())
    second = Talk(await Journal.open(database, other, clock))
    theirs = [second.call(str(number)).position for number in range(50)]
    await other.flush()
    clock.pass_time(seconds=1)

    receipt = Talk(first).call("given twice")
    await group.flush()
    await group.back()

    assert isinstance(receipt.fault, StorageUnavailable)
    assert first.is_lost(receipt.position)  # what is there was said to the other one
    assert Talk(first).call("behind").position == theirs[-1] + 1
    await first.flush()
    assert len(await exchanges(first)) == len(theirs) + 1
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


# ---- order ----


async def test_positions_count_up_and_go_on_after_a_restart(
    database: Database, group: GroupCommit, clock: HandClock
) -> None:
    first = Talk(await Journal.open(database, group, clock))
    assert [first.call("a").position, first.answer("a").position] == [1, 2]
    await group.flush()

    again = await Journal.open(database, group, clock)

    assert again.head == 2
    assert Talk(again).call("b").position == 3


async def test_a_position_that_a_cursor_has_passed_is_never_given_again(
    database: Database, group: GroupCommit, clock: HandClock
) -> None:
    await _enrol_with_cursor(database, clock, position=7)

    journal = await Journal.open(database, group, clock)

    assert Talk(journal).call("a").position == 8


async def test_a_position_that_a_sink_has_passed_is_never_given_again(
    database: Database, group: GroupCommit, clock: HandClock
) -> None:
    await _enrol_with_cursor(database, clock, position=7)
    await Sinks(database, sealer()).create(sink(ALICE.organization_uuid), earliest=False)
    await database.execute(delete(cursors))  # with its proxy configuration

    journal = await Journal.open(database, group, clock)

    assert Talk(journal).call("a").position == 8


async def test_calls_are_read_in_order_from_a_position(journal: Journal, talk: Talk) -> None:
    for number in range(5):
        talk.call(str(number))
        talk.answer(str(number))
        talk.call(str(number), key=BOB)
        talk.call(f"reset {number}", way="platform_to_charger")
    await journal.flush()

    page = await journal.read_calls(ALICE, after=0, limit=3)
    rest = await journal.read_calls(ALICE, after=page[-1].seq, limit=3)

    assert [message.message_id for message in page] == ["0", "1", "2"]
    assert [message.message_id for message in rest] == ["3", "4"]


async def test_a_reader_never_passes_a_call_that_is_committed_later(
    journal: Journal, talk: Talk
) -> None:
    seen: list[int] = []

    async def read(total: int) -> None:
        while len(seen) < total:
            page = await journal.read_calls(ALICE, after=seen[-1] if seen else 0, limit=1000)
            seen.extend(message.seq for message in page)

    async def write(name: str) -> list[int]:
        positions = []
        for number in range(50):
            receipt = talk.call(f"{name} {number}")
            positions.append(receipt.position)
            if number % 3:
                await journal.flush()
        return positions

    async with asyncio.timeout(PATIENCE):
        one, two, _ = await asyncio.gather(write("one"), write("two"), read(100))

    assert seen == sorted([*one, *two])


async def test_bytes_survive(journal: Journal, talk: Talk) -> None:
    frame = bytes(range(256)) * 3

    talk.noise(frame)

    [(stored, _)] = await exchanges(journal)
    assert stored == frame


async def test_a_message_is_what_it_was(journal: Journal, clock: HandClock) -> None:
    clock.pass_time(microseconds=1)

    receipt = journal.append(
        ALICE, "platform_to_target", "2.0.1", "Call", "m1", "Heartbeat", b"[2]", 7
    )
    await journal.flush()

    [exchange] = await journal.exchanges(ALICE)
    assert exchange.call == Message(
        seq=receipt.position,
        timestamp=NOON + timedelta(microseconds=1),
        key=ALICE,
        direction="platform_to_target",
        ocpp_version="2.0.1",
        message_type="Call",
        message_id="m1",
        action="Heartbeat",
        frame=b"[2]",
        proxy_configuration_id=7,
    )


# ---- pairs ----


async def test_a_call_is_shown_with_its_answer_newest_first(journal: Journal, talk: Talk) -> None:
    talk.call("a")
    talk.call("b", way="platform_to_charger")
    talk.answer("a")
    talk.answer("b", "CallError", way="charger_to_platform")
    talk.call("c")
    talk.noise(b"hello?")

    assert await exchanges(journal) == [
        (b"hello?", None),
        (b"Call c", None),
        (b"Call b", b"CallError b"),
        (b"Call a", b"CallResult a"),
    ]


async def test_an_answer_belongs_to_its_own_link(journal: Journal, talk: Talk) -> None:
    talk.call("1")
    talk.call("1", key=BOB)
    talk.call("1", way="platform_to_target", target=7)
    talk.call("1", way="platform_to_charger")
    talk.answer("1", key=BOB)
    talk.answer("1", way="target_to_platform", target=8)

    assert [answer for _, answer in await exchanges(journal)] == [None, None, None]
    assert await exchanges(journal, BOB) == [(b"Call 1", b"CallResult 1")]


async def test_of_two_answers_the_first_counts(journal: Journal, talk: Talk) -> None:
    talk.call("1")
    talk.answer("1")
    talk.answer("1", "CallError")

    assert await exchanges(journal) == [(b"Call 1", b"CallResult 1")]


async def test_a_message_id_may_come_again(journal: Journal, talk: Talk) -> None:
    talk.call("1", "Authorize")
    talk.answer("1")
    talk.call("1", "Heartbeat")
    talk.answer("1", "CallError")

    assert await exchanges(journal) == [
        (b"Call 1", b"CallError 1"),
        (b"Call 1", b"CallResult 1"),
    ]


async def test_calls_that_are_never_answered_take_no_room(
    journal: Journal, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_OPEN", 2)

    for id in ("forgotten", "b", "c"):
        talk.call(id)
    for id in ("forgotten", "b", "c"):
        talk.answer(id)

    assert await exchanges(journal) == [
        (b"Call c", b"CallResult c"),
        (b"Call b", b"CallResult b"),
        (b"Call forgotten", None),
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [4, 3, 2, 1]),
        ({"limit": 2}, [4, 3]),
        ({"before": 3}, [2, 1]),
        ({"before": 3, "limit": 1}, [2]),
        ({"action": "Heartbeat"}, [3, 1]),
        ({"message_id": "b"}, [2]),
        ({"direction": "platform_to_charger"}, [4]),
        ({"direction": "charger_to_platform", "action": "Heartbeat"}, [3, 1]),
        ({"since": NOON + timedelta(minutes=2)}, [4, 3]),
        ({"until": NOON + timedelta(minutes=2)}, [2, 1]),
        ({"since": NOON + timedelta(minutes=1), "until": NOON + timedelta(minutes=2)}, [2]),
    ],
)
async def test_exchanges_are_filtered(
    journal: Journal,
    talk: Talk,
    clock: HandClock,
    filters: dict[str, object],
    expected: Sequence[int],
) -> None:
    for id, action in (("a", "Heartbeat"), ("b", "Authorize"), ("c", "Heartbeat")):
        talk.call(id, action)
        clock.pass_time(minutes=1)
    talk.call("d", "Reset", way="platform_to_charger")
    await journal.flush()

    found = await journal.exchanges(ALICE, **filters)  # type: ignore[arg-type] # any mixture

    assert [each.call.seq for each in found] == expected


async def test_what_was_logged_while_a_clock_was_ahead_is_found_by_its_time(
    journal: Journal, talk: Talk, clock: HandClock
) -> None:
    talk.call("a")
    clock.pass_time(minutes=50)
    talk.call("ahead")
    clock.pass_time(minutes=-49)
    for id in "bcdef":
        talk.call(id)
        clock.pass_time(minutes=1)
    await journal.flush()

    late = await journal.exchanges(ALICE, since=NOON + timedelta(minutes=49))
    early = await journal.exchanges(ALICE, until=NOON + timedelta(minutes=10))

    assert [each.call.message_id for each in late] == ["ahead"]
    assert [each.call.message_id for each in early] == ["f", "e", "d", "c", "b", "a"]


async def test_all_time_is_from_the_first_year_to_the_last(journal: Journal, talk: Talk) -> None:
    talk.call("a")
    await journal.flush()

    for zone in (timezone(timedelta(hours=14)), timezone(timedelta(hours=-14))):
        first, last = datetime(1, 1, 1, tzinfo=zone), datetime(9999, 12, 31, 23, tzinfo=zone)
        assert len(await journal.exchanges(ALICE, since=first, until=last)) == 1


# ---- promises ----


async def test_a_poisoned_frame_among_good_ones_fails_alone(journal: Journal, talk: Talk) -> None:
    receipts = [talk.call(UNSTORABLE if n == 500 else str(n)) for n in range(1000)]
    await journal.flush()

    [(number, fault)] = [(n, each.fault) for n, each in enumerate(receipts) if each.fault]
    assert number == 500
    assert isinstance(fault, StorageError)
    assert len(await journal.read_calls(ALICE, after=0, limit=2000)) == 999


APPENDING = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import make_url
from storage.clock import SystemClock
from storage.journal import Journal
from storage.records import ChargerKey
from storage.store import open_storage

async def append() -> None:
    folder, url = Path(sys.argv[1]), make_url(sys.argv[2])
    async with open_storage(folder, SystemClock(), database_url=url) as storage:
        journal = await Journal.open(storage.database, storage.group, SystemClock(), 20)
        async def charger(name: str) -> None:
            key, number = ChargerKey("organization", name), 0
            while number := number + 1:
                receipt = journal.append(
                    key, "charger_to_platform", "1.6", "Call", str(number), "Heartbeat", b"[2]"
                )
                await journal.flush()
                print(receipt.position, flush=True)
        await asyncio.gather(*(charger(f"CP-{n}") for n in range(8)))

asyncio.run(append())
"""


async def test_what_was_acknowledged_is_there_after_kill_9(tmp_path: Path, url: URL) -> None:
    acknowledged: list[int] = []
    where = (str(tmp_path), url.render_as_string(hide_password=False))
    for _ in range(3):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", APPENDING, *where, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout
        said = [await process.stdout.readline() for _ in range(random.randint(20, 400))]
        process.send_signal(signal.SIGKILL)
        *rest, _torn = (await process.stdout.read()).split(b"\n")
        acknowledged += [int(line) for line in (*said, *rest)]
        await process.wait()

    database = await engines.open_database(url)
    journal = Journal(database, GroupCommit(database), HandClock())
    keys = [ChargerKey("organization", f"CP-{n}") for n in range(8)]
    stored = [each.seq for key in keys for each in await journal.read_calls(key, 0, 100_000)]
    await database.close()
    assert set(acknowledged) - set(stored) == set()
    assert len(acknowledged) == len(set(acknowledged))


async def _enrol_with_cursor(database: Database, clock: HandClock, position: int) -> None:
    organization = Organization(
        organization_uuid=ALICE.organization_uuid, name="A", created_at=clock.now()
    )
    await database.execute(add_organization, columns(organization))
    charger = Charger(
        key=ALICE, charger_name="A", password_digest=b"digest", created_at=clock.now()
    )
    configuration = ProxyConfiguration(
        key=ALICE,
        target_platform_identifier="T",
        target_websocket_url="wss://t",
        target_authentication_method="None",
        created_at=clock.now(),
        updated_at=clock.now(),
    )
    await database.execute(add_charger, columns(charger))
    [added] = await database.execute(add_proxy_configuration, columns(configuration))
    begun = {"position": position, "booted_at": None, "target": None}
    await database.execute(add_cursor, {"proxy_configuration_id": added["id"], **begun})
