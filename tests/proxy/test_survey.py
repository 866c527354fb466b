"""What is read of many chargers at once is what is read of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from proxy.survey import surveyed
from storage.records import ChargerKey
from tests.proxy.ground import opened


async def test_it_is_what_is_read_one_by_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as ground:
        await ground.enrol("A", "B", "C")
        for name, serial in {"D": "EH1", "E": "EH1", "F": "A", "G": "G", "H": "EH2"}.items():
            await ground.enrol(name, serial_number=serial)
        version = await ground.version("v1")
        await ground.apply("B", version)
        await ground.apply("H", version)
        chargers = await ground.chargers()

        found = await surveyed(ground.storage, ground.site.organization_uuid, chargers)

        assert found == [await ground.commissioning.scene(one.key) for one in chargers]
        shared = {one.charger.key.charge_box_id for one in found if one.serial_is_shared}
        assert shared == {"D", "E", "F"}
        assert len({one.configuration is None for one in found}) == 2


async def test_another_organizations_chargers_do_not_count(tmp_path: Path) -> None:
    async with opened(tmp_path) as ground:
        storage, organization_uuid = ground.storage, ground.site.organization_uuid
        assert await surveyed(storage, organization_uuid, []) == []
        await ground.enrol("A", serial_number="EH1")
        other = (await storage.organizations.create("Other")).organization_uuid
        (mine,) = await ground.chargers()
        for name in ("B", "EH1"):
            theirs = replace(mine, key=ChargerKey(other, name), site_id=None)
            await storage.chargers.enroll(theirs, None)

        (found,) = await surveyed(storage, organization_uuid, [mine])
        assert not found.serial_is_shared
