"""Who is let in, who may charge, and what is told of it: a simulated charger without a target."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from simulators.charger import Charger, Habits, NotAuthorized
from tests.doubles import until
from tests.e2e.conftest import Api

NAME = "CP-1"
STATION = f"/api/chargingStations/{NAME}"
CARD = "04A2B3C4"

versions = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])


async def done(api: Api, method: str, path: str, body: Any = None) -> Any:
    status, answer = await api(method, path, body)
    assert status in (200, 201), answer
    return answer


@contextlib.asynccontextmanager
async def charging(api: Api, version: str, **enrolled: Any) -> AsyncIterator[Charger]:
    body = {"charge_box_id": NAME, **enrolled}
    charger = (await done(api, "POST", f"{api.of_organization}/chargers", body))["charger"]
    url = f"ws://{api.server.ocpp}/{api.organization_uuid}/ocpp"
    simulated = Charger(
        url,
        NAME,
        charger["ocpp_password"],
        version,
        back_off=(0.01, 0.05),
        habits=Habits(restart_s=0.01),
    )
    async with simulated.running():
        yield simulated


@versions
async def test_a_charger_is_held_back_until_it_is_configured(api: Api, version: str) -> None:
    async with charging(api, version, boot_policy="pending") as charger:
        await until(lambda: charger.boot.status == "Pending")
        assert not charger.connected

        # Its interval is a minute: it comes at once because it is asked to.
        await done(
            api, "PATCH", f"{api.of_organization}/chargers/{NAME}", {"boot_policy": "accept"}
        )
        await charger.wait_connected()


@versions
async def test_only_who_is_known_charges_and_the_record_says_who_ended_it(
    api: Api, version: str
) -> None:
    organization = api.of_organization
    async with charging(api, version) as charger:
        await charger.wait_connected()
        await done(api, "PATCH", f"{organization}/settings", {"authorization": "known"})
        with pytest.raises(NotAuthorized):
            await charger.start(1, CARD)

        await done(api, "POST", f"{organization}/id_tokens", {"id_token": CARD.lower()})
        first = await charger.start(1, CARD)
        charger.read_meters()
        await charger.stop(1)
        charger.unplug(1)
        second = await charger.start(1, CARD)
        await done(api, "POST", f"{STATION}/transactions/{second.id}/stop")
        await until(lambda: not charger.hardware.transactions and not charger.waiting)

        listed = await done(api, "GET", f"{STATION}/transactions?state=ended")
        assert {one["transactionId"]: one["endedBy"] for one in listed["transactions"]} == {
            str(first.id): "charger",
            str(second.id): "operator",
        }
        one = (await done(api, "GET", f"{STATION}/transactions/{first.id}"))["transaction"]
        assert (one["idToken"], one["state"], one["doubts"]) == (CARD, "ended", [])
        assert one["meterValues"]
        assert one["energyWh"] >= 0


@versions
async def test_what_we_start_with_charges_where_nobody_else_may(api: Api, version: str) -> None:
    async with charging(api, version) as charger:
        await charger.wait_connected()
        await done(api, "PATCH", f"{api.of_organization}/settings", {"authorization": "reject"})
        with pytest.raises(NotAuthorized):
            await charger.start(1, CARD)

        charger.plug_in(1)
        body = {"contractId": "DE-ABC-1", "authorizationReference": "REF-7"}
        started = await done(api, "POST", f"{STATION}/evses/1/transactions", body)
        assert started["transactionStartResponse"]["status"] == "Accepted"
        await until(lambda: [one for one in charger.transactions if one.confirmed])

        (running,) = (await done(api, "GET", f"{STATION}/transactions"))["transactions"]
        one = await done(api, "GET", f"{STATION}/transactions/{running['transactionId']}")
        assert one["transaction"]["state"] == "running"
        assert {name: one["transaction"][name] for name in body} == body
