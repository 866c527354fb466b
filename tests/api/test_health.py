"""Ready is who can store: red with the reason where nothing is taken, green again by itself."""

from __future__ import annotations

import asyncio

import pytest

from api import health
from storage import probe
from storage.repositories.chargers import Chargers
from tests.api.conftest import Api
from tests.storage.doubles import empty_disk, fill_disk


@pytest.fixture(autouse=True)
def tried_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(probe, "TRUSTED_SECONDS", 0.0)
    monkeypatch.setattr(health, "COUNTED_SECONDS", 0.0)


async def test_who_comes_in_without_a_password_is_warned_of_without_a_name(api: Api) -> None:
    await api.enrol("CP-1")
    assert (await api.get("/readyz"))["warnings"] == []

    await api.enrol("CP-2", security_profile=0)

    (warning,) = (await api.get("/readyz"))["warnings"]
    assert warning == "Chargers that come in without a password (security profile 0): 1."


async def test_a_stranger_does_not_make_us_count_all_chargers_each_time(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "COUNTED_SECONDS", 3600.0)
    counted: list[None] = []

    async def profiles(_chargers: Chargers) -> dict[int, int]:
        counted.append(None)
        return {0: 7}

    monkeypatch.setattr(Chargers, "profiles", profiles)
    answers = await asyncio.gather(*(api("GET", "/readyz", headers={}) for _ in range(10)))

    assert {answer.body["warnings"][0][-2:] for answer in answers} == {"7."}
    assert len(counted) == 1


@pytest.mark.sqlite_only(reason="what is full of PostgreSQL in tests are tables that are there")
async def test_a_server_without_traffic_is_not_ready_on_a_full_disk(api: Api) -> None:
    await fill_disk(api.storage.database)
    got = await api("GET", "/readyz")

    assert got.error == (503, "unavailable")
    assert "full" in got.text
    await empty_disk(api.storage.database)
    assert (await api("GET", "/readyz")).status == 200
