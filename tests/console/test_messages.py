"""The message log in the browser: live, looked back, found, opened, taken along."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser import BROKEN, accessibility, needs_browser, page_at
from tests.console.proxied import proxied
from tests.e2e.conftest import Api

pytestmark = [needs_browser, pytest.mark.sqlite_only("what a browser shows is no database's")]

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
PHONE = {"viewport": {"width": 390, "height": 844}}
BIG = b'{"vendorId":"acme","data":"n","n":12345678901234567890,"one":1.0}'


def rows(page: Page, *texts: str) -> Locator:
    """Find rows of the log with these texts in them."""
    found = page.get_by_role("grid", name="Messages").locator("tr[data-seq]")
    for text in texts:
        found = found.filter(has_text=text)
    return found


def filter_of(page: Page, name: str) -> Locator:
    return page.get_by_role("search").get_by_label(name, exact=True)


async def copied(page: Page) -> str:
    return str(await page.evaluate("navigator.clipboard.readText()"))


async def test_what_is_said_appears_live_with_both_legs_and_is_found_again(
    api: Api, browser: Browser
) -> None:
    async with (
        proxied(api) as scene,
        page_at(browser, scene.address, "/#/messages", key=scene.key, **CLIPBOARD) as (page, _),
    ):
        await expect(page.get_by_role("status").get_by_text("live", exact=True)).to_be_visible()
        # A session, as it goes on: the charger's message and the target's copy are one row.
        await scene.charger.start(1, "04A2B3C4")
        began = rows(page, "StartTransaction")
        await expect(began).to_have_count(1)
        await expect(began).to_contain_text("Charger → Ringmain → target")
        await expect(began.get_by_text("Accepted")).to_have_count(2)
        # And the other way round.
        await scene.target.command("CP-1", "TriggerMessage", {"requestedMessage": "MeterValues"})
        await expect(rows(page, "TriggerMessage", "Target → Ringmain → charger")).to_have_count(1)
        await rows(page).first.focus()
        await page.keyboard.press("ArrowDown")
        await expect(rows(page).nth(1)).to_be_focused()
        await page.keyboard.press("ArrowUp")
        await expect(rows(page).first).to_be_focused()

        await filter_of(page, "Action").fill("StartTransaction")
        await expect(rows(page, "MeterValues")).to_have_count(0)
        await expect(began).to_have_count(1)
        assert "action=StartTransaction" in page.url
        await page.reload()
        await expect(rows(page)).to_have_count(1)
        await expect(filter_of(page, "Action")).to_have_value("StartTransaction")

        # Opened by the keyboard: both legs, their ids, and what one takes along.
        await began.focus()
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="StartTransaction")
        legs = dialog.locator(".leg")
        await expect(legs).to_have_count(2)
        await expect(legs.nth(1)).to_contain_text("Ringmain → target")
        await expect(legs.nth(0)).to_contain_text('"04A2B3C4"')
        await dialog.get_by_role("button", name="Copy as JSON").click()
        taken = json.loads(await copied(page))
        assert [leg["direction"] for leg in taken["legs"]] == [
            "charger_to_platform",
            "platform_to_target",
        ]
        assert taken["legs"][1]["origin"] == taken["legs"][0]["seq"]
        await dialog.get_by_role("button", name="Copy as curl").click()
        assert taken["legs"][0]["message_id"] in await copied(page)
        assert scene.key not in await copied(page)
        assert await accessibility(page) == []
        await page.keyboard.press("Escape")
        await expect(began).to_be_focused()


async def test_numbers_stay_as_they_were_and_errors_are_picked(api: Api, browser: Browser) -> None:
    async with proxied(api) as scene:
        link = scene.target.live("CP-1")
        assert link
        assert link.link
        await link.link.call("DataTransfer", BIG)
        status, _ = await scene.api(
            "POST", "/api/chargingStations/CP-1/commands/UnlockConnector", {"connectorId": 77}
        )
        assert status == 200
        scene.target.conduct.errors["MeterValues"] = "InternalError"
        await scene.charger.start(1, "04A2B3C4")
        scene.charger.read_meters()
        place = "/#/messages?text=12345678901234567890"
        async with page_at(
            browser, scene.address, place, key=scene.key, color_scheme="dark", **CLIPBOARD
        ) as (page, _):
            await expect(rows(page)).to_have_count(1)
            await rows(page).click()
            dialog = page.get_by_role("dialog", name="DataTransfer")
            payload = dialog.get_by_label("Payload of the Call")
            await expect(payload.first).to_contain_text("12345678901234567890")
            await expect(payload.first).to_contain_text('"one": 1.0')
            # Folded, it says how much is in it.
            await payload.first.locator("summary").first.click()
            await expect(payload.first).to_contain_text("4 members")
            await dialog.get_by_role("button", name="Close").click()

            await filter_of(page, "Text in it").fill("")
            await filter_of(page, "Only errors").check()
            await expect(rows(page, "MeterValues", "InternalError")).not_to_have_count(0)
            await expect(rows(page, "StartTransaction")).to_have_count(0)
            await filter_of(page, "Only errors").uncheck()
            await filter_of(page, "Begun by").select_option("ringmain")
            await rows(page, "UnlockConnector").click()
            dialog = page.get_by_role("dialog", name="UnlockConnector")
            await dialog.get_by_role("button", name="Copy command as curl").click()
            assert "commands/UnlockConnector" in await copied(page)
            assert "-d '{\"connectorId\":77}'" in await copied(page)
            await page.keyboard.press("Escape")
            assert await accessibility(page) == []


async def test_a_paused_log_stands_still_and_counts_and_a_phone_shows_it(
    api: Api, browser: Browser
) -> None:
    async with (
        proxied(api) as scene,
        page_at(browser, scene.address, "/#/messages", key=scene.key, **PHONE) as (page, watched),
    ):
        await expect(rows(page, "BootNotification").first).to_be_attached()
        await page.get_by_role("button", name="Pause").click()
        await scene.charger.start(1, "04A2B3C4")
        go_on = page.get_by_role("button", name="Continue")
        await expect(go_on).not_to_contain_text("(0 new)")
        await expect(rows(page, "StartTransaction")).to_have_count(0)
        await go_on.click()
        await expect(rows(page, "StartTransaction")).to_have_count(1)
        wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider == 0
        assert await accessibility(page) == []
        # The id of no charger, as it is while one types.
        watched.expected.append(BROKEN)
        await filter_of(page, "Charger").fill("CP")
        await expect(page.get_by_text("There is no charger with this id.")).to_be_visible()
        await filter_of(page, "Charger").fill("CP-1")
        await expect(rows(page, "StartTransaction")).to_have_count(1)
