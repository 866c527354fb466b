"""Data connectors in the browser: made, tried, wrong in words, put right, deleted."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser import BROKEN, accessibility, needs_browser, page_at
from tests.console.test_shell import address, key_of
from tests.e2e.conftest import Api
from tests.stores import S3Store

pytestmark = [needs_browser, pytest.mark.sqlite_only("what a browser shows is no database's")]


async def fill(page: Page, **values: str) -> None:
    """Fill in the form that is open, by its labels."""
    for label, value in values.items():
        await page.get_by_role("dialog").get_by_label(label.replace("_", " ")).fill(value)


async def test_a_wrong_secret_is_told_and_put_right(
    api: Api, browser: Browser, strict_s3_store: S3Store
) -> None:
    bucket = strict_s3_store.new_bucket()
    async with page_at(browser, address(api), "/#/connectors", key=key_of(api)) as (page, watched):
        await expect(page.get_by_text("There is no data connector yet.")).to_be_visible()
        await page.get_by_role("button", name="New connector").click()
        form = page.get_by_role("dialog", name="New data connector")
        await fill(
            page,
            Name="Lake!",
            Bucket=bucket,
            Region=strict_s3_store.region,
            Access_key_id=strict_s3_store.access_key_id,
            Secret_access_key="x" * 40,
        )
        await form.get_by_text("Options").click()
        await fill(page, Endpoint_URL=strict_s3_store.endpoint_url)
        watched.expected.append(BROKEN)
        await form.get_by_role("button", name="Create").click()
        # What cannot be used is said beside it.
        await expect(form.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
        assert await accessibility(page) == []
        await fill(page, Name="lake")
        await form.get_by_role("button", name="Create").click()

        card = page.get_by_role("region", name="lake")
        await card.get_by_role("button", name="Test").click()
        await expect(card).to_contain_text("secret_access_key does not belong to access_key_id")
        await card.get_by_role("button", name="Change").click()
        await expect(page.get_by_role("dialog").get_by_label("Secret access key")).to_have_value("")
        await fill(page, Access_key_id=strict_s3_store.access_key_id)
        await fill(page, Secret_access_key=strict_s3_store.secret_access_key)
        await page.get_by_role("dialog").get_by_role("button", name="Save").click()
        await card.get_by_role("button", name="Test").click()
        await expect(card).to_contain_text("An object was stored and removed.")
        await expect(card).to_contain_text("running")
        assert await accessibility(page) == []

        await card.get_by_role("button", name="Disable").click()
        await expect(card.get_by_text("disabled", exact=True)).to_be_visible()
        await card.get_by_role("button", name="Delete").click()
        await (
            page.get_by_role("dialog", name="Delete lake?")
            .get_by_role("button", name="Delete")
            .click()
        )
        await expect(card).to_have_count(0)


async def test_an_error_is_shown_and_a_key_that_reads_changes_nothing(
    api: Api, browser: Browser, unused_tcp_port: int
) -> None:
    status, told = await api(
        "POST",
        f"/api/orgs/{api.organization_uuid}/connectors",
        {
            "name": "closed",
            "type": "aws_s3",
            "configuration": {
                "bucket": "nowhere",
                "region": "us-east-1",
                "endpoint_url": f"http://127.0.0.1:{unused_tcp_port}",
                "start": "earliest",
                "flush_seconds": 1,
            },
            "credentials": {"access_key_id": "AKIAANYBODY", "secret_access_key": "x" * 40},
        },
    )
    assert status == 201, told
    await api(
        "POST", f"/api/orgs/{api.organization_uuid}/connectors/{told['connector']['id']}/test"
    )
    _, key = await api("POST", f"{api.of_organization}/api_keys", {"scope": "read"})
    async with page_at(
        browser,
        address(api),
        "/#/connectors",
        key=key["api_key"]["api_key"],
        color_scheme="dark",
        viewport={"width": 390, "height": 844},
    ) as (page, _):
        card = page.get_by_role("region", name="closed")
        for name in ("Test", "Change", "Disable", "Delete"):
            button = card.get_by_role("button", name=name)
            await expect(button).to_have_attribute("aria-disabled", "true")
            await expect(button).to_have_attribute(
                "title", "This needs the scope operate; yours is read."
            )
        await expect(card).to_contain_text("Lag")
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
        assert await accessibility(page) == []
