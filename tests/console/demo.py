"""The demo as its user starts it, in a process of its own; and the pictures of it in the docs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from tests.browser import chromium, page_at, screenshot
from tests.console.demo_story import story

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SIZE = {"width": 1200, "height": 760}
# What of the story is in the docs, and how it is lit.
LIT: Mapping[str, Literal["light", "dark"]] = {
    "fleet": "light",
    "charger": "light",
    "messages": "dark",
    "message": "dark",
    "links": "light",
    "site": "light",
}


class Shown(NamedTuple):
    """What the demo tells first."""

    console: str
    key: str


@contextlib.asynccontextmanager
async def demo() -> AsyncIterator[Shown]:
    """Run `ringmain demo` until the context ends."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "csms", "demo"),
        env={name: text for name, text in os.environ.items() if not name.startswith("RINGMAIN_")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert running.stdout
    try:
        told = await asyncio.wait_for(running.stdout.readuntil(b"Try, in another terminal"), 60)
        found = re.search(r"(http://[\d.:]+)/#key=(\w+)", told.decode())
        assert found, told
        yield Shown(*found.groups())
    finally:
        running.terminate()
        await running.communicate()


async def take_pictures() -> None:
    """Write `docs/pictures/console-*.png` anew."""
    async with (
        demo() as shown,
        chromium() as browser,
        page_at(browser, shown.console, key=shown.key, viewport=SIZE) as (page, _),
    ):

        async def see(name: str) -> None:
            if name in LIT:
                await page.emulate_media(color_scheme=LIT[name])
                await screenshot(page, PICTURES / f"console-{name}.png")

        await story(page, see)


if __name__ == "__main__":
    asyncio.run(take_pictures())
