"""What fails is said in words, with what happens next, and the console recovers by itself."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from csms import settings, wiring
from storage.clock import SystemClock
from storage.records import Scope
from storage.security_records import Member
from tests.browser import BROKEN, accessibility, needs_browser, page_at
from tests.console.test_shell import address, key_of
from tests.e2e.conftest import FAST, Api
from tests.kratos import COOKIE, StandIn

pytestmark = [needs_browser, pytest.mark.sqlite_only("what a browser shows is no database's")]

PERSON = "461d5fe1-d705-439e-a541-000000000001"


@contextlib.asynccontextmanager
async def serving(data_dir: Path, http: str, **more: str) -> AsyncIterator[wiring.Running]:
    """Run a server at an address."""
    given = {
        "RINGMAIN_DATA_DIR": str(data_dir),
        "RINGMAIN_HTTP_BIND": http,
        "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
        **more,
    }
    async with wiring.running(settings.read(given), timings=FAST) as server:
        yield server


async def enrol(server: wiring.Running, organization_uuid: str, key: str, name: str) -> None:
    """Enrol a charger by the API."""
    path = f"http://{server.http}/api/v1/organizations/{organization_uuid}/chargers"
    async with (
        aiohttp.ClientSession(headers={"x-api-key": key}) as session,
        session.post(path, json={"charge_box_id": name}) as answer,
    ):
        assert answer.status == 201


def failing(status: int, code: str, message: str) -> object:
    """Return a route that answers so."""
    body = f'{{"success": false, "error": "{code}", "message": "{message}"}}'

    async def answer(route: Route) -> None:
        await route.fulfill(status=status, body=body, content_type="application/json")

    return answer


async def test_a_lost_connection_comes_back_by_itself(tmp_path: Path, browser: Browser) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with serving(tmp_path, "127.0.0.1:0") as server:
            storage, http = server.storage, str(server.http)
            organization = (await storage.organizations.create("tests")).organization_uuid
            _, key = await storage.api_keys.create(organization, "admin")
            await enrol(server, organization, key, "CP-1")
            opened = page_at(browser, f"http://{http}", key=key)
            page, watched = await stack.enter_async_context(opened)
            await expect(page.get_by_role("link", name="CP-1")).to_be_visible()
            await expect(page.get_by_text("live", exact=True)).to_be_visible()
            watched.expected.append(BROKEN)
            watched.expected.append("ERR_")

        await expect(page.get_by_text("Connection lost.")).to_be_visible()
        await expect(page.get_by_role("link", name="CP-1")).to_be_visible()
        async with serving(tmp_path, http) as server:
            await expect(page.get_by_text("Connection lost.")).to_be_hidden()
            await expect(page.get_by_text("live", exact=True)).to_be_visible()
            await enrol(server, organization, key, "CP-2")
            await expect(page.get_by_role("link", name="CP-2")).to_be_visible()
            await stack.aclose()


async def test_who_is_not_let_in_any_more_is_told_why(api: Api, browser: Browser) -> None:
    stored, key = await api.server.storage.api_keys.create(api.organization_uuid, "admin")
    reason = "the key or the session is not valid any more"
    async with page_at(browser, address(api), key=key) as (page, watched):
        watched.expected.append(BROKEN)
        await expect(page.get_by_text("There is no charger yet.")).to_be_visible()
        status, _ = await api("DELETE", f"{api.of_organization}/api_keys/{stored.key_id}")
        assert status == 200
        await page.get_by_role("button", name="Enrol a charger").click()
        await page.get_by_role("button", name="Enrol", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text(reason)
        await expect(page.get_by_label("API key")).to_be_visible()
        assert await page.evaluate("Object.values(sessionStorage).join()") != ""
        assert key not in await page.evaluate("Object.values(sessionStorage).join()")

        # The same told by a stream, which the server ends when a key has expired.
        said = 'event: end\ndata: {"error": "unauthorized", "message": "The key has expired."}\n\n'

        async def ended(route: Route) -> None:
            await route.fulfill(body=said, content_type="text/event-stream")

        await page.route("**/fleet/stream", ended)
        await page.get_by_label("API key").fill(key_of(api))
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("alert")).to_contain_text(reason)


async def test_a_server_that_fails_is_asked_again(api: Api, browser: Browser) -> None:
    broken = failing(500, "internal", "Something went wrong here.")
    async with page_at(browser, address(api), key=key_of(api)) as (page, watched):
        watched.expected += [BROKEN, "dynamically imported module"]
        await page.route("**/fleet?*", broken)  # type: ignore[arg-type]  # a handler
        await page.reload()
        alert = page.get_by_role("alert")
        await expect(alert).to_contain_text("The fleet cannot be shown.")
        await expect(alert).to_contain_text("Something went wrong here.")
        await expect(alert).to_contain_text("It is tried again by itself.")
        assert await accessibility(page) == []
        await page.unroute("**/fleet?*")
        await expect(page.get_by_role("heading", name="There is no charger yet.")).to_be_visible()

        # As after an upgrade: what the page names is not there any more.
        gone = failing(404, "not_found", "There is no such object.")
        await page.route("**/assets/SitesPage*", gone)  # type: ignore[arg-type]  # a handler
        await page.reload()  # nothing is read ahead yet
        await page.get_by_role("link", name="Sites").click()
        await expect(page.get_by_role("alert")).to_contain_text("This page cannot be shown.")
        await page.get_by_role("link", name="Fleet").click()
        await expect(page.get_by_role("heading", name="There is no charger yet.")).to_be_visible()
        await page.unroute("**/assets/SitesPage*")
        await page.get_by_role("link", name="Sites").click()
        await page.get_by_role("button", name="Load the console anew").click()
        await expect(page.get_by_role("heading", name="There is no site yet.")).to_be_visible()


async def test_a_console_whose_parts_are_gone_says_what_to_do(api: Api, browser: Browser) -> None:
    gone = failing(404, "not_found", "There is no such object.")
    async with page_at(browser, address(api), key=key_of(api)) as (page, watched):
        watched.expected.append(BROKEN)
        await page.route("**/assets/index-*.js", gone)  # type: ignore[arg-type]  # a handler
        await page.reload()
        await expect(page.get_by_text("load the page anew")).to_be_visible()
        await page.unroute("**/assets/index-*.js")
        await page.reload()
        await expect(page.get_by_role("heading", name="There is no charger yet.")).to_be_visible()


async def test_what_does_not_come_is_said_to_be_late_soon(api: Api, browser: Browser) -> None:
    swallowed: list[Route] = []

    async def swallow(route: Route) -> None:
        swallowed.append(route)

    async with page_at(browser, address(api), key=key_of(api)) as (page, _):
        await page.clock.install()
        await page.route("**/members?*", swallow)
        await page.get_by_role("link", name="API keys").click()
        await expect(page.get_by_text("Loading the members")).to_be_visible()
        late = page.get_by_text("Ringmain takes long to answer.")
        await expect(late).to_be_hidden()
        await page.clock.fast_forward(5000)
        await expect(late).to_be_visible()
        assert await accessibility(page) == []
        while swallowed:
            await swallowed.pop().continue_()
        await page.unroute("**/members?*")
        await expect(page.get_by_text("Nobody yet.")).to_be_visible()
        await expect(late).to_be_hidden()


async def test_who_may_only_read_is_told_so(api: Api, browser: Browser) -> None:
    _, key = await api.server.storage.api_keys.create(api.organization_uuid, "read")
    async with page_at(browser, address(api), key=key) as (page, watched):
        watched.expected.append(BROKEN)
        button = page.get_by_role("button", name="Enrol a charger")
        await expect(button).to_be_disabled()
        await expect(button).to_have_accessible_description(
            "This needs the scope operate; yours is read."
        )
        await pretend(page, "operate")
        await button.click()
        await page.get_by_label("Charger id").fill("CP-1")
        await page.get_by_role("button", name="Enrol", exact=True).click()
        alert = page.get_by_role("dialog").get_by_role("alert")
        await expect(alert).to_contain_text("scope")
        many = failing(429, "rate_limited", "Too many requests.")
        await page.route("**/chargers", many)  # type: ignore[arg-type]  # a handler
        await page.get_by_role("button", name="Enrol", exact=True).click()
        await expect(alert).to_contain_text("Too many requests.")
        await expect(page.get_by_label("Charger id")).to_have_value("CP-1")


async def pretend(page: Page, role: Scope) -> None:
    """Have the console believe in another scope: the API decides all the same."""
    await page.evaluate(
        "role => { const kept = JSON.parse(sessionStorage['ringmain.session']);"
        "kept.organization.role = role;"
        "sessionStorage['ringmain.session'] = JSON.stringify(kept); }",
        role,
    )
    await page.reload()


async def test_a_session_chooses_one_of_its_organizations(tmp_path: Path, browser: Browser) -> None:
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        kratos = StandIn(SystemClock())
        await enter(kratos.listening())
        server = await enter(serving(tmp_path, "127.0.0.1:0", RINGMAIN_KRATOS_URL=kratos.url))
        for name in ("North", "South"):
            await admit(server, name)
        page, _ = await enter(page_at(browser, f"http://{server.http}"))
        await take_cookie(page.context, str(server.http), kratos.log_in(PERSON))
        await page.get_by_role("button", name="Use the session of this browser").click()
        assert await accessibility(page) == []
        async with page.expect_request("**/fleet?*") as asked:
            await page.get_by_role("button", name="South").click()
        await expect(page.get_by_text("There is no charger yet.")).to_be_visible()
        headers = (await asked.value).headers
        assert headers["x-organization"] in (await asked.value).url
        assert "x-api-key" not in headers
        await make_site(page, "of the South")
        await page.get_by_role("button", name="Another organization").click()
        await page.get_by_role("button", name="North").click()
        await expect(page.get_by_role("banner")).to_contain_text("North")
        await expect(page.get_by_text("There is no charger yet.")).to_be_visible()
        assert "of the South" not in await page.content()
        assert await page.title() == "Fleet · Ringmain"


async def make_site(page: Page, name: str) -> None:
    """Make a site, and come to its page."""
    await page.get_by_role("link", name="Sites").click()
    await page.get_by_role("button", name="New site").click()
    await page.get_by_label("Name").fill(name)
    await page.get_by_role("button", name="Make the site").click()
    await expect(page.get_by_role("heading", name=name)).to_be_visible()


async def admit(server: wiring.Running, name: str) -> None:
    """Have an organization of which the person is a member."""
    organization = await server.storage.organizations.create(name)
    await server.storage.members.put(
        Member(
            organization_uuid=organization.organization_uuid,
            identity_id=PERSON,
            role="operate",
            created_by="tests",
            created_at=organization.created_at,
        )
    )


async def take_cookie(context: BrowserContext, http: str, value: str) -> None:
    """Have what Kratos gives a browser that has logged in."""
    await context.add_cookies([{"name": COOKIE, "value": value, "url": f"http://{http}"}])
