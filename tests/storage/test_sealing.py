"""The chain grows by itself while a server runs, and is whole wherever it was ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage.audit_chain import Sealed
from storage.errors import StorageUnavailable
from storage.records import AuditEntry
from storage.sealing import sealing
from storage.store import Storage, open_storage
from tests.storage.doubles import ALICE, NOON, PATIENCE, HandClock

ENTRY = AuditEntry(
    timestamp=NOON,
    organization_uuid=ALICE.organization_uuid,
    actor="platform",
    action="something",
    result="done",
)


async def sealed(storage: Storage, rows: int) -> None:
    """Wait until so many rows are in the chain."""
    async with asyncio.timeout(PATIENCE):
        while True:
            chain = await storage.audit.chain(ALICE.organization_uuid)
            if chain and chain.last_place == rows:
                return
            await asyncio.sleep(0.01)


async def test_what_is_noted_is_sealed_soon(tmp_path: Path, clock: HandClock) -> None:
    async with (
        open_storage(tmp_path, clock) as storage,
        sealing(storage.audit, every=PATIENCE, company=0.01),
    ):
        await storage.audit.note(ENTRY)
        await sealed(storage, 1)
        await storage.audit.note(ENTRY)
        await sealed(storage, 2)

        assert (await storage.audit.verify(ALICE.organization_uuid)).is_whole


async def test_what_others_note_is_sealed_now_and_then(tmp_path: Path, clock: HandClock) -> None:
    async with (
        open_storage(tmp_path, clock) as storage,
        open_storage(tmp_path, clock) as command_line,
        sealing(storage.audit, every=0.01),
    ):
        await command_line.audit.note(ENTRY)

        await sealed(storage, 1)


async def test_what_is_left_is_sealed_in_the_end(tmp_path: Path, clock: HandClock) -> None:
    async with open_storage(tmp_path, clock) as storage:
        async with sealing(storage.audit, every=PATIENCE, company=PATIENCE):
            storage.audit.note(ENTRY)

        assert await storage.audit.unsealed(ALICE.organization_uuid) == 0


async def test_a_database_that_is_away_ends_nothing(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_storage(tmp_path, clock) as storage:
        seal = storage.audit.seal
        failures: list[Exception] = [StorageUnavailable("away"), TypeError("tampered with")]

        async def failing(limit: int) -> int:
            if failures:
                raise failures.pop()
            return await seal(limit)

        monkeypatch.setattr(storage.audit, "seal", failing)
        async with sealing(storage.audit, every=0.01, company=0.0):
            await storage.audit.note(ENTRY)
            await sealed(storage, 1)


async def test_wherever_it_is_cancelled_the_chain_is_whole(
    tmp_path: Path, clock: HandClock
) -> None:
    async with open_storage(tmp_path, clock) as storage:
        for number in range(20):
            storage.audit.note(replace(ENTRY, action=f"something {number}"))
        await storage.audit.flush()
        for steps in range(12):
            sealing_some = asyncio.create_task(storage.audit.seal(2))
            for _ in range(steps):
                await asyncio.sleep(0)
            sealing_some.cancel()
            with suppress(asyncio.CancelledError):
                await sealing_some
        while await storage.audit.seal():
            pass

        verdict = await storage.audit.verify(ALICE.organization_uuid)
        assert (verdict.is_whole, verdict.rows) == (True, 20)


async def test_it_verifies_while_it_grows_and_is_cut(tmp_path: Path, clock: HandClock) -> None:
    id = ALICE.organization_uuid
    async with (
        open_storage(tmp_path, clock) as storage,
        sealing(storage.audit, every=0.001, company=0.0),
    ):
        verdicts: list[Any] = []
        for number in range(1, 11):
            for _ in range(20):
                storage.audit.note(ENTRY)
            verdicts.append(await storage.audit.verify(id))
            await sealed(storage, number * 20)
            rows = [row async for row in storage.audit.rows(id)]
            through = Sealed(rows[-3]["place"], rows[-3]["seal"])
            verdict, _ = await asyncio.gather(
                storage.audit.verify(id), storage.audit.cut(id, through)
            )
            verdicts.append(verdict)

    assert all(verdict.is_whole for verdict in verdicts)
    assert verdicts[-1].rows < 50


async def test_it_ends_though_something_is_noted_in_that_moment(
    tmp_path: Path, clock: HandClock
) -> None:
    async with open_storage(tmp_path, clock) as storage, asyncio.timeout(PATIENCE):
        async with sealing(storage.audit, every=PATIENCE, company=0.0):
            await storage.audit.note(ENTRY)
            await sealed(storage, 1)
            while storage.audit.added.is_set():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            storage.audit.note(ENTRY)

        assert await storage.audit.unsealed(ALICE.organization_uuid) == 0
