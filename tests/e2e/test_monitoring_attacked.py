"""Metrics under attack: names that a charger makes up, scrape storms, a database that goes away."""

from __future__ import annotations

import asyncio
import re
from unittest.mock import Mock

import aiohttp
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from csms.doorstep import Doorstep
from tests.doubles import PATIENCE
from tests.e2e.conftest import Api

pytestmark = pytest.mark.sqlite_only("what is shown, not how it is stored")


async def scraped(api: Api) -> str:
    async with api.session.get("/metrics") as answer:
        assert answer.status == 200
        return await answer.text()


async def enrolled(api: Api) -> str:
    status, body = await api("POST", f"{api.of_organization}/chargers", {"charge_box_id": "CP-1"})
    assert status == 201, body
    password = body["charger"]["ocpp_password"]
    place = f"{api.server.ocpp}/{api.organization_uuid}/ocpp/CP-1"
    return f"ws://CP-1:{password}@{place}"


async def test_a_charger_that_makes_up_names_adds_no_series(api: Api) -> None:
    url = await enrolled(api)
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], proxy=None) as socket:
        for number in range(50):
            # Labels would be broken by some of these, and filled by all.
            action = f'Evil{number}"}} 1' if number % 2 else f"Evil{number}"
            await socket.send(orjson.dumps([2, str(number), action, {}]).decode())
            async with asyncio.timeout(PATIENCE):
                assert orjson.loads(await socket.recv())[0] == 4
        told = await scraped(api)

    assert "Evil" not in told
    assert 'ringmain_calls_served_seconds_count{action="other",link="charger"} 50.0' in told


async def test_who_is_not_let_in_is_counted_by_why(api: Api) -> None:
    url = await enrolled(api)
    wrong = re.sub(r":[^:]*@", ":wrong@", url)
    for refused in (wrong, url.replace("CP-1", "CP-2"), re.sub(r"/[0-9a-f-]+/ocpp.*", "/x", url)):
        with pytest.raises(InvalidStatus):
            await connect(refused, subprotocols=[Subprotocol("ocpp1.6")], proxy=None)
    async with connect(url, proxy=None) as socket:
        await socket.wait_closed()
    for _ in range(5):  # from the fifth on it has to wait
        with pytest.raises(InvalidStatus):
            await connect(url.replace("CP-1", "CP-2"), proxy=None)
    told = await scraped(api)

    found = re.findall(r'handshakes_refused_total\{reason="(\w+)"\} ([1-9]\d*)', told)
    assert dict(found) == {
        "password": "1",
        "unknown": "5",
        "no_such_path": "1",
        "no_subprotocol": "1",
        "too_many_attempts": "1",
    }


async def test_sockets_that_keep_us_waiting_are_counted_where_too_many_stand() -> None:
    class Silent:
        transport = Mock()

    doorstep = Doorstep(most=1)
    for _ in range(3):
        doorstep.enter(Silent(), "192.0.2.1")  # type: ignore[arg-type]  # all that it needs

    assert doorstep.refused == {"crowded": 2}
    assert len(doorstep) == 1


async def test_a_storm_of_scrapes_is_written_once_and_leaves_room_for_others(api: Api) -> None:
    async def scrape() -> bytes:
        async with api.session.get("/metrics") as answer:
            return await answer.read()

    await scraped(api)
    storm = [asyncio.create_task(scrape()) for _ in range(60)]
    assert (await api("GET", "/healthz"))[0] == 200
    told = await asyncio.gather(*storm)

    assert len(set(told)) < 20  # each second has its own


async def test_while_the_database_is_away_it_tells_that(api: Api) -> None:
    await api.server.storage.database.close()
    status, _ = await api("POST", f"{api.of_organization}/chargers", {"charge_box_id": "CP-2"})
    assert status == 503
    async with asyncio.timeout(PATIENCE):
        while not api.server.storage.group.away:
            await asyncio.wait([api.server.storage.queues.note_position(1, 1)])
    async with (
        aiohttp.ClientSession(f"http://{api.server.http}") as stranger,
        stranger.get("/metrics") as answer,
    ):
        told = await answer.text()

    assert answer.status == 200
    assert "ringmain_storage_away 1.0" in told
    assert 'ringmain_http_requests_total{operation="create_charger",status="503"} 1.0' in told
    assert "ringmain_dead_letters " not in told
