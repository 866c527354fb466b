"""S-17 of the API: how often, how long, how deep; each limit is told where it is passed."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from api.app import create_app
from api.rates import RateLimits
from api.server import listening
from csms.setting_values import Rate
from csms.settings import Bind
from tests.api.conftest import Api
from tests.kratos import People

TABLE = "/api/v1/organizations"
PROXIES = (ip_network("127.0.0.0/8"),)


class Hand:
    """A clock that is moved by hand."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@contextlib.asynccontextmanager
async def limited(api: Api, hand: Hand, *, trusted: bool = False) -> AsyncIterator[Api]:
    """Serve the same with a rate of 10 a second and a burst of 20."""
    rates = RateLimits(
        Rate(10, 20), Rate(2, 5), trusted_proxies=PROXIES if trusted else (), monotonic=hand
    )
    async with listening(create_app(api.parts, rates=rates), Bind("127.0.0.1", 0)) as bind:
        base = f"http://{bind}"
        yield Api(api.session, base, api.parts, api.clock, api.organization_uuid, api.key)


async def test_a_caller_gets_its_burst_then_429_with_when_to_come_again(api: Api) -> None:
    hand = Hand()
    async with limited(api, hand) as slow:
        told = [await slow("GET", TABLE) for _ in range(22)]
        neighbour = await slow("GET", TABLE, headers={"x-api-key": (await api.neighbour()).key})
        hand.seconds += int(told[-1].headers["Retry-After"])
        later = await slow("GET", TABLE)

    assert Counter(each.status for each in told) == {200: 20, 429: 2}
    assert told[-1].error == (429, "rate_limited")
    assert (neighbour.status, later.status) == (200, 200)


async def test_what_is_refused_for_its_rate_was_not_done(api: Api) -> None:
    hand = Hand()
    async with limited(api, hand) as slow:
        for _ in range(20):
            await slow("GET", TABLE)
        refused = await slow("POST", f"{api.organization}/sites", {"name": "A"})

    assert refused.status == 429
    assert (await api.get(f"{api.organization}/sites"))["sites"] == []


async def test_what_a_caller_may_not_or_finds_nowhere_is_counted_as_well(
    api: Api, people: People
) -> None:
    """Otherwise whoever has any key could fill the audit with refusals at any speed."""
    reader, theirs = await api.with_scope("read"), (await api.neighbour()).organization
    nobody = await people.person()
    asked: list[tuple[int, dict[str, str], str]] = [
        (403, {"x-api-key": reader.key}, f"{api.organization}/sites"),
        (404, {"x-api-key": api.key}, f"{theirs}/sites"),
        (401, {"x-api-key": (await api.with_scope("read")).key}, "/api/chargingStations/A/reset"),
        (404, {"X-Session-Token": nobody.token}, f"{theirs}/sites"),
        (403, {"X-Session-Token": (await people.person()).token}, "/api/chargingStations/A/reset"),
    ]
    async with limited(people.api, Hand()) as slow:
        for refusal, headers, path in asked:
            told = [(await slow("POST", path, {}, headers=headers)).status for _ in range(22)]
            assert told == [refusal] * 20 + [429] * 2, (headers, path)


async def test_a_guesser_is_slowed_down_and_a_valid_key_from_there_never(api: Api) -> None:
    hand = Hand()
    async with limited(api, hand) as slow:
        guesses = [
            await slow("GET", TABLE, headers={"x-api-key": f"rm_{number:040x}"})
            for number in range(20)
        ]
        valid = await slow("GET", TABLE)
        hand.seconds += 1
        again = [await slow("GET", TABLE, headers={"x-api-key": "no"}) for _ in range(3)]

    assert [each.status for each in guesses] == [401] * 5 + [429] * 15
    assert guesses[-1].headers["Retry-After"] == "1"
    assert valid.status == 200
    assert [each.status for each in again] == [401, 401, 429]


async def test_a_scope_that_is_missing_is_no_guess(api: Api) -> None:
    hand, reader = Hand(), await api.with_scope("read")
    async with limited(api, hand) as slow:
        headers = {"x-api-key": reader.key}
        told = [
            await slow("POST", "/api/chargingStations/CP-1/reset", {}, headers=headers)
            for _ in range(10)
        ]

    assert {each.status for each in told} == {401}


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_guesser_is_where_a_trusted_proxy_says_and_nobody_else(
    api: Api, *, trusted: bool
) -> None:
    async with limited(api, Hand(), trusted=trusted) as slow:
        told = [
            (
                await slow(
                    "GET",
                    TABLE,
                    headers={"x-api-key": "no", "X-Forwarded-For": f"evil, 192.0.2.{number}"},
                )
            ).status
            for number in range(10)
        ]

    assert told == ([401] * 10 if trusted else [401] * 5 + [429] * 5)


LONG = b'{"name": "' + b"a" * (1 << 20) + b'"}'
DEEP = b'{"name": ' + b"[" * 40 + b"]" * 40 + b"}"
MANY = b'{"chargers": [' + b",".join([b'"a"'] * 10_001) + b"]}"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (LONG, (413, "too_large")),
        (DEEP, (400, "invalid_json")),
        (MANY, (422, "invalid")),
        (b'{"name": 1e400000}', (400, "invalid_json")),
        (b'{"name": "\\ud800"}', (400, "invalid_json")),
    ],
    ids=["too long", "too deep", "too many values", "no number", "half a character"],
)
async def test_a_body_is_bounded_also_with_an_idempotency_key(
    api: Api, body: bytes, error: tuple[int, str]
) -> None:
    path = f"{api.organization}/sites"
    for more in ({}, {"Idempotency-Key": "k"}):
        headers = {"x-api-key": api.key, **more}
        assert (await api("POST", path, text=body, headers=headers)).error == error


async def test_a_head_is_bounded(api: Api) -> None:
    headers = {"x-api-key": api.key, "X-Long": "a" * 40_000}

    assert (await api("GET", TABLE, headers=headers)).status == 400
