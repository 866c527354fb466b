"""What was asked of a station is listed, and what never completes ends."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api, Connect
from tests.api.robot import robot

COMMANDS = "/api/chargingStations/CP-1/commands"


async def test_commands_are_listed_newest_first_by_action_and_state(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    await api("POST", f"{COMMANDS}/ClearCache")
    api.clock.forward(seconds=1)
    async with robot((await connect()).peer):
        for _ in range(3):
            api.clock.forward(seconds=1)
            assert (await api("POST", f"{COMMANDS}/GetLocalListVersion")).status == 200

    async def listed(query: str = "") -> list[tuple[str, str]]:
        found = (await api.get(f"{COMMANDS}{query}"))["commands"]
        return [(one["action"], one["state"]) for one in found]

    version = ("GetLocalListVersion", "answered")
    assert await listed() == [version] * 3 + [("ClearCache", "offline")]
    assert await listed("?action=ClearCache") == [("ClearCache", "offline")]
    assert await listed("?state=answered&limit=2") == [version] * 2
    first = await api.get(f"{COMMANDS}?limit=3")
    assert await listed(f"?cursor={first['nextCursor']}") == [("ClearCache", "offline")]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "state=lost", "action=a-b", "cursor=WyJ4IiwieSJd", "cursor=!"],
)
async def test_a_query_that_makes_no_sense_is_refused(api: Api, query: str) -> None:
    await api.enrol()

    assert (await api("GET", f"{COMMANDS}?{query}")).error == (422, "invalid")


async def test_what_a_charger_never_completes_times_out(api: Api, connect: Connect) -> None:
    await api.enrol(allowed_versions=["2.0.1"])
    async with robot((await connect(version="2.0.1")).peer, "2.0.1"):
        await api("POST", f"{COMMANDS}/GetBaseReport", {"reportBase": "FullInventory"})
    (command,) = (await api.get(COMMANDS))["commands"]
    assert command["state"] == "collecting"

    api.clock.forward(hours=1, seconds=1)
    assert (await api.get(f"{COMMANDS}?state=collecting"))["commands"] == []
    shown = (await api.get(f"{COMMANDS}/{command['commandId']}"))["command"]
    assert (shown["state"], shown["finishedAt"]) == ("timeout", "2026-11-21T11:00:01.000Z")
    assert shown["response"] == {"status": "Accepted"}
    assert shown["progress"] == {"parts": 0, "complete": False, "lastAt": None}


async def test_there_is_no_list_of_a_station_that_is_not_there(api: Api) -> None:
    assert (await api("GET", COMMANDS)).error == (404, "not_found")
