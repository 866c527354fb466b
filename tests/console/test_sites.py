"""Sites in the console: one is made, connected, followed, and taken back, all by clicking."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from simulators.charger import Charger
from simulators.target import Target
from tests.browser import BROKEN, accessibility, needs_browser, page_at
from tests.console.test_shell import address, key_of
from tests.e2e.conftest import Api

pytestmark = [needs_browser, pytest.mark.sqlite_only("what a browser shows is no database's")]


async def make(page: Page, name: str, charge_box_id: str) -> None:
    """Make a site with a charger."""
    await page.get_by_role("link", name="Sites").click()
    await page.get_by_role("button", name="New site").click()
    await page.get_by_label("Name").fill(name)
    await page.get_by_role("button", name=charge_box_id).click()
    await page.get_by_role("button", name="Make the site").click()
    await expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


async def connect(page: Page, url: str) -> None:
    """Store how chargers are linked, look what it would change, and apply it."""
    await page.get_by_role("button", name="Connect", exact=True).click()
    await page.get_by_label("URL").fill("no address")
    await page.get_by_role("button", name="Store", exact=True).click()
    await expect(page.get_by_label("URL")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("URL").fill(url)
    await page.get_by_role("button", name="Store", exact=True).click()
    await page.get_by_role("button", name="What would change?").click()
    await expect(page.get_by_label("What would change")).to_contain_text("1 applied")
    assert await accessibility(page) == []
    await page.get_by_role("button", name="Apply to the site").click()


async def test_a_site_is_connected_and_taken_back(api: Api, browser: Browser) -> None:
    told = await api("POST", f"{api.of_organization}/chargers", {"charge_box_id": "CP-1"})
    password = told[1]["charger"]["ocpp_password"]
    url = f"ws://{api.server.ocpp}/{api.organization_uuid}/ocpp"
    async with (
        Target.listening() as target,
        Charger(url, "CP-1", password).running() as charger,
        page_at(browser, address(api), key=key_of(api)) as (page, watched),
    ):
        watched.expected.append(BROKEN)  # a 422 and a 404 on the way
        await charger.wait_connected()
        await make(page, "Harbour", "CP-1")
        await expect(page).to_have_title("Harbour · Ringmain")
        await connect(page, f"{target.url}/ocpp")

        line = page.get_by_role("table", name="Chargers of the site").get_by_role("row").nth(1)
        await expect(line).to_contain_text("ready")
        await expect(line).to_contain_text("applied")
        steps = page.get_by_role("list", name="Chargers of the rollout")
        await expect(steps).to_contain_text("1 applied")
        assert await accessibility(page) == []

        await page.get_by_role("button", name="Roll back").click()
        dialog = page.get_by_role("dialog", name="Roll Harbour back?")
        await dialog.get_by_role("button", name="Roll back").click()
        await expect(dialog).to_be_hidden()
        await expect(line).to_contain_text("disabled")
        history = page.get_by_role("table", name="What was applied to the site")
        await expect(history).to_contain_text("takes back")

        await line.get_by_role("button", name="Remove").click()
        await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(page.get_by_text("There is no charger at this site yet.")).to_be_visible()
