"""What a charger is asked by forms, and every way that it can end."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser import BROKEN, accessibility, needs_browser, page_at
from tests.console.test_charger import charger_at
from tests.console.test_shell import address, key_of
from tests.e2e.conftest import Api, served

pytestmark = [needs_browser, pytest.mark.sqlite_only("what a browser shows is no database's")]


def form_of(what: str) -> str:
    return f"/#/chargers/CP-1?part=commands&what={what}"


async def go(page: Page, api: Api, what: str) -> None:
    await page.goto(address(api) + form_of(what))


async def send_clear_cache(page: Page) -> None:
    """What is not undone is asked about first; Cancel has the focus."""
    await page.get_by_role("button", name="Send ClearCache").click()
    question = page.get_by_role("dialog", name="ClearCache?")
    await expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    await question.get_by_role("button", name="Send ClearCache").click()


async def test_a_generated_form_is_checked_sent_and_gets_its_late_parts(
    api: Api, browser: Browser
) -> None:
    async with (
        charger_at(api, version="2.0.1"),
        page_at(browser, address(api), form_of("SetMonitoringLevel"), key=key_of(api)) as (
            page,
            watched,
        ),
    ):
        watched.expected.append(BROKEN)  # by the 422
        severity = page.get_by_label("Severity (needed)")
        await page.get_by_role("button", name="Send SetMonitoringLevel").click()
        await expect(severity).to_have_attribute("aria-invalid", "true")
        await expect(page.locator(".field .wrong")).to_be_visible()
        assert await accessibility(page) == []

        await page.get_by_role("button", name="JSON").click()
        await page.get_by_label("Request as JSON").fill('{"severity": 4}')
        await page.get_by_role("button", name="Form", exact=True).click()
        await expect(severity).to_have_value("4")
        await page.get_by_role("button", name="Send SetMonitoringLevel").click()
        await expect(page.get_by_text("The charger answered Accepted.")).to_be_visible()

        await go(page, api, "GetBaseReport")
        await page.get_by_label("Report base (needed)").select_option("FullInventory")
        await page.get_by_role("button", name="Send GetBaseReport").click()
        late = page.get_by_role("region", name="What came after the answer")
        await expect(late.get_by_text("that was all")).to_be_visible()
        await expect(late.get_by_text("NotifyReport").first).to_be_visible()


PROFILE = """{"connectorId": 1, "csChargingProfiles": {
  "chargingProfileId": 9007199254740993, "stackLevel": 0,
  "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Relative",
  "chargingSchedule": {"chargingRateUnit": "W", "chargingSchedulePeriod": [
    {"startPeriod": 0, "limit": 1.10}]}}}"""


async def test_a_number_is_sent_as_typed_also_by_way_of_the_form(
    api: Api, browser: Browser
) -> None:
    async with (
        charger_at(api),
        page_at(browser, address(api), form_of("SetChargingProfile"), key=key_of(api)) as (
            page,
            watched,
        ),
    ):
        watched.expected.append(BROKEN)  # the charger may refuse it
        form, text = page.get_by_role("button", name="Form", exact=True), "Request as JSON"
        await page.get_by_role("button", name="JSON").click()
        await page.get_by_label(text).fill(PROFILE)
        await form.click()
        limit = page.get_by_label("Limit (needed)")
        await expect(limit).to_have_value("1.10")
        await page.get_by_label("Start period (needed)").fill("060")
        async with page.expect_request("**/commands/SetChargingProfile") as sent:
            await page.get_by_role("button", name="Send SetChargingProfile").click()
        said = (await sent.value).post_data or ""
        assert '"chargingProfileId": 9007199254740993' in said
        assert '"limit": 1.10' in said
        assert '"startPeriod": "060"' in said  # no number of JSON: it is refused, not mended
        await expect(page.get_by_label("Start period (needed)")).to_have_attribute(
            "aria-invalid", "true"
        )
        await page.get_by_role("button", name="JSON").click()
        await expect(page.get_by_label(text)).to_have_value(re.compile(r'"limit": 1\.10\b'))

        await page.get_by_label(text).fill('{"connectorId": 1, "ours": 1.10}')
        await form.click()
        await expect(page.get_by_text("The form has no place for ours")).to_be_visible()
        await expect(page.get_by_label(text)).to_have_value('{"connectorId": 1, "ours": 1.10}')
        assert await accessibility(page) == []


async def test_what_goes_wrong_is_said_in_words_and_recorded(api: Api, browser: Browser) -> None:
    async with (
        charger_at(api) as charger,
        page_at(browser, address(api), form_of("ClearCache"), key=key_of(api)) as (page, watched),
    ):
        watched.expected.append(BROKEN)
        charger.habits = replace(charger.habits, errors={"ClearCache": "NotSupported"})
        await send_clear_cache(page)
        await expect(page.get_by_text("NotSupported: Not here.").first).to_be_visible()
        asked = page.get_by_role("table", name="Commands of this charger")
        await expect(asked.get_by_text("NotSupported: Not here.")).to_be_visible()

        await charger.go_offline()
        await go(page, api, "limit")
        await expect(page.get_by_text("The charger is not connected")).to_be_visible()
        await page.get_by_label("Limit", exact=True).fill("5")
        await page.get_by_text("As curl", exact=True).click()
        await expect(page.get_by_label("The request as curl")).to_contain_text("x-api-key: $KEY")
        await page.get_by_role("button", name="Set limit").click()
        await expect(page.get_by_text("It was last seen")).to_be_visible()
        await expect(asked.get_by_text("offline")).to_be_visible()


async def test_a_charger_that_does_not_answer_is_said_to(tmp_path: Path, browser: Browser) -> None:
    async with (
        served(tmp_path, answer_seconds=0.5) as api,
        charger_at(api) as charger,
        page_at(browser, address(api), form_of("ClearCache"), key=key_of(api)) as (page, watched),
    ):
        watched.expected.append(BROKEN)
        charger.habits = replace(charger.habits, mute=frozenset({"ClearCache"}))
        await send_clear_cache(page)
        await expect(page.get_by_text("The charger did not answer in time.")).to_be_visible()
        await expect(page.get_by_text("Recorded as command")).to_be_visible()


async def test_who_may_only_read_is_told_what_a_button_takes(api: Api, browser: Browser) -> None:
    storage = api.server.storage
    _, key = await storage.api_keys.create(api.organization_uuid, "read")
    async with (
        charger_at(api),
        page_at(browser, address(api), form_of("reset"), key=key) as (page, _),
    ):
        button = page.get_by_role("button", name="Restart")
        await expect(button).to_have_attribute("aria-disabled", "true")
        await expect(button).to_have_accessible_description(
            "This needs the scope operate; yours is read."
        )
        await button.click(force=True)
        await expect(page.get_by_role("dialog")).to_have_count(0)
