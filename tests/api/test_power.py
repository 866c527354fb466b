"""Power over time and the limits over it: what was measured, what held, what is to hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from csms.chronicle import Chronicle
from storage.records import InstalledProfile, MeterValue, Transaction
from tests.api.conftest import Api, Connect
from tests.api.robot import robot

MINUTE = timedelta(minutes=1)
ON_EVSE = "/api/chargingStations/CP-1/evses/1/powerLimit"


@pytest.fixture
async def chronicle(api: Api) -> AsyncIterator[Chronicle]:
    chronicle = Chronicle(api.storage, api.clock, settling=86_400.0)
    async with chronicle.running():
        yield chronicle


async def power(api: Api, query: str = "", name: str = "CP-1") -> Any:
    return await api.get(f"{api.organization}/chargers/{name}/power{query}")


def limits(shown: Any, evse_id: int = 1) -> list[tuple[str, float | None, str | None]]:
    found = [one["steps"] for one in shown["limits"] if one["evse_id"] == evse_id]
    return [
        (step["begin"][11:19], step["watts"], step["source"]) for of_it in found for step in of_it
    ]


def points(shown: Any, evse_id: int = 1) -> list[tuple[str, float]]:
    found = [one["points"] for one in shown["evses"] if one["evse_id"] == evse_id]
    return [(point["timestamp"][11:19], point["watts"]) for of_it in found for point in of_it]


async def test_nothing_is_known_of_a_charger_that_has_said_nothing(api: Api) -> None:
    await api.enrol()

    assert await power(api) == {
        "success": True,
        "since": "2026-11-21T09:00:00.000Z",
        "until": "2026-11-21T10:00:00.000Z",
        "evses": [],
        "limits": [],
    }


# ---- what was taken ----


async def begins(api: Api, name: str = "1", evse_id: int = 1, **more: Any) -> Transaction:
    begun = Transaction(
        key=api.charger_key("CP-1"),
        transaction_id=name,
        evse_id=evse_id,
        started_at=api.clock.now(),
        start_timestamp=name,
        **more,
    )
    await api.storage.transactions.note_started(begun)
    return begun


def measures(api: Api, session: Transaction, watts: float, at: datetime | None = None) -> None:
    value = MeterValue(
        session.key,
        session.transaction_id,
        session.evse_id,
        at or api.clock.now(),
        "Power.Active.Import",
        watts,
        "W",
    )
    api.storage.transactions.note_meter_values([value])


async def test_what_each_evse_took_is_shown_in_order(api: Api) -> None:
    await api.enrol()
    one, two = await begins(api, "1", 1), await begins(api, "2", 2)
    for minute in range(3):
        measures(api, one, 1000.0 * minute)
        measures(api, two, 7000.0)
        api.clock.forward(minutes=1)
    await api.storage.transactions.note_changed(
        replace(one, state="ended", stopped_at=api.clock.now())
    )
    again = await begins(api, "3", 1)
    measures(api, again, 500.0)

    shown = await power(api)
    assert points(shown, 1) == [
        ("10:00:00", 0.0),
        ("10:01:00", 1000.0),
        ("10:02:00", 2000.0),
        ("10:03:00", 500.0),  # it begins at the moment at which the other one ended
    ]
    assert [watts for _, watts in points(shown, 2)] == [7000.0] * 3


async def test_a_session_that_is_over_takes_nothing(api: Api) -> None:
    await api.enrol()
    one = await begins(api)
    measures(api, one, 7000.0)
    api.clock.forward(minutes=1)
    ended = replace(one, state="ended", stopped_at=api.clock.now())
    await api.storage.transactions.note_changed(ended)
    api.clock.forward(minutes=10)

    assert points(await power(api)) == [("10:00:00", 7000.0), ("10:01:00", 0.0)]


async def test_only_what_lies_in_the_span_is_shown(api: Api) -> None:
    await api.enrol()
    one = await begins(api)
    for _ in range(5):
        measures(api, one, 7000.0)
        api.clock.forward(minutes=1)

    query = "?since=2026-11-21T10:01:00Z&until=2026-11-21T10:03:00%2B00:00"
    shown = await power(api, query)
    assert [at for at, _ in points(shown)] == ["10:01:00", "10:02:00", "10:03:00"]
    assert (shown["since"], shown["until"]) == (
        "2026-11-21T10:01:00.000Z",
        "2026-11-21T10:03:00.000Z",
    )
    later = await power(api, "?since=2026-11-21T12:00:00Z")
    assert (later["since"], points(later)) == (later["until"], [])


@pytest.mark.parametrize(
    "query",
    [
        "since=2026-11-21T10:00:01Z&until=2026-11-21T10:00:00Z",
        "since=2026-11-01T10:00:00Z",
        "since=2026-11-14T09:59:59Z&until=2026-11-21T10:00:00Z",
        "since=1970-01-01T00:00:00Z",
        "since=yesterday",
    ],
)
async def test_a_span_that_is_none_or_too_long_is_refused(api: Api, query: str) -> None:
    await api.enrol()
    got = await api("GET", f"{api.organization}/chargers/CP-1/power?{query}")

    assert got.fields == {"since"}


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_the_ends_of_time_are_spans_like_others(api: Api, until: str) -> None:
    await api.enrol()

    assert (await power(api, f"?until={until}"))["evses"] == []


@pytest.mark.one_of_each("what chargers say is read alike on both databases")
@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        (
            "1.6",
            "MeterValues",
            {
                "connectorId": 1,
                "transactionId": 1,
                "meterValue": [
                    {
                        "timestamp": "1970-01-01T00:00:07Z",
                        "sampledValue": [
                            {"value": "6.9", "unit": "kW", "measurand": "Power.Active.Import"},
                            {"value": "-1e999", "unit": "W", "measurand": "Power.Active.Import"},
                            {"value": {"no": "number"}},
                            7,
                        ],
                    },
                    {"timestamp": [], "sampledValue": "nothing"},
                    None,
                ],
            },
        ),
        (
            "2.0.1",
            "TransactionEvent",
            {
                "eventType": "Updated",
                "timestamp": "1970-01-01T00:00:07Z",
                "triggerReason": "MeterValuePeriodic",
                "seqNo": 1,
                "transactionInfo": {"transactionId": "1"},
                "meterValue": [
                    {
                        "timestamp": "1970-01-01T00:00:07Z",
                        "sampledValue": [
                            {
                                "value": 6.9,
                                "measurand": "Power.Active.Import",
                                "unitOfMeasure": {"unit": "kW"},
                            },
                            {"value": 9e14, "measurand": "Power.Active.Import", "phase": "L9"},
                        ],
                    }
                ],
            },
        ),
    ],
)
async def test_nonsense_of_a_charger_whose_clock_was_never_set(
    api: Api, connect: Connect, version: str, action: str, payload: Any
) -> None:
    await api.enrol(allowed_versions=[version])
    charger = await connect(version=version)
    await begins(api)
    await charger.peer.calls(action, orjson.dumps(payload), "peer-1")
    await charger.peer.hears()

    assert points(await power(api)) == [("10:00:00", 6900.0)]


# ---- what limited it ----


def lies(api: Api, *periods: tuple[int, float], evse_id: int = 1) -> InstalledProfile:
    schedule = {
        "chargingRateUnit": "W",
        "startSchedule": api.clock.now().isoformat(),
        "chargingSchedulePeriod": [{"startPeriod": at, "limit": watts} for at, watts in periods],
    }
    return InstalledProfile(
        key=api.charger_key("CP-1"),
        evse_id=evse_id,
        purpose="TxDefaultProfile",
        stack_level=0,
        profile={"id": 9, "chargingProfileKind": "Absolute", "chargingSchedule": [schedule]},
        installed_at=api.clock.now(),
    )


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_limit_is_there_from_the_moment_it_was_accepted_until_it_was_lifted(
    api: Api, connect: Connect, chronicle: Chronicle, version: str
) -> None:
    await api.enrol(allowed_versions=[version])
    async with robot((await connect(version=version)).peer, version):
        api.clock.forward(minutes=5)
        got = await api("PUT", ON_EVSE, {"limit": {"acMaxPowerKw": 6}})
        assert got.body["response"] == "Accepted", got.text
        assert limits(await power(api)) == [("10:05:00", 6000.0, "platform")]  # not noted yet
        await chronicle.catch_up()
        api.clock.forward(minutes=5)
        assert limits(await power(api)) == [
            ("09:10:00", None, None),
            ("10:05:00", 6000.0, "platform"),
        ]

        assert (await api("DELETE", ON_EVSE)).status == 200
        await chronicle.catch_up()
        api.clock.forward(minutes=5)

    assert limits(await power(api)) == [
        ("09:15:00", None, None),
        ("10:05:00", 6000.0, "platform"),
        ("10:10:00", None, None),
    ]
    # What was is told without what is.
    past = await power(api, "?since=2026-11-21T10:06:00Z&until=2026-11-21T10:08:00Z")
    assert limits(past) == [("10:06:00", 6000.0, "platform")]


async def test_what_is_to_hold_is_shown_behind_now(api: Api, chronicle: Chronicle) -> None:
    await api.enrol()
    api.storage.charging_profiles.note_installed(lies(api, (0, 5000.0), (7200, 3000.0)))
    await chronicle.catch_up()
    api.clock.forward(minutes=30)

    ahead = [("12:00:00", 3000.0, "profile")]
    assert limits(await power(api)) == [
        ("09:30:00", None, None),
        ("10:00:00", 5000.0, "profile"),
        *ahead,
    ]
    beyond = await power(api, "?since=2026-11-21T11:00:00Z&until=2026-11-21T13:00:00Z")
    assert limits(beyond) == [("11:00:00", 5000.0, "profile"), *ahead]


@pytest.mark.one_of_each("much of the same")
async def test_a_charger_with_a_hundred_evses_is_shown_whole(
    api: Api, chronicle: Chronicle
) -> None:
    await api.enrol()
    for evse_id in range(1, 101):
        api.storage.charging_profiles.note_installed(
            lies(api, (0, 100.0 * evse_id), evse_id=evse_id)
        )
        measures(api, await begins(api, str(evse_id), evse_id), 50.0 * evse_id)
    await chronicle.catch_up()

    shown = await power(api)
    assert [one["evse_id"] for one in shown["evses"]] == list(range(1, 101))
    assert limits(shown, 100) == [("09:00:00", None, None), ("10:00:00", 10_000.0, "profile")]
    assert points(shown, 7) == [("10:00:00", 350.0)]


# ---- whose it is ----


async def test_another_organization_s_charger_of_the_same_name_shows_nothing(
    api: Api, chronicle: Chronicle
) -> None:
    await api.enrol()
    neighbour = await api.neighbour()
    await neighbour.enrol()
    measures(api, await begins(api), 7000.0)
    api.storage.charging_profiles.note_installed(lies(api, (0, 5000.0)))
    await chronicle.catch_up()

    shown = await power(neighbour)
    assert (shown["evses"], shown["limits"]) == ([], [])
    assert (await neighbour("GET", f"{api.organization}/chargers/CP-1/power")).error[0] == 404
    assert (await api("GET", f"{api.organization}/chargers/NO/power")).error[0] == 404
