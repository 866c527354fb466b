"""What a user asked of a charger, before it is sent and after it has ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from storage.records import Command
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON


def command() -> Command:
    return Command(
        command_id="c-1",
        key=ALICE,
        action="Reset",
        request={"type": "OnIdle", "nested": [1, 2.5, None]},
        requested_by="key-1",
        created_at=NOON,
    )


async def test_a_command_is_recorded_before_it_is_sent(storage: Storage) -> None:
    await storage.commands.create(command())

    assert await storage.commands.get(ALICE, "c-1") == command()
    assert await storage.commands.get(BOB, "c-1") is None
    assert await storage.commands.get(ALICE, "c-2") is None


async def test_what_became_of_it_is_recorded(storage: Storage) -> None:
    await storage.commands.create(command())
    finished_at = NOON + timedelta(seconds=30)

    await storage.commands.finish("c-1", "answered", {"status": "Accepted"}, finished_at)

    assert await storage.commands.get(ALICE, "c-1") == replace(
        command(), state="answered", response={"status": "Accepted"}, finished_at=finished_at
    )
