"""What the browser of the other tests lets nobody overlook."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser

from tests.browser import needs_browser, page_at

pytestmark = needs_browser
PAGES = {
    "asked http://elsewhere.example/x.png": '<img src="http://elsewhere.example/x.png">',
    "asked http://127.0.0.2:9/x.png": '<img src="http://127.0.0.2:9/x.png">',
    "exception: oh": "<script>throw 'oh'</script>",
    "warning: take care": "<script>console.warn('take care')</script>",
}


@pytest.mark.parametrize("fault", PAGES)
async def test_a_page_that_does_what_it_should_not_fails_its_test(
    browser: Browser, fault: str
) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text=f"<!doctype html>{PAGES[fault]}", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    async with TestServer(app, host="127.0.0.1") as server:
        with pytest.raises(AssertionError, match=fault):
            async with page_at(browser, str(server.make_url("")).rstrip("/")) as (shown, _):
                await shown.wait_for_load_state("networkidle")
