"""The fleet overview, from the first charger that is enrolled to ten thousand."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from playwright.async_api import Browser, Page, Route, expect

from simulators.charger import Charger
from tests.browser import BROKEN, accessibility, needs_browser, page_at
from tests.console.test_shell import address, key_of
from tests.e2e.conftest import Api
from tests.simulators.stage import TOKEN

pytestmark = [needs_browser, pytest.mark.sqlite_only("what a browser shows is no database's")]


def row(charge_box_id: str, **more: Any) -> dict[str, Any]:
    """Return a row as the API tells it."""
    return {
        "charge_box_id": charge_box_id,
        "charger_name": charge_box_id,
        "site_id": None,
        "vendor_name": "Volt",
        "model_name": "V2",
        "ocpp_version": "1.6",
        "connected": True,
        "last_seen": "2026-11-22T07:53:06.989Z",
        "state": "available",
        "connectors": [
            {"evse_id": 1, "connector_id": 1, "status": "Available", "error_code": None}
        ],
        "power_w": None,
        "running_transactions": 0,
        "target": None,
        **more,
    }


async def pages_of(page: Page, rows: list[dict[str, Any]]) -> None:
    """Answer for the server: these are the chargers, and nothing changes."""

    async def told(route: Route) -> None:
        query = dict(part.split("=") for part in route.request.url.partition("?")[2].split("&"))
        begin = int(query.get("cursor", 0))
        end = begin + int(query["limit"])
        body = {"chargers": rows[begin:end], "next_cursor": str(end) if end < len(rows) else None}
        await route.fulfill(body=orjson.dumps(body), content_type="application/json")

    await page.route("**/fleet?*", told)


async def enrolled(page: Page, charge_box_id: str) -> tuple[str, str]:
    """Enrol a charger by clicking; return its URL, without the id, and its password."""
    await page.get_by_role("button", name="Enrol a charger").click()
    await page.get_by_role("button", name="Enrol", exact=True).click()
    await expect(page.get_by_label("Charger id")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Charger id").fill(charge_box_id)
    await page.get_by_role("button", name="Enrol", exact=True).click()
    told = page.get_by_role("dialog", name=f"{charge_box_id} is enrolled")
    await expect(told).to_be_visible()
    assert await accessibility(page) == []
    url, _, password = await told.locator("code").all_inner_texts()
    await told.get_by_role("button", name="I have noted them").click()
    return url.rpartition("/")[0], password


async def test_the_first_charger_is_enrolled_and_followed(api: Api, browser: Browser) -> None:
    async with page_at(browser, address(api), key=key_of(api)) as (page, watched):
        watched.expected.append(BROKEN)  # a 422 on the way
        await expect(page.get_by_role("heading", name="There is no charger yet.")).to_be_visible()
        url, password = await enrolled(page, "CP-1")
        charger = Charger(url, "CP-1", password)
        line = page.get_by_role("row").filter(has_text="CP-1")
        await expect(line).to_contain_text("offline")
        async with charger.running():
            await expect(line).to_contain_text("available")
            await charger.start(1, TOKEN)
            charger.read_meters(1)
            await expect(line).to_contain_text("charging")
            await expect(line).to_contain_text("11.0 kW")
            await expect(page.get_by_role("list", name="Totals")).to_contain_text("11.0 kW")
        await expect(line).to_contain_text("offline")
        assert await accessibility(page) == []
        await line.get_by_role("link", name="CP-1").click()
        await expect(page).to_have_title("CP-1 · Ringmain")


async def test_a_view_is_found_by_keyboard_and_can_be_shared(api: Api, browser: Browser) -> None:
    target = {"proxy_configuration_id": 1, "target_platform_identifier": "Roaming"}
    rows = [
        row("CP-2", state="faulted"),
        row("CP-10", state="charging", power_w=7000.0, running_transactions=1),
        row("CP-9", target={**target, "state": "backoff", "reason": "Nobody listens there."}),
    ]
    async with page_at(browser, address(api), key=key_of(api)) as (page, _):
        await pages_of(page, rows)
        await page.reload()
        lines = page.get_by_role("row")
        await expect(lines.nth(1)).to_contain_text("CP-2")
        await expect(lines.nth(2)).to_contain_text("CP-9")
        await page.get_by_role("button", name="Charger", exact=True).press("Enter")
        await expect(lines.nth(1)).to_contain_text("CP-10")
        head = page.get_by_role("columnheader", name="Charger")
        await expect(head).to_have_attribute("aria-sort", "descending")
        await page.get_by_role("button", name="Links not ready").press("Space")
        await expect(lines).to_have_count(2)
        await expect(lines.nth(1)).to_contain_text("Nobody listens there.")
        await page.keyboard.press("/")
        await page.keyboard.type("v2 9")
        await expect(page.get_by_role("status").filter(has_text="1 of 3")).to_be_visible()

        async with page_at(browser, address(api), key=key_of(api)) as (other, _):
            await pages_of(other, rows)
            await other.goto(page.url)
            await other.reload()
            await expect(other.get_by_role("searchbox")).to_have_value("v2 9")
            await expect(other.get_by_role("row")).to_have_count(2)


async def test_numbers_are_written_alike_in_every_language(api: Api, browser: Browser) -> None:
    rows = [row(f"CP-{number:04d}", power_w=1234.5) for number in range(1234)]
    async with page_at(browser, address(api), key=key_of(api), locale="de-DE") as (page, _):
        await pages_of(page, rows)
        await page.reload()
        await expect(page.get_by_text("1,234 chargers")).to_be_visible()
        totals = page.get_by_role("list", name="Totals")
        await expect(totals).to_contain_text("of 1,234")
        await expect(totals).to_contain_text("1,523.4 kW")


async def test_ten_thousand_are_drawn_where_one_looks(api: Api, browser: Browser) -> None:
    rows = [row(f"CP-{number:05d}") for number in range(10_000)]
    phone = {"width": 390, "height": 844}
    async with page_at(browser, address(api), key=key_of(api)) as (page, _):
        await pages_of(page, rows)
        await page.reload()
        await expect(page.get_by_text("10,000 chargers")).to_be_visible()
        assert await page.locator("tr").count() < 60
        table = page.get_by_role("table", name="Chargers")
        await expect(table).to_have_attribute("aria-rowcount", "10001")
        region = page.get_by_role("region", name="Chargers")
        await region.focus()
        await page.keyboard.press("End")
        await expect(page.get_by_role("link", name="CP-09999")).to_be_visible()
        await page.set_viewport_size(phone)  # type: ignore[arg-type]  # a dict is one
        assert await page.evaluate("document.documentElement.scrollWidth") == phone["width"]
        assert await accessibility(page) == []
