"""Configuration keys as targets set them: their own link's, and what several owners wish."""

from __future__ import annotations

from storage.store import Storage
from tests.storage.doubles import ALICE
from tests.storage.records import proxy


async def test_a_target_reads_back_what_it_set_last(storage: Storage) -> None:
    target = await storage.proxy_configurations.create(proxy(ALICE))
    storage.overlays.note_link(target.id, "HeartbeatInterval", "60")
    storage.overlays.note_link(target.id, "WebSocketPingInterval", "5")
    await storage.overlays.note_link(target.id, "HeartbeatInterval", "30")

    assert await storage.overlays.of_link(target.id) == {
        "HeartbeatInterval": "30",
        "WebSocketPingInterval": "5",
    }


async def test_what_was_noted_a_moment_ago_is_read(storage: Storage) -> None:
    target = await storage.proxy_configurations.create(proxy(ALICE))

    storage.overlays.note_link(target.id, "HeartbeatInterval", "120")

    assert await storage.overlays.of_link(target.id) == {"HeartbeatInterval": "120"}


async def test_a_deleted_target_leaves_no_key_and_no_wish(storage: Storage) -> None:
    target = await storage.proxy_configurations.create(proxy(ALICE))
    storage.overlays.note_link(target.id, "HeartbeatInterval", "60")
    storage.overlays.note_shared(ALICE, 0, "MeterValueSampleInterval", "60")
    await storage.overlays.note_shared(ALICE, target.id, "MeterValueSampleInterval", "10")
    assert await storage.overlays.shared(ALICE) == {
        0: {"MeterValueSampleInterval": "60"},
        target.id: {"MeterValueSampleInterval": "10"},
    }

    await storage.proxy_configurations.delete(ALICE.organization_uuid, target.id)

    assert await storage.overlays.of_link(target.id) == {}
    assert await storage.overlays.shared(ALICE) == {0: {"MeterValueSampleInterval": "60"}}
