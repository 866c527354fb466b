"""The whole console before the running demo: every page, and one story by clicking."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import Browser

from tests.browser import accessibility, needs_browser, page_at
from tests.console.demo import LIT, PICTURES, SIZE, demo
from tests.console.demo_story import story

pytestmark = needs_browser
CONSOLE = Path(__file__).parents[2] / "docs" / "console.md"


async def test_a_session_a_limit_a_frame_and_a_broken_target_by_clicking(browser: Browser) -> None:
    seen = []
    async with (
        demo() as shown,
        page_at(browser, shown.console, key=shown.key, viewport=SIZE) as (page, _),
    ):

        async def see(name: str) -> None:
            seen.append(name)
            assert await accessibility(page) == [], name

        await story(page, see)

    assert set(LIT) <= set(seen)


def test_every_picture_is_shown_and_small() -> None:
    shown = set(re.findall(r"pictures/(console-\w+\.png)", CONSOLE.read_text()))

    assert shown == {f"console-{name}.png" for name in LIT}
    assert [p.name for p in PICTURES.glob("*.png") if p.stat().st_size > 150_000] == []
