from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from simulators.enrolment import enrol, names
from simulators.fleet import Fleet
from simulators.programs import chargers_of
from simulators.site import VERSIONS, Operator, SiteFailed
from simulators.target import Target
from tests.doubles import PATIENCE
from tests.simulators.account import Account

pytestmark = pytest.mark.sqlite_only("simulators know no database")


@pytest.fixture
async def operator(account: Account) -> AsyncIterator[Operator]:
    async with Operator.at(account.api_url, account.organization_uuid, account.api_key) as known:
        yield known


async def site_of(account: Account, operator: Operator, count: int) -> tuple[str, Fleet]:
    dials = await enrol(
        account.api_url, account.organization_uuid, account.api_key, names(count, "S-")
    )
    site_id = await operator.make_site("Depot", names(count, "S-"))
    return site_id, Fleet(chargers_of(dials, VERSIONS, 1.0))


def details(url: str) -> dict[str, object]:
    return {"connectivityMode": "DualProtocol", "websocketConnectionArgs": {"url": url}}


async def test_one_call_links_a_whole_site(
    account: Account, operator: Operator, target: Target
) -> None:
    site_id, fleet = await site_of(account, operator, 3)
    async with fleet.running():
        await fleet.wait_connected()
        version = await operator.connect(site_id, details(f"{target.url}/ocpp"))
        await operator.wait_ready(site_id, version, 10)

        serials = {charger.identity.serial_number for charger in fleet.chargers}
        assert {one for one in serials if target.live(one)} == serials
        assert await operator.missing(site_id, "another version") != []


async def test_who_is_not_linked_is_named_with_the_reason(
    account: Account, operator: Operator, target: Target
) -> None:
    site_id, fleet = await site_of(account, operator, 1)
    target.conduct.refuse = 403
    async with fleet.running():
        await fleet.wait_connected()
        version = await operator.connect(site_id, details(target.url))
        async with asyncio.timeout(PATIENCE):
            while "403" not in (await operator.missing(site_id, version))[0]:
                pass

        told = r"^After 0 s 1 of the site's chargers are not linked; S-0001: .*403"
        with pytest.raises(SiteFailed, match=told):
            await operator.wait_ready(site_id, version, 0.0)


async def test_what_the_server_refuses_is_told_in_its_words(operator: Operator) -> None:
    with pytest.raises(SiteFailed, match=r"^POST /api/v1/.*/sites: .*nobody"):
        await operator.make_site("Depot", ["nobody"])


async def test_a_server_that_is_not_there_is_told() -> None:
    async with Operator.at("http://127.0.0.1:1", "uuid", "key") as operator:
        with pytest.raises(SiteFailed, match=r"^POST /api/v1/organizations/uuid/sites: "):
            await operator.make_site("Depot", [])
