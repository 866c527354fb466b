"""API keys in the browser: made, shown once, used, revoked; and members."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

import aiohttp
import pytest
from playwright.async_api import Browser, expect

from storage.security_records import Member
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


async def test_ones_own_key_is_known_and_asked_about_in_clear_words(
    api: Api, browser: Browser
) -> None:
    made = {
        name: (
            await api("POST", f"{api.of_organization}/api_keys", {"scope": "admin", "name": name})
        )[1]
        for name in ("mine", "theirs")
    }
    key = made["mine"]["api_key"]["api_key"]
    async with page_at(browser, address(api), "/#/keys", key=key) as (page, watched):
        watched.expected.append(BROKEN)  # by the 401 after it
        row = page.get_by_role("table", name="API keys").get_by_role("row")
        await expect(row.filter(has_text="your own")).to_contain_text("mine (your own)")
        await page.get_by_role("button", name="Revoke theirs").click()
        question = page.get_by_role("dialog", name="Revoke theirs?")
        await expect(question).not_to_contain_text("logged")
        await question.get_by_role("button", name="Revoke", exact=True).click()
        await expect(row.filter(has_text="theirs")).to_contain_text("revoked")

        await page.get_by_role("button", name="Revoke mine").click()
        question = page.get_by_role("dialog", name="Revoke your own key mine?")
        await expect(question).to_contain_text("This is the key that you are logged in with")
        assert await accessibility(page) == []
        await question.get_by_role("button", name="Revoke my own key").click()
        await expect(page.get_by_role("alert")).to_contain_text("You have been logged out")


async def test_members_beyond_the_first_thousand_are_there(api: Api, browser: Browser) -> None:
    organization = api.organization_uuid
    storage, now = api.server.storage, datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(1001):
        identity = str(UUID(int=number))
        await storage.members.put(
            Member(
                organization_uuid=organization,
                identity_id=identity,
                role="read",
                created_by="tests",
                created_at=now,
            )
        )
    async with page_at(browser, address(api), "/#/keys", key=key_of(api)) as (page, _):
        members = page.get_by_role("table", name="Members")
        await expect(members).to_have_attribute("aria-rowcount", "1002")


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
