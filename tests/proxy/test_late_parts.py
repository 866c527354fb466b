"""Reports that the platform asked for are its own, those of a target the target's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from csms.commands import Ask
from storage.records import Command
from storage.repositories.commands import STILL_TO_COME
from tests.proxy.stage import CLOCK, MOMENT, OCPP201, Stage, Target, says, staged

OURS = 4711


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as stage:
        yield stage


@pytest.mark.parametrize("mode", ["hybrid", "strict"])
async def test_a_report_is_collected_or_relayed_by_who_asked_for_it(
    stage: Stage, mode: str
) -> None:
    command = {"requestId": OURS, "reportBase": "FullInventory"}
    async with Target().up() as target:
        key = await stage.enrol(target.url, mode=mode)
        record = Command(
            command_id="c-1",
            key=key,
            action="GetBaseReport",
            request=command,
            requested_by="key",
            created_at=CLOCK.now(),
            request_id=OURS,
            progress=STILL_TO_COME,
        )
        await stage.storage.commands.note_begun(record)
        async with stage.charger(key, subprotocol=OCPP201) as charger:
            await stage.reaches(key, "ready")
            charger.answers["GetBaseReport"] = says({"status": "Accepted"})
            await charger.connection.station.perform(Ask("GetBaseReport", command))
            asked = {"requestId": 7, "reportBase": "FullInventory"}
            await target.link.call("GetBaseReport", orjson.dumps(asked))
            numbers = [fields["requestId"] for fields in charger.payloads("GetBaseReport")]
            for number in numbers:
                report = {"requestId": number, "seqNo": 0, "generatedAt": MOMENT}
                assert await charger.call("NotifyReport", report) == {}
            await target.hears("NotifyReport")

    assert numbers[0] == OURS
    assert [told["requestId"] for told in target.payloads("NotifyReport")] == [7]
    (part,) = await stage.storage.commands.parts("c-1", 0, 9)
    assert b'"requestId":4711' in part.payload
