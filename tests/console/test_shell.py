"""The console as a whole: who is let in, and what every page has."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from tests.browser import BROKEN, accessibility, needs_browser, page_at
from tests.e2e.conftest import Api

pytestmark = [needs_browser, pytest.mark.sqlite_only("what a browser shows is no database's")]

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PAGES = ("", "messages", "links", "sites", "connectors", "audit", "keys")


def address(api: Api) -> str:
    return f"http://{api.server.http}"


def key_of(api: Api) -> str:
    return str(api.session.headers["x-api-key"])


async def test_who_has_no_key_is_asked_for_one(api: Api, browser: Browser) -> None:
    async with page_at(browser, address(api)) as (page, _):
        await expect(page.get_by_label("API key")).to_be_visible()
        assert await accessibility(page) == []


async def test_a_wrong_key_is_refused_in_words(api: Api, browser: Browser) -> None:
    async with page_at(browser, address(api)) as (page, watched):
        watched.expected.append(BROKEN)
        await page.get_by_label("API key").fill("rm_no")
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("alert")).to_have_text("This key is not valid.")
        await page.get_by_role("button", name="Use the session of this browser").click()
        await expect(page.get_by_role("alert")).to_have_text(
            "This browser has no session that is valid here."
        )


async def test_a_key_in_the_fragment_logs_in_and_is_gone_from_the_address(
    api: Api, browser: Browser
) -> None:
    async with page_at(browser, address(api), key=key_of(api)) as (page, _):
        assert "rm_" not in page.url


async def test_every_page_is_free_of_faults_and_accessible(api: Api, browser: Browser) -> None:
    async with page_at(browser, address(api), key=key_of(api)) as (page, _):
        for path in PAGES:
            await page.goto(f"{address(api)}/#/{path}")
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            for scheme in SCHEMES:
                await page.emulate_media(color_scheme=scheme)
                assert await accessibility(page) == [], (path, scheme)


async def test_everything_is_reached_by_keyboard_and_fits_a_phone(
    api: Api, browser: Browser
) -> None:
    async with page_at(browser, address(api), key=key_of(api)) as (page, _):
        await page.reload()
        await expect(page.get_by_role("button", name="Enrol a charger")).to_be_visible()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Skip to the page")).to_be_focused()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await expect(page.locator("#main :focus")).to_be_visible()
        await page.get_by_role("button", name="Enrol a charger").press("Enter")
        dialog = page.get_by_role("dialog", name="Enrol a charger")
        await expect(dialog.locator("form input").first).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        await page.get_by_role("link", name="Sites").press("Enter")
        await expect(page).to_have_title("Sites · Ringmain")
        await page.set_viewport_size({"width": 390, "height": 844})
        for path in PAGES:
            await page.goto(f"{address(api)}/#/{path}")
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth") == 390, path
        for link in await page.get_by_role("navigation", name="Pages").get_by_role("link").all():
            box = await link.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= 390
