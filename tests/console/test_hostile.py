"""What strangers say is shown as the text that it is, and keeps within its place."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect
from websockets.asyncio.client import ClientConnection, connect

from tests.browser import BROKEN, accessibility, needs_browser, page_at
from tests.console.test_messages import PHONE, rows
from tests.console.test_shell import address, key_of
from tests.e2e.conftest import Api

pytestmark = [needs_browser, pytest.mark.sqlite_only("what a browser shows is no database's")]

MARKUP = '"><img src=x onerror="window.ran = 1"><script>window.ran = 1</script>'
FRAMES = (
    [2, "1", "BootNotification", {"chargePointVendor": "<b>\u202exyz", "chargePointModel": "m"}],
    [2, "2", MARKUP, {MARKUP: "javascript:window.ran = 1", "__proto__": {"ran": 1}}],
    [2, "3", "DataTransfer", {"vendorId": "x", "W" * 5000: "M" * 5000}],
)


async def charger_of(api: Api, name: str) -> ClientConnection:
    """Enrol a charger, and connect it."""
    body = {"charge_box_id": "CP-1", "charger_name": name}
    status, told = await api("POST", f"{api.of_organization}/chargers", body)
    assert status == 201, told
    word = b64encode(f"CP-1:{told['charger']['ocpp_password']}".encode()).decode()
    return await connect(
        f"ws://{api.server.ocpp}/{api.organization_uuid}/ocpp_proxy/CP-1",
        subprotocols=["ocpp1.6"],  # type: ignore[list-item]  # as RFC 6455 writes it
        additional_headers={"Authorization": f"Basic {word}"},
    )


async def is_whole(page: Page) -> bool:
    """Tell whether nothing has run, and nothing is wider than the page or the dialog on it."""
    found = await page.evaluate(
        "[window.ran ?? ({}).ran ?? null, ...[document.documentElement,"
        "...document.querySelectorAll('dialog')].map(one => one.scrollWidth - one.clientWidth)]"
    )
    return found[0] is None and not any(found[1:])


@pytest.mark.parametrize("size", [{}, PHONE], ids=["desk", "phone"])
async def test_what_a_stranger_says_is_text_and_stays_in_its_place(
    api: Api, browser: Browser, size: Any
) -> None:
    status, told = await api("POST", f"{api.of_organization}/sites", {"name": "W" * 255})
    assert status == 201
    site = f"sites/{told['site']['site_id']}"
    async with (
        await charger_of(api, "W" * 255) as charger,
        page_at(browser, address(api), key=key_of(api), **size) as (page, watched),
    ):
        for frame in FRAMES:
            await charger.send(json.dumps(frame))
            await charger.recv()
        await expect(page.get_by_role("link", name="CP-1")).to_be_visible()
        assert await is_whole(page)
        await page.goto(f"{address(api)}/#/messages")
        await expect(rows(page)).to_have_count(3)
        for said in ("BootNotification", "<img", "DataTransfer"):
            await rows(page, said).click()
            await expect(page.get_by_role("dialog")).to_be_visible()
            assert await is_whole(page), said
            await page.keyboard.press("Escape")
        await api(
            "POST",
            f"{api.of_organization}/proxy_configurations",
            {
                "charge_box_id": "CP-1",
                "target_platform_identifier": "T" * 100,
                "target_websocket_url": "ws://127.0.0.1:1/" + "o" * 300,
                "target_authentication_method": "None",
            },
        )
        watched.expected.append(BROKEN)  # nothing was applied to the site yet: a 404
        for place in ("sites", site, "links", "chargers/CP-1", "chargers/CP-1?part=settings"):
            await page.goto(f"{address(api)}/#/{place}")
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert await is_whole(page), place


TURNED = "gate\u202e7-PC"
NAMED = "gate[U+202E]7-PC"
# All that is read of a page, by eyes or ears.
READ = """[document.title, document.body.innerText,
  ...[...document.querySelectorAll("*")].flatMap(one =>
    ["title", "aria-label", "placeholder"].map(name => one.getAttribute(name) ?? ""))].join()"""


async def test_a_name_that_turns_what_stands_beside_it_is_seen_to(
    api: Api, browser: Browser
) -> None:
    own = api.of_organization
    strange: dict[str, dict[str, Any]] = {
        "chargers": {"charge_box_id": "CP-1", "charger_name": TURNED},
        "sites": {"name": TURNED, "chargers": ["CP-1"]},
        "api_keys": {"name": TURNED},
        "proxy_configurations": {
            "charge_box_id": "CP-1",
            "target_platform_identifier": TURNED,
            "target_websocket_url": "ws://127.0.0.1:1/ocpp",
            "target_authentication_method": "None",
        },
    }
    for path, body in strange.items():
        status, told = await api("POST", f"{own}/{path}", body)
        assert status == 201, told
    _, sites = await api("GET", f"{own}/sites")
    site = f"sites/{sites['sites'][0]['site_id']}"
    async with page_at(browser, address(api), key=key_of(api)) as (page, watched):
        watched.expected.append(BROKEN)  # nothing was applied to the site yet: a 404
        for place in ("", "sites", site, "links", "keys", "chargers/CP-1?part=settings"):
            await page.goto(f"{address(api)}/#/{place}")
            await expect(page.locator("#main").get_by_text(NAMED).first).to_be_attached()
            assert "\u202e" not in await page.evaluate(READ), place
        await expect(page.get_by_label("Name", exact=True)).to_have_value(TURNED)
        await page.goto(f"{address(api)}/#/{site}")
        await page.get_by_role("button", name="Delete").click()
        await expect(page.get_by_role("dialog", name=f"Delete {NAMED}?")).to_be_visible()
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await expect(page.get_by_text(f"{NAMED} has been deleted.")).to_be_visible()
        assert "\u202e" not in await page.evaluate(READ)


async def test_a_key_in_the_address_of_an_open_tab_is_taken_out_of_it(
    api: Api, browser: Browser
) -> None:
    other = await api.server.storage.organizations.create("the other one")
    _, key = await api.server.storage.api_keys.create(other.organization_uuid, "read")
    async with page_at(browser, address(api), key=key_of(api)) as (page, _):
        await expect(page.get_by_role("banner")).to_contain_text("tests")
        await page.goto(f"{address(api)}/#key={key}")
        await expect(page.get_by_role("banner")).to_contain_text("the other one")
        assert key not in page.url
        assert key not in await page.content()


@pytest.mark.parametrize("place", ["chargers/..%2Fkeys", "chargers/%E0%A4%A", "sites/constructor"])
async def test_what_is_not_there_is_said_under_a_heading(
    api: Api, browser: Browser, place: str
) -> None:
    async with page_at(browser, address(api), key=key_of(api)) as (page, watched):
        watched.expected.append(BROKEN)
        await page.goto(f"{address(api)}/#/{place}")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(page.locator(".notice")).to_be_visible()
        assert await accessibility(page) == []


async def test_what_can_be_no_key_is_told_from_a_server_that_is_away(
    api: Api, browser: Browser
) -> None:
    async with page_at(browser, address(api)) as (page, _):
        await page.get_by_label("API key").fill("“key…”")
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("alert")).to_contain_text("This is no API key")


async def test_a_page_of_a_proxy_is_taken_for_no_answer(api: Api, browser: Browser) -> None:
    async def log_in_please(route: Route) -> None:
        await route.fulfill(body="<html>Log in please</html>", content_type="text/html")

    async with page_at(browser, address(api), key=key_of(api)) as (page, _):
        await page.route("**/api/**", log_in_please)
        for place, heading in {"messages": "Messages", "audit": "Audit"}.items():
            await page.goto(f"{address(api)}/#/{place}")
            await expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
            alert = page.get_by_role("alert")
            await expect(alert).to_contain_text("This is no answer of Ringmain")
            await expect(alert).to_contain_text("It is tried again by itself.")
        await page.unroute("**/api/**")
        await expect(alert).to_be_hidden()
