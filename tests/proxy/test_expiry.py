"""Certificates that are about to expire are told of, each stage once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from proxy.expiry import Expiry
from proxy.parts import RelayParts
from proxy.timings import Timings
from storage.records import ClientCertificate
from storage.store import Storage, open_storage
from tests.doubles import until
from tests.proxy.stage import GUARD
from tests.storage.doubles import NOON, HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def storage(tmp_path: Path, clock: HandClock) -> AsyncIterator[Storage]:
    async with open_storage(tmp_path, clock) as storage:
        yield storage


def expiry(storage: Storage, clock: HandClock, sweep: float = 600.0) -> Expiry:
    timings = Timings(sweep=sweep)
    return Expiry(RelayParts(storage=storage, guard=GUARD, clock=clock, timings=timings))


async def kept(storage: Storage, id: str, days: float) -> ClientCertificate:
    organizations = await storage.organizations.list()
    organization = organizations[0] if organizations else await storage.organizations.create("D")
    certificate = ClientCertificate(
        certificate_id=id,
        organization_uuid=organization.organization_uuid,
        name="Main_CSMS",
        chain="",
        private_key="s3cr3t",
        sha256="",
        subject="",
        not_before=NOON - timedelta(days=1),
        not_after=NOON + timedelta(days=days),
        created_at=NOON,
    )
    await storage.client_certificates.add(certificate)
    return certificate


async def told(watch: Expiry) -> list[Any]:
    with capture_logs() as logs:
        await watch.look()
    assert "s3cr3t" not in str(logs)
    return [(entry["certificate_id"], entry["warning"]) for entry in logs]


async def test_each_stage_is_told_once(storage: Storage, clock: HandClock) -> None:
    await kept(storage, "A", days=40)
    watch = expiry(storage, clock)
    story = []
    for _ in range(45):
        story += await told(watch)
        clock.pass_time(days=1)

    assert story == [
        ("A", "The client certificate expires in 30 days."),
        ("A", "The client certificate expires in 7 days."),
        ("A", "The client certificate expires in 1 day."),
        ("A", "The client certificate expired on 2026-04-10."),
    ]


async def test_one_that_is_replaced_is_not_mentioned_again(
    storage: Storage, clock: HandClock
) -> None:
    old = await kept(storage, "A", days=6)
    watch = expiry(storage, clock)
    assert len(await told(watch)) == 1

    await storage.client_certificates.delete(old.organization_uuid, "A")
    await storage.client_certificates.add(replace(old, not_after=NOON + timedelta(days=400)))

    assert await told(watch) == []


async def test_it_is_looked_at_again_and_again(storage: Storage, clock: HandClock) -> None:
    with capture_logs() as logs:
        running = asyncio.create_task(expiry(storage, clock, sweep=0.001).run())
        await kept(storage, "A", days=3)
        await until(lambda: logs)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert {entry["log_level"] for entry in logs} == {"warning"}
