"""API keys in the browser: made, shown once, used, revoked; and members."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp
import pytest
from playwright.async_api import Browser, expect

from tests.browser import BROKEN, accessibility, needs_browser, page_at
from tests.console.test_shell import address, key_of
from tests.e2e.conftest import Api

pytestmark = [needs_browser, pytest.mark.sqlite_only("what a browser shows is no database's")]

SOMEBODY = "11111111-2222-4333-8444-555555555555"


async def status_of(api: Api, key: str) -> int:
    async with aiohttp.request(
        "GET", f"{address(api)}/api/v1/organizations", headers={"x-api-key": key}
    ) as answer:
        return answer.status


async def test_a_key_is_made_shown_once_and_revoked(api: Api, browser: Browser) -> None:
    async with page_at(browser, address(api), "/#/keys", key=key_of(api)) as (page, watched):
        await page.get_by_role("button", name="New key").click()
        form = page.get_by_role("dialog", name="New API key")
        await form.get_by_label("Name").fill("night shift")
        await form.get_by_label("Scope").select_option("operate")
        await form.get_by_label("Expires").fill("2020-01-01T00:00")
        watched.expected.append(BROKEN)
        await form.get_by_role("button", name="Create").click()
        await expect(form).to_contain_text("This is in the past.")
        assert await accessibility(page) == []
        await form.get_by_label("Expires").fill("")
        await form.get_by_role("button", name="Create").click()
        made = page.get_by_role("dialog", name="The key night shift")
        key = await made.get_by_role("code").inner_text()
        assert await status_of(api, key) == HTTPStatus.OK
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")
        await made.get_by_role("button", name="I have noted it").click()
        assert key not in await page.content()

        row = (
            page.get_by_role("table", name="API keys")
            .get_by_role("row")
            .filter(has_text="night shift")
        )
        await expect(row).to_contain_text("operate")
        await row.get_by_role("button", name="Revoke night shift").click()
        question = page.get_by_role("dialog", name="Revoke night shift?")
        await question.get_by_role("button", name="Revoke").click()
        await expect(row).to_contain_text("revoked")
        assert await status_of(api, key) == HTTPStatus.UNAUTHORIZED

        await page.get_by_role("button", name="Add a member").click()
        form = page.get_by_role("dialog", name="Add a member")
        await form.get_by_label("Identity").fill(SOMEBODY)
        await form.get_by_role("button", name="Add", exact=True).click()
        await page.get_by_label(f"Role of {SOMEBODY}").select_option("operate")
        await expect(page.get_by_text("The member's role is operate now.")).to_be_visible()
        assert await accessibility(page) == []
        await page.get_by_role("button", name=f"Remove {SOMEBODY}").click()
        await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(page.get_by_text("Nobody yet.")).to_be_visible()


async def test_only_an_admin_sees_keys(api: Api, browser: Browser) -> None:
    _, told = await api("POST", f"{api.of_organization}/api_keys", {"scope": "read"})
    async with page_at(
        browser,
        address(api),
        "/#/keys",
        key=told["api_key"]["api_key"],
        color_scheme="dark",
        viewport={"width": 390, "height": 844},
    ) as (page, _):
        await expect(page.get_by_text("Only an admin sees keys and members.")).to_be_visible()
        await expect(page.get_by_text("yours is read")).to_be_visible()
        assert await accessibility(page) == []
