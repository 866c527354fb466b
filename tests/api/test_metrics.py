"""Who may see the metrics: the machine itself and admins, however a request is dressed up."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from ipaddress import ip_network

import aiohttp
import pytest

from api.app import create_app
from api.parts import ApiParts
from api.rates import RateLimits
from api.server import listening
from csms.settings import Bind, Rate
from tests.api.conftest import UNHURRIED, Api

pytestmark = pytest.mark.one_of_each("who asks, not what is stored")
PROXY = replace(UNHURRIED, trusted_proxies=(ip_network("127.0.0.0/8"),))
ELSEWHERE = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}


@contextlib.asynccontextmanager
async def served(parts: ApiParts, rates: RateLimits) -> AsyncIterator[str]:
    async with listening(create_app(parts, rates=rates), Bind("127.0.0.1", 0)) as bind:
        yield f"http://{bind}/metrics"


async def status(url: str, headers: Mapping[str, str]) -> int:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status


async def test_the_machine_itself_needs_no_key(api: Api) -> None:
    got = await api("GET", "/metrics", headers={})

    assert got.status == 200
    assert got.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert got.headers["Cache-Control"] == "no-store"


async def test_openmetrics_is_told_to_who_asks_for_it(api: Api) -> None:
    accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    async with api.session.get(f"{api.base}/metrics", headers={"Accept": accept}) as answer:
        told = await answer.text()

    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert told.endswith("# EOF\n")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 nginx"},
        ELSEWHERE,
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_a_proxy_that_nobody_has_named_does_not_open_them(
    api: Api, headers: dict[str, str]
) -> None:
    assert (await api("GET", "/metrics", headers=headers)).error == (401, "unauthorized")


async def test_behind_a_trusted_proxy_the_address_that_it_saw_decides(parts: ApiParts) -> None:
    async with served(parts, PROXY) as url:
        found = {
            told: await status(url, {"X-Forwarded-For": told} if told else {})
            for told in ("", "127.0.0.1", "::1", "203.0.113.9", "127.0.0.1, 203.0.113.9", "me")
        }
        silent = await status(url, {"X-Forwarded-Proto": "https"})

    assert found == {
        "": 200,  # not through it
        "127.0.0.1": 200,
        "::1": 200,
        "203.0.113.9": 401,
        "127.0.0.1, 203.0.113.9": 401,  # the first is what the client says of itself
        "me": 401,
    }
    assert silent == 401


async def test_elsewhere_it_takes_an_admin(api: Api, parts: ApiParts) -> None:
    keys = {scope: (await api.with_scope(scope)).key for scope in ("read", "operate", "admin")}
    async with served(parts, PROXY) as url:
        found = {
            scope: await status(url, {**ELSEWHERE, "x-api-key": key}) for scope, key in keys.items()
        }
        wrong = await status(url, {**ELSEWHERE, "x-api-key": "wrong"})

    assert found == {"read": 403, "operate": 403, "admin": 200}
    assert wrong == 401


async def test_a_guesser_is_slowed_down_and_is_counted(parts: ApiParts) -> None:
    hasty = replace(PROXY, strangers=Rate(1e-6, 2))
    async with served(parts, hasty) as url:
        found = [await status(url, {**ELSEWHERE, "x-api-key": "guess"}) for _ in range(3)]

    assert found == [401, 401, 429]
    assert parts.metered.tally.limited == {"strangers": 1}


async def test_requests_are_counted_by_operation_and_status_not_by_path(api: Api) -> None:
    tally = api.parts.metered.tally
    for path in ("/healthz", "/nowhere/1", "/nowhere/2", f"{api.organization}/chargers/CP-9"):
        await api("GET", path)

    assert tally.requests == {("healthz", 200): 1, ("none", 404): 2, ("get_charger", 404): 1}
    assert sum(tally.latencies["none"].counts) == 2
    assert tally.sockets == 1


async def test_commands_are_counted_by_how_they_end(api: Api) -> None:
    await api.enrol("CP-1")
    await api("POST", "/api/chargingStations/CP-1/commands/ClearCache", {})
    await api("POST", "/api/chargingStations/CP-1/commands/NoSuchAction", {})

    assert api.parts.metered.tally.commands == {("ClearCache", "offline"): 1}
