"""Whoever is examined is opened and left as he was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from csms.doctor_patient import asked
from csms.setting_values import Bind
from tests.csms.patients import begun, patient

pytestmark = pytest.mark.sqlite_only("what is opened is opened alike")


async def test_what_is_there_is_open_and_what_is_not_is_not_made(tmp_path: Path) -> None:
    async with patient(tmp_path / "data") as new:
        assert (new.storage, new.closed) == (None, "there is no database yet")
    await begun(tmp_path / "data")
    async with patient(tmp_path / "data") as there:
        assert there.storage
        assert there.closed == ""
        assert there.health is None


async def test_a_ring_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    await begun(tmp_path)
    ring = tmp_path / "keyring.json"
    ring.unlink()
    async with patient(tmp_path) as ill:
        assert ill.closed == f"there is no key ring in {tmp_path}"

    assert not ring.exists()


@asynccontextmanager
async def page(body: str) -> AsyncIterator[Bind]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=body)

    app = web.Application()
    app.router.add_get("/healthz", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Bind(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("body", ["", "welcome", "[]", "1", '{"ok": true}', "{" * 1000])
async def test_a_server_that_is_none_of_ours_is_none(body: str) -> None:
    async with page(body) as bind:
        assert await asked(bind, "/healthz") is None


async def test_a_server_of_ours_is_known_by_its_answer() -> None:
    async with page('{"success": true}') as bind:
        answer = await asked(bind, "/healthz")
    assert answer
    assert answer.status == 200
    assert await asked(bind, "/healthz") is None
    assert await asked(Bind("127.0.0.1", 0), "/healthz") is None
