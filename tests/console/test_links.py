"""Links to targets in the browser: why one is red, what waits, and what helps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from tests.browser import accessibility, needs_browser, page_at
from tests.console.proxied import proxied
from tests.doubles import PATIENCE
from tests.e2e import conftest
from tests.e2e.conftest import Api, served

pytestmark = [needs_browser, pytest.mark.sqlite_only("what a browser shows is no database's")]


@pytest_asyncio.fixture(loop_scope="session")
async def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    """A server that gives a message up soon."""
    monkeypatch.setattr(conftest, "FAST", replace(conftest.FAST, attempt_interval=0.01))
    async with served(tmp_path) as api:
        yield api


async def until(place: Locator, text: str) -> None:
    """Have the page ask anew until it says something, without waiting for its clock."""
    async with asyncio.timeout(PATIENCE):
        while text not in await place.inner_text():
            await place.page.clock.fast_forward(5000)


async def test_a_target_breaks_and_the_page_says_why_until_it_is_back(
    api: Api, browser: Browser
) -> None:
    async with (
        proxied(api) as scene,
        page_at(browser, scene.address, "/#/links", key=scene.key) as (page, _),
    ):
        await page.clock.install()
        await page.reload()
        row = page.get_by_role("table", name="Proxy links").get_by_role("row").nth(1)
        await expect(row).to_contain_text("ready")
        await scene.charger.start(1, "04A2B3C4")
        port = scene.target.port
        await scene.target.close()
        await until(row, "No connection")
        await expect(row).to_contain_text("Nobody listens at the target's address")
        # What the charger says meanwhile waits.
        scene.charger.read_meters()
        await until(row.get_by_role("cell").nth(5), "1")

        await page.get_by_label("State", exact=True).select_option("ready")
        await expect(page.get_by_text("No link is like that.")).to_be_visible()
        await page.get_by_label("State", exact=True).select_option("all")
        await row.get_by_role("link", name="CP-1").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("MeterValues")
        await dialog.get_by_role("button", name="Test the target").click()
        steps = dialog.get_by_role("list", name="Steps of the test").get_by_role("listitem")
        await expect(steps.last).to_contain_text("No connection")
        assert await accessibility(page) == []
        await scene.target.listen(port=port)
        await until(dialog, "ready")
        await until(dialog, "Nothing waits")

        await dialog.get_by_role("button", name="Disable").click()
        await expect(dialog.get_by_text("disabled", exact=True)).to_be_visible()
        await dialog.get_by_role("button", name="Enable").click()
        await until(dialog, "ready")
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)


async def test_a_dead_letter_goes_out_again_and_a_queue_is_purged_after_a_question(
    api: Api, browser: Browser
) -> None:
    async with proxied(api) as scene:
        scene.target.conduct.errors["StopTransaction"] = "InternalError"
        await scene.charger.start(1, "04A2B3C4")
        await scene.charger.stop(1)
        await scene.target.until(lambda target: len(target.calls("StopTransaction")) == 3)
        _, told = await api("GET", f"{api.of_organization}/proxy_links")
        place = f"/#/links?open={told['proxy_links'][0]['proxy_configuration_id']}"
        async with page_at(browser, scene.address, place, key=scene.key, color_scheme="dark") as (
            page,
            _,
        ):
            await page.clock.install()
            await page.reload()
            dialog = page.get_by_role("dialog")
            row = dialog.get_by_role("row").filter(has_text="StopTransaction")
            await until(row, "dead")
            scene.target.conduct.errors.clear()
            await row.get_by_role("button", name="Retry").click()
            await scene.target.until(lambda target: len(target.calls("StopTransaction")) == 4)
            await until(dialog, "Nothing waits")
            await dialog.get_by_role("button", name="Purge the queue").click()
            question = page.get_by_role("dialog", name="Purge the queue of CP-1?")
            await question.get_by_role("button", name="Purge").click()
            await expect(page.get_by_text("0 messages were taken out")).to_be_visible()


async def test_a_key_that_reads_is_told_what_it_may_not(api: Api, browser: Browser) -> None:
    async with (
        proxied(api) as scene,
        page_at(
            browser,
            scene.address,
            "/#/links",
            key=await scene.scoped("read"),
            viewport={"width": 390, "height": 844},
        ) as (page, _),
    ):
        await page.get_by_role("link", name="CP-1").click()
        test = page.get_by_role("button", name="Test the target")
        await expect(test).to_have_attribute("aria-disabled", "true")
        await expect(test).to_have_attribute(
            "title", "This needs the scope operate; yours is read."
        )
        wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider == 0
        assert await accessibility(page) == []
