"""
A real Chromium, which fails a test for what a user would not see: an error in its console, an
exception in a page, a request to anybody but the server of the test.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright

from api.assets import BUILT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = BUILT.parent / "node_modules" / "axe-core" / "axe.min.js"
_FLAGS = (
    "--no-sandbox",  # tests may run as root
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# In CI everything is there; elsewhere one line says what is missing.
_MISSING = "chromium not found" if CHROMIUM is None else "the console is not built (make console)"
needs_browser = pytest.mark.skipif(
    (CHROMIUM is None or not (BUILT / "index.html").exists()) and os.environ.get("CI") != "true",
    reason=f"{_MISSING}: tests in a browser are skipped",
)
# What a test that breaks the connection expects to read there.
BROKEN = "Failed to load resource"


@dataclass
class Watched:
    """What went wrong in the pages of one context, in words."""

    origins: tuple[str, ...]
    faults: list[str] = field(default_factory=list)
    # Errors that hold one of these are expected.
    expected: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note what goes wrong in a page."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._note(f"exception: {error}"))

    def asked(self, request: Request) -> None:
        """Note a request to anybody but the server of the test; the browser finds nobody else."""
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and address.netloc not in self.origins:
            self.faults.append(f"asked {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._note(f"{message.type}: {message.text}")

    def _note(self, fault: str) -> None:
        if not any(each in fault for each in self.expected):
            self.faults.append(fault)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run a browser; one for a test file is enough, contexts keep what they see apart."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def page_at(
    browser: Browser, api: str, path: str = "/", *, key: str | None = None, **options: Any
) -> AsyncIterator[tuple[Page, Watched]]:
    """Open a page of a server, logged in if there is a key; in the end nothing has gone wrong.

    ``options`` are the context's: `viewport`, `color_scheme`, ...
    """
    watched = Watched(origins=(urlsplit(api).netloc,))
    context = await browser.new_context(**options)
    try:
        context.on("request", watched.asked)
        page = await context.new_page()
        watched.watch(page)
        await page.goto(f"{api}/#key={key}" if key else f"{api}{path}")
        if key:
            await page.get_by_role("navigation", name="Pages").wait_for()
            await page.goto(f"{api}{path}")
        yield page, watched
        assert watched.faults == [], watched.faults
    finally:
        await context.close()


async def accessibility(page: Page) -> list[str]:
    """Return what axe finds wrong with a page, each in one line."""
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


async def screenshot(page: Page, place: Path) -> None:
    """Take a picture of what is seen of a page."""
    await page.screenshot(path=place, animations="disabled")
