"""A charger is given tokens that it can let charge by itself, in messages that it can take."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from tests.api.conftest import Answer, Api, Connect, LiveCharger

pytestmark = pytest.mark.one_of_each("many ways to ask the same")

PATH = "/api/chargingStations/CP-1/localList"


def entries(*tokens: str) -> list[dict[str, Any]]:
    return [{"idToken": token} for token in tokens]


class Listed16:
    """A 1.6 charger with a list of tokens, played by hand."""

    version = "1.6"

    def __init__(self, live: LiveCharger, *, at_once: int | None = 2, room: int = 10) -> None:
        self.live, self.at_once, self.room = live, at_once, room
        self.listed, self.held, self.tokens = 0, "Accepted", dict[str, Any]()
        self.sent: list[tuple[int, str, int]] = []

    async def play(self) -> None:
        while True:
            call = await self.live.peer.hears()
            if call[0] == 2:
                answer = getattr(self, call[2])(call[3])
                await self.live.peer.says(orjson.dumps([3, call[1], answer]))

    def GetConfiguration(self, _fields: Any) -> Any:  # noqa: N802 - the action
        known = {"LocalAuthListMaxLength": self.room, "SendLocalListMaxLength": self.at_once}
        return {
            "configurationKey": [
                {"key": key, "readonly": True, "value": str(value)}
                for key, value in known.items()
                if value is not None
            ]
        }

    def GetLocalListVersion(self, _fields: Any) -> Any:  # noqa: N802 - as above
        return {"listVersion": self.listed}

    def SendLocalList(self, fields: Any) -> Any:  # noqa: N802 - as above
        told = fields["localAuthorizationList"]
        self.sent.append((fields["listVersion"], fields["updateType"], len(told)))
        if self.held == "Accepted":
            self.listed = fields["listVersion"]
            self.tokens = {} if fields["updateType"] == "Full" else self.tokens
            for one in told:
                if "idTagInfo" in one:
                    self.tokens[one["idTag"]] = one["idTagInfo"]
                else:
                    self.tokens.pop(one["idTag"], None)
        return {"status": self.held}


class Listed201(Listed16):
    """The same in 2.0.1."""

    version = "2.0.1"

    def GetVariables(self, fields: Any) -> Any:  # noqa: N802 - as above
        known = {"Entries": self.room, "ItemsPerMessage": self.at_once}
        return {
            "getVariableResult": [
                {**one, "attributeStatus": "Accepted", "attributeValue": str(known[name])}
                for one in fields["getVariableData"]
                if known[name := one["variable"]["name"]] is not None
            ]
        }

    def GetLocalListVersion(self, _fields: Any) -> Any:  # noqa: N802 - as above
        return {"versionNumber": self.listed}

    def SendLocalList(self, fields: Any) -> Any:  # noqa: N802 - as above
        told = [
            {
                "idTag": one["idToken"]["idToken"],
                **({"idTagInfo": one["idTokenInfo"]} if "idTokenInfo" in one else {}),
            }
            for one in fields.get("localAuthorizationList", [])
        ]
        named = {"listVersion": fields["versionNumber"], "updateType": fields["updateType"]}
        return super().SendLocalList({**named, "localAuthorizationList": told})


@pytest.fixture(params=[Listed16, Listed201])
async def charger(request: pytest.FixtureRequest, api: Api, connect: Connect) -> Any:
    await api.enrol()
    played = request.param(await connect(version=request.param.version))
    playing = asyncio.create_task(played.play())
    yield played
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)


async def put(api: Api, *tokens: str) -> Answer:
    return await api("PUT", PATH, {"entries": entries(*tokens)})


async def test_a_list_goes_out_in_the_messages_that_the_charger_takes(
    api: Api, charger: Listed16
) -> None:
    got = await put(api, "A", "B", "C", "D", "E")

    assert (got.status, got.body) == (200, {"response": "Accepted"})
    assert charger.sent == [(1, "Full", 2), (2, "Differential", 2), (3, "Differential", 1)]
    assert list(charger.tokens) == ["A", "B", "C", "D", "E"]
    shown = (await api.get(PATH))["localList"]
    assert (shown["version"], shown["chargerVersion"]) == (3, 3)
    assert [one["idToken"] for one in shown["entries"]] == ["A", "B", "C", "D", "E"]


async def test_an_empty_list_is_one_message(api: Api, charger: Listed16) -> None:
    await put(api, "A")
    got = await api("DELETE", PATH)

    assert got.body == {"response": "Accepted"}
    assert charger.sent[-1] == (2, "Full", 0)
    assert charger.tokens == {}


async def test_a_change_is_a_difference(api: Api, charger: Listed16) -> None:
    await put(api, "A", "B")
    charger.sent.clear()
    change = {"entries": [{"idToken": "C", "status": "Blocked"}], "removed": ["a"]}
    got = await api("PATCH", PATH, change)

    assert got.body == {"response": "Accepted"}
    assert [kind for _, kind, _ in charger.sent] == ["Differential", "Differential"]
    assert {token: info["status"] for token, info in charger.tokens.items()} == {
        "B": "Accepted",
        "C": "Blocked",
    }
    shown = (await api.get(PATH))["localList"]["entries"]
    assert [one["idToken"] for one in shown] == ["B", "C"]


async def test_a_charger_whose_list_somebody_else_wrote_is_given_all_of_it(
    api: Api, charger: Listed16
) -> None:
    await put(api, "A")
    charger.listed, charger.tokens = 40, {"X": {}}
    await api("PATCH", PATH, {"entries": entries("B")})

    assert charger.sent[-1] == (41, "Full", 2)
    assert list(charger.tokens) == ["A", "B"]


async def test_a_list_that_is_refused_is_not_kept(api: Api, charger: Listed16) -> None:
    charger.held = "Failed"
    got = await put(api, "A")

    assert got.body == {"response": "Failed"}
    assert (await api.get(PATH))["localList"]["entries"] == []


async def test_a_list_that_is_too_long_for_the_charger_is_not_sent(
    api: Api, charger: Listed16
) -> None:
    got = await put(api, *(f"T{n}" for n in range(11)))

    assert got.fields == {"entries"}
    assert "room for 10" in got.body["message"]
    assert charger.sent == []


async def test_a_charger_that_does_not_say_how_many_it_takes_gets_ten(
    api: Api, charger: Listed16
) -> None:
    charger.at_once, charger.room = None, 100
    await put(api, *(f"T{n}" for n in range(11)))

    assert [count for _, _, count in charger.sent] == [10, 1]


async def test_a_16_charger_without_a_list_cannot_be_given_one(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger = Listed16(await connect())
    charger.listed = -1
    playing = asyncio.create_task(charger.play())
    got = await put(api, "A")
    playing.cancel()

    assert got.error == (422, "invalid")
    assert "no list of tokens" in got.body["message"]


async def test_a_token_that_16_cannot_say_is_named(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger = Listed16(await connect())
    playing = asyncio.create_task(charger.play())
    got = await put(api, "A", "x" * 21)
    playing.cancel()

    assert got.fields == {"entries.1.idToken"}


async def test_an_offline_charger_shows_its_list_and_gets_none(api: Api) -> None:
    await api.enrol()

    shown = (await api.get(PATH))["localList"]
    assert shown == {"version": 0, "chargerVersion": None, "entries": [], "updatedAt": None}
    assert (await put(api, "A")).error == (409, "charger_offline")


@pytest.mark.parametrize(
    ("method", "body", "named"),
    [
        ("PUT", {}, "entries"),
        ("PUT", {"entries": entries("A", "a")}, "entries.1.idToken"),
        ("PUT", {"entries": [{"idToken": "A", "status": "Fine"}]}, "entries.0.status"),
        ("PUT", {"entries": [{}]}, "entries.0.idToken"),
        ("PATCH", {}, "body"),
        ("PATCH", {"entries": entries("A"), "removed": ["a"]}, "removed.0"),
    ],
)
async def test_what_cannot_be_is_named(api: Api, method: str, body: Any, named: str) -> None:
    await api.enrol()
    assert (await api(method, PATH, body)).fields == {named}


@pytest.mark.parametrize("at_once", [50, 2000])
async def test_the_longest_list_goes_out_and_comes_back(
    api: Api, connect: Connect, at_once: int
) -> None:
    await api.enrol()
    charger = Listed201(await connect(version="2.0.1"), at_once=at_once, room=2000)
    playing = asyncio.create_task(charger.play())
    tokens = [f"{n:036}" for n in range(2000)]
    got = await put(api, *tokens)
    shown = (await api.get(PATH))["localList"]["entries"]
    playing.cancel()

    assert got.body == {"response": "Accepted"}
    assert [count for _, _, count in charger.sent] == [at_once] * (2000 // at_once)
    assert list(charger.tokens) == [one["idToken"] for one in shown] == tokens
    assert (await put(api, *tokens, "x")).fields == {"entries"}


async def test_a_deleted_charger_has_nothing_that_its_namesake_finds(
    api: Api, charger: Listed16
) -> None:
    await put(api, "A")
    gone = await api("DELETE", f"{api.organization}/chargers/CP-1")
    assert gone.status == 200
    for path in ("localList", "reservations", "jobs", "reservations/7", "jobs/x", "jobs/x/file"):
        assert (await api("GET", f"/api/chargingStations/CP-1/{path}")).status == 404

    await api.enrol()
    assert (await api.get(PATH))["localList"]["entries"] == []
