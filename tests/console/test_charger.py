"""One charger: a session that is started, limited, watched and stopped; its settings."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from simulators.charger import Charger
from simulators.target import Target
from tests.browser import BROKEN, accessibility, needs_browser, page_at
from tests.console.test_shell import address, key_of
from tests.e2e.conftest import Api

pytestmark = [needs_browser, pytest.mark.sqlite_only("what a browser shows is no database's")]

PARTS = ("", "transactions", "commands", "connections", "settings", "log")


@asynccontextmanager
async def charger_at(
    api: Api, charge_box_id: str = "CP-1", version: str = "1.6"
) -> AsyncIterator[Charger]:
    """Enrol a charger and play it, a minute a second."""
    _, body = await api("POST", f"{api.of_organization}/chargers", {"charge_box_id": charge_box_id})
    url = f"ws://{api.server.ocpp}/{api.organization_uuid}/ocpp_proxy"
    password = body["charger"]["ocpp_password"]
    charger = Charger(url, charge_box_id, password, version, time_factor=60)
    async with charger.running():
        await charger.wait_connected()
        yield charger


def page_of(api: Api, part: str = "", charge_box_id: str = "CP-1") -> str:
    return f"/#/chargers/{charge_box_id}" + (f"?part={part}" if part else "")


async def has_no_overflow(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


async def leave(dialog: Locator) -> None:
    await dialog.get_by_role("button", name="Close").click()


# ---- a session ----


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_session_is_started_limited_watched_and_stopped(
    api: Api, browser: Browser, version: str
) -> None:
    async with (
        charger_at(api, version=version) as charger,
        page_at(browser, address(api), page_of(api), key=key_of(api)) as (page, _),
    ):
        evse = page.get_by_role("article", name="EVSE 1")
        await expect(evse.get_by_text("No transaction is running.")).to_be_visible()
        await start(page, evse, token="04A1B2C3")
        await expect(evse.get_by_text("04A1B2C3")).to_be_visible()

        await limit(page, evse, kilowatts="7.4")
        await charger.until(lambda one: one.power_w(1) == pytest.approx(7400, abs=50))
        await expect(evse.get_by_text("7.4 kW", exact=True)).to_be_visible()
        await expect(page.locator("[data-plot=words]")).to_contain_text("limited to 7.4 kW")
        await page.get_by_text("The plot as a table").click()
        measured = page.get_by_role("table", name="Measured power and limits")
        followed = measured.get_by_role("row", name=re.compile(r"7\.4 kW 7\.4 kW"))
        await expect(followed.first).to_be_visible()

        await stop(page, evse)
        await expect(evse.get_by_text("No transaction is running.")).to_be_visible()
        assert charger.transactions[0].meter_stop_wh is not None
        await it_is_among_those_that_ended(page)


async def start(page: Page, evse: Locator, token: str) -> None:
    await evse.get_by_role("button", name="Start").click()
    dialog = page.get_by_role("dialog", name="Start")
    await dialog.get_by_label("Token", exact=True).fill(token)
    await dialog.get_by_role("button", name="Start").click()
    await expect(dialog.get_by_text("The charger answered Accepted.")).to_be_visible()
    await leave(dialog)


async def limit(page: Page, evse: Locator, kilowatts: str) -> None:
    await evse.get_by_role("button", name="Limit").click()
    dialog = page.get_by_role("dialog", name="Power limit")
    await dialog.get_by_label("Limit", exact=True).fill(kilowatts)
    await dialog.get_by_role("button", name="Set limit").click()
    await expect(dialog.get_by_text("The charger answered Accepted.")).to_be_visible()
    assert await accessibility(page) == []
    await leave(dialog)


async def stop(page: Page, evse: Locator) -> None:
    await evse.get_by_role("button", name="Stop").click()
    dialog = page.get_by_role("dialog", name="Stop", exact=True)
    await dialog.get_by_role("button", name="Stop").click()
    await page.get_by_role("dialog", name="Stop?").get_by_role("button", name="Stop").click()
    await expect(dialog.get_by_text("The charger answered Accepted.")).to_be_visible()
    await leave(dialog)


async def it_is_among_those_that_ended(page: Page) -> None:
    await page.get_by_role("link", name="Transactions", exact=True).click()
    row = page.get_by_role("table", name="Transactions of this charger").get_by_role("row").nth(1)
    await expect(row).to_contain_text("ended by the operator")
    await row.get_by_role("button").click()
    values = page.get_by_role("dialog").get_by_role("table", name="Meter values")
    await expect(values.get_by_text("Energy.Active.Import.Register").first).to_be_visible()


# ---- how it looks ----


async def test_every_part_is_accessible_and_fits_a_phone(api: Api, browser: Browser) -> None:
    async with (
        charger_at(api) as charger,
        page_at(browser, address(api), page_of(api), key=key_of(api)) as (page, _),
    ):
        await charger.start(1, "04A1B2C3")
        for part in PARTS:
            await look_at(page, api, part)
            assert await accessibility(page) == [], part
        await page.emulate_media(color_scheme="dark")
        await page.set_viewport_size({"width": 390, "height": 844})
        for part in PARTS:
            await look_at(page, api, part)
            assert await has_no_overflow(page), part
            assert await page.locator(".parts").evaluate("it => it.scrollWidth <= it.clientWidth")
            if part in {"", "commands"}:  # which have most colours
                assert await accessibility(page) == [], part


# Whether what has the focus is what one sees in its place.
UNCOVERED = """(() => {
  const one = document.activeElement, box = one.getBoundingClientRect();
  const seen = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return one.contains(seen) || seen?.contains(one);
})()"""


async def test_in_a_dialog_on_a_small_phone_the_focus_is_seen(api: Api, browser: Browser) -> None:
    size = {"width": 320, "height": 480}
    async with (
        charger_at(api),
        page_at(browser, address(api), page_of(api), key=key_of(api), viewport=size) as (page, _),
    ):
        await page.get_by_role("button", name="Limit").first.press("Enter")
        dialog = page.get_by_role("dialog", name="Power limit")
        close = dialog.get_by_role("button", name="Close")
        await close.focus()
        for _ in range(30):
            await page.keyboard.press("Tab")
            assert await page.evaluate(UNCOVERED), await page.locator(":focus").inner_text()
            if await close.evaluate("it => it === document.activeElement"):
                break


async def look_at(page: Page, api: Api, part: str) -> None:
    await page.goto(address(api) + page_of(api, part))
    name = part.capitalize() or "Overview"
    here = page.get_by_role("link", name=name, exact=True)
    await expect(here).to_have_attribute("aria-current", "page")
    await expect(page.locator("#main").get_by_role("heading", level=2).first).to_be_visible()


async def test_the_log_says_whether_it_is_live_and_what_went_by(api: Api, browser: Browser) -> None:
    async def gap(route: Route) -> None:
        said = 'event: gap\ndata: {"missed": 1234}\n\n'
        await route.fulfill(body=said, content_type="text/event-stream")

    async with (
        charger_at(api),
        page_at(browser, address(api), page_of(api, "log"), key=key_of(api)) as (page, _),
    ):
        part = page.locator("section.card")
        await expect(part.get_by_text("live", exact=True)).to_be_visible()
        await page.route("**/messages/stream?*", gap)
        await page.reload()
        await expect(part.get_by_text("1,234 messages came faster")).to_be_visible()
        await expect(part.get_by_text("not live, tried again")).to_be_visible()
        await page.unroute("**/messages/stream?*")
        await part.get_by_role("button", name="Look them up").click()
        await expect(part.get_by_text("live", exact=True)).to_be_visible()
        await expect(part.get_by_text("messages came faster")).to_be_hidden()


# ---- settings, connections ----


async def test_a_charger_is_configured_proxied_and_deleted(api: Api, browser: Browser) -> None:
    async with (
        Target.listening(passwords={"CP-1": "secret"}) as target,
        charger_at(api) as charger,
        page_at(browser, address(api), page_of(api, "settings"), key=key_of(api)) as (
            page,
            watched,
        ),
    ):
        watched.expected.append(BROKEN)  # by each 422
        await page.get_by_label("Name", exact=True).fill("Yard, left")
        await page.get_by_label("Nominal voltage in V").fill("5000")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".field .wrong")).to_be_visible()
        await page.get_by_label("Nominal voltage in V").fill("240")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("heading", name="Yard, left")).to_be_visible()

        await proxy(page, target.url)
        await new_password(page)
        await page.get_by_role("link", name="Connections", exact=True).click()
        spans = page.get_by_role("table", name="Connections of this charger")
        await expect(spans.get_by_text("still open")).to_be_visible()
        await expect(page.get_by_text("of the last 24 hours, in 1 connection")).to_be_visible()
        await page.get_by_role("link", name="Settings", exact=True).click()
        await delete(page)
        await charger.until(lambda one: not one.linked)


async def proxy(page: Page, url: str) -> None:
    await page.get_by_role("button", name="Proxy it to a target").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name of the target").fill("Main CSMS")
    await dialog.get_by_label("Address").fill("http://no.websocket")
    await dialog.get_by_label("Password").fill("secret")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
    await dialog.get_by_label("Address").fill(url)
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.locator(".charger-head").get_by_text("ready")).to_be_visible()
    await page.get_by_role("button", name="Test the target").click()
    steps = page.get_by_role("list", name="Steps of the test")
    await expect(steps.get_by_role("listitem").first).to_be_visible()
    await page.get_by_role("button", name="Disable").click()
    await expect(page.locator(".charger-head").get_by_text("disabled")).to_be_visible()
    await page.get_by_role("button", name="Delete target").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("No target hears of this charger")).to_be_visible()


async def new_password(page: Page) -> None:
    await page.get_by_role("button", name="Change it by hand").click()
    await page.get_by_role("dialog").get_by_role("button", name="Change password").click()
    told = page.get_by_role("dialog", name="The new password of CP-1")
    await expect(told.get_by_text("It is shown only now")).to_be_visible()
    for _ in range(2):
        await page.keyboard.press("Escape")
    await expect(told).to_be_visible()
    await told.get_by_role("button", name="I have noted it").click()
    await page.get_by_role("button", name="Cancel the one by hand").click()
    await expect(page.get_by_text("is open: somebody is to type it in")).to_have_count(0)


async def delete(page: Page) -> None:
    await page.get_by_role("button", name="Delete charger").click()
    dialog = page.get_by_role("dialog", name="Delete CP-1?")
    button = dialog.get_by_role("button", name="Delete", exact=True)
    await expect(button).to_have_attribute("aria-disabled", "true")
    await dialog.get_by_label("Type CP-1 to delete it").fill("CP-1")
    await button.click()
    await page.get_by_role("heading", name="Fleet").wait_for()
