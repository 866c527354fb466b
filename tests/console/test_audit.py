"""The audit in the browser: found by its filters, opened, and what is shown without an admin."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.browser import accessibility, needs_browser, page_at
from tests.console.test_shell import address, key_of
from tests.e2e.conftest import Api

pytestmark = [needs_browser, pytest.mark.sqlite_only("what a browser shows is no database's")]


async def test_who_did_what_is_found_and_opened(api: Api, browser: Browser) -> None:
    for number in range(101):
        await api("POST", f"{api.of_organization}/sites", {"name": f"Depot {number}"})
    await api("POST", f"{api.of_organization}/sites", {"name": ""})
    async with page_at(browser, address(api), "/#/audit", key=key_of(api)) as (page, _):
        table = page.get_by_role("table", name="Audit")
        newest = table.get_by_role("row").nth(1)
        await expect(newest).to_contain_text("422 invalid")
        await expect(newest).to_contain_text("create_site")
        await page.get_by_role("button", name="Older rows").click()
        await expect(page.get_by_role("button", name="Older rows")).to_have_count(0)

        await newest.get_by_role("button").click()
        dialog = page.get_by_role("dialog", name="create_site")
        await expect(dialog).to_contain_text("key:")
        await expect(dialog.get_by_label("Details")).to_contain_text('"fields"')
        assert await accessibility(page) == []
        await page.keyboard.press("Escape")

        await page.get_by_label("What", exact=True).fill("no_such_thing")
        await expect(page.get_by_text("There is nothing like that.")).to_be_visible()
        assert "action=no_such_thing" in page.url


async def test_without_an_admin_security_events_are_shown(api: Api, browser: Browser) -> None:
    _, key = await api("POST", f"{api.of_organization}/api_keys", {"scope": "operate"})
    await api("POST", f"{api.of_organization}/chargers", {"charge_box_id": "CP-1"})
    refused = f"http://{api.server.ocpp}/{api.organization_uuid}/ocpp/CP-1"
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol": "ocpp1.6",
        "Authorization": "Basic Q1AtMTp3cm9uZw==",
    }
    async with api.session.get(refused, headers=headers) as answer:
        assert answer.status == 401
    async with page_at(
        browser,
        address(api),
        "/#/audit",
        key=key["api_key"]["api_key"],
        color_scheme="dark",
        viewport={"width": 390, "height": 844},
    ) as (page, _):
        await expect(page.get_by_role("note")).to_contain_text("this needs the scope admin")
        await expect(page.get_by_role("table", name="Security events")).to_contain_text("CP-1")
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
        assert await accessibility(page) == []
