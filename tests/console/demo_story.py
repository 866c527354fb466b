"""
What an operator does with the demo, all by clicking: the story of the tests and of the pictures.

A session is started and limited, the plot follows, the frame is found in the log; the target is
broken, the reason is read, and it is mended.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from playwright.async_api import Locator, Page, expect

# Takes a picture of what is seen now, under a name.
See = Callable[[str], Awaitable[None]]
CHARGER = "DEMO-16"
TOKEN = "04A1B2C3D4E5F6"
# Nobody listens there.
DEAD = "ws://127.0.0.1:1/ocpp"
PATIENCE = 20_000  # ms


async def story(page: Page, see: See) -> None:
    """Tell it from the overview on, where somebody has just logged in."""
    await expect(page.get_by_role("link", name=CHARGER)).to_be_visible()
    await see("fleet")
    await page.get_by_role("link", name=CHARGER).click()
    await a_session_is_limited(page, see)
    await its_frame_is_found(page, see)
    await the_target_breaks_and_is_mended(page, see)
    await every_other_page(page, see)


async def a_session_is_limited(page: Page, see: See) -> None:
    evse = page.get_by_role("article", name="EVSE 2")
    dialog = page.get_by_role("dialog")
    await evse.get_by_role("button", name="Start").click()
    await dialog.get_by_label("Token", exact=True).fill(TOKEN)
    await dialog.get_by_role("button", name="Start").click()
    await answered(dialog)
    await page.get_by_text("The plot as a table").click()
    measured = page.get_by_role("table", name="Measured power and limits")
    await expect(measured.get_by_role("row").nth(3)).to_be_visible(timeout=PATIENCE)

    await evse.get_by_role("button", name="Limit").click()
    await dialog.get_by_label("Limit", exact=True).fill("6")
    await see("limit")
    await dialog.get_by_role("button", name="Set limit").click()
    await answered(dialog)
    followed = measured.get_by_role("row", name=re.compile(r"6\.0 kW 6\.0 kW"))
    await expect(followed.first).to_be_visible(timeout=PATIENCE)
    await page.get_by_text("The plot as a table").click()
    await page.get_by_role("button", name="15 min").click()
    await see("charger")


async def answered(dialog: Locator) -> None:
    await expect(dialog.get_by_text("The charger answered Accepted.")).to_be_visible()
    await dialog.get_by_role("button", name="Close").click()


async def its_frame_is_found(page: Page, see: See) -> None:
    await page.get_by_role("link", name="Messages").click()
    search = page.get_by_role("search")
    rows = page.get_by_role("grid", name="Messages").locator("tr[data-seq]")
    await expect(rows.nth(5)).to_be_visible()
    await see("messages")
    await search.get_by_label("Charger", exact=True).fill(CHARGER)
    await search.get_by_label("Action", exact=True).fill("SetChargingProfile")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("Accepted")
    await rows.click()
    dialog = page.get_by_role("dialog", name="SetChargingProfile")
    await expect(dialog.locator(".leg").first).to_contain_text("6000")
    await see("message")
    await dialog.get_by_role("button", name="Close").click()


async def the_target_breaks_and_is_mended(page: Page, see: See) -> None:
    before = await lead_to(page, DEAD)
    await page.get_by_role("link", name="Proxy links").click()
    row = page.get_by_role("table", name="Proxy links").get_by_role("row").filter(has_text=CHARGER)
    await expect(row.get_by_text("backoff")).to_be_visible(timeout=PATIENCE)
    await expect(row).to_contain_text("refused")
    await see("links")
    await lead_to(page, before)
    await expect(page.locator(".charger-head").get_by_text("ready")).to_be_visible(timeout=PATIENCE)


async def lead_to(page: Page, url: str) -> str:
    """Give the charger's target another address; return the one before."""
    await page.get_by_role("link", name="Fleet").click()
    await page.get_by_role("link", name=CHARGER).click()
    await page.get_by_role("link", name="Settings", exact=True).click()
    await page.get_by_role("button", name="Change", exact=True).click()
    dialog = page.get_by_role("dialog")
    address = dialog.get_by_label("Address")
    before = await address.input_value()
    await address.fill(url)
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    return before


async def every_other_page(page: Page, see: See) -> None:
    await page.get_by_role("link", name="Sites").click()
    await page.get_by_role("table", name="Sites").get_by_role("link").first.click()
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.get_by_text("SITE-0001").first).to_be_visible()
    await see("site")
    for name, heading in {
        "Data connectors": "connectors",
        "Audit": "audit",
        "API keys": "keys",
    }.items():
        await page.get_by_role("link", name=name).click()
        await expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        await expect(page.get_by_role("table").or_(page.locator(".notice")).first).to_be_visible()
        await see(heading)
