"""The description of the API at /docs, and the plain pages that stand in for what is not built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect

from api.assets import serve_pages
from tests.browser import accessibility, needs_browser, page_at
from tests.console.test_shell import address, key_of
from tests.e2e.conftest import Api

pytestmark = [needs_browser, pytest.mark.sqlite_only("what a browser shows is no database's")]


async def test_an_operation_is_tried_out_with_a_key(api: Api, browser: Browser) -> None:
    async with page_at(browser, address(api), "/docs") as (page, _):
        await page.get_by_role("button", name="Authorize").first.click()
        await page.get_by_label("Value:").first.fill(key_of(api))
        await page.get_by_role("button", name="Apply credentials").first.click()
        await page.get_by_role("button", name="Close").last.click()
        await page.get_by_role("link", name="Organizations", exact=True).click()
        operation = page.locator("#operations-Organizations-list_organizations")
        await operation.get_by_role("button").first.click()
        await operation.get_by_role("button", name="Execute").click()
        answer = operation.locator(".live-responses-table .response").first
        await expect(answer).to_contain_text("200")
        await expect(answer).to_contain_text(api.organization_uuid)


@pytest_asyncio.fixture(loop_scope="session")
async def plain(tmp_path: Path) -> AsyncIterator[str]:
    """Serve what is there where nothing was built."""
    app = web.Application()
    document = {"paths": {"/a": {"get": {"summary": "List <all>"}, "post": {"summary": "Make"}}}}
    serve_pages(app, document, tmp_path)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


async def test_plain_pages_are_accessible(plain: str, browser: Browser) -> None:
    # In the dark a browser gives them colours of its own, on a ground that axe takes for white.
    async with page_at(browser, plain, color_scheme="light") as (page, _):
        for path in ("/", "/docs"):
            await page.goto(f"{plain}{path}")
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert await accessibility(page) == []
