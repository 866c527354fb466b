"""Requests are seen through: at once, again when they are due, and on from where they were."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from csms.errors import AnswerTimeout, AuthorityAway
from csms.registry import Registry
from csms.signing import Patience
from storage.errors import StorageUnavailable
from tests.authorities import FakeAuthority, chain_for, request_of
from tests.csms.desk import Desk
from tests.csms.signing import QUICK, open_office
from tests.doubles import settled, until
from tests.storage.doubles import ALICE, NOON

GOOD = request_of(ALICE.charge_box_id, "Tests")
# Nothing is tried a second time, unless the charger has come back.
ONCE = Patience(first=1000.0, most=1000.0, look=0.001)


def test_the_waits_double_to_the_longest() -> None:
    waits = [Patience().after(tries) for tries in (0, 1, 2, 6, 7, 10_000)]

    assert waits == [10.0, 20.0, 40.0, 600.0, 600.0, 600.0]


async def test_a_request_goes_on_after_a_restart_where_it_was(desk: Desk) -> None:
    async with open_office(desk) as office:
        office.authority.gate.clear()
        await office.asks("1.6", csr=GOOD)
        await until(lambda: office.authority.asked)
    assert [one.state for one in await office.requests()] == ["asking"]

    async with open_office(desk) as office:
        await office.becomes("sending")
    assert office.authority.asked == [GOOD]

    async with open_office(desk) as office:
        charger = office.connect()
        await office.becomes("installed")
    assert office.authority.asked == []
    assert len(charger.heard) == 1

    async with open_office(desk) as office:
        charger = office.connect()
        await settled()
    assert charger.heard == []


async def test_what_was_being_sent_when_we_ended_may_have_come(desk: Desk) -> None:
    registry = Registry()
    async with open_office(desk) as office:
        await office.asks("1.6", csr=GOOD)
        await office.becomes("sending")
    async with open_office(desk, registry=registry) as office:
        office.connect("1.6", "Rejected")
        await office.becomes("failed")
        assert len(await office.certificates()) == 1


async def test_a_charger_that_comes_back_is_not_kept_waiting(desk: Desk) -> None:
    async with open_office(desk, patience=ONCE) as office:
        silent = office.connect("1.6", AnswerTimeout())
        await office.asks("1.6", csr=GOOD)
        await until(lambda: silent.heard)
        charger = office.connect()
        await office.becomes("installed")

    assert (len(silent.heard), len(charger.heard)) == (1, 1)


async def test_the_authority_is_asked_by_few_at_once(desk: Desk) -> None:
    async with open_office(desk) as office:
        office.authority.gate.clear()
        for number in range(9):
            desk.clock.pass_time(seconds=1)
            csr = request_of(ALICE.charge_box_id, "Tests" if number % 2 else ALICE[0])
            await office.asks("1.6", csr=csr)
        await settled()
        assert len(office.authority.asked) <= 4


async def test_storage_that_is_away_delays_a_request_and_no_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests, faults = desk.storage.certificate_requests, [StorageUnavailable(), ValueError()]
    get = requests.get

    async def failing(request_id: str) -> Any:
        if faults:
            raise faults.pop()
        return await get(request_id)

    monkeypatch.setattr(requests, "get", failing)
    async with open_office(desk) as office:
        await office.asks("1.6", csr=GOOD)
        await office.becomes("sending")
    assert faults == []


async def test_a_request_that_fails_as_nobody_foresaw_is_given_up_in_the_end(desk: Desk) -> None:
    def broken(_: str) -> str:
        raise ValueError

    async with open_office(desk, FakeAuthority(broken)) as office:
        await office.asks("1.6", csr=GOOD)
        await until(lambda: len(office.authority.asked) > 2)
        desk.clock.pass_time(seconds=QUICK.in_all.total_seconds())
        await office.becomes("failed")

        assert (await office.events())[-1].action == "CertificateNotSigned"


async def test_a_request_whose_charger_is_deleted_is_forgotten(desk: Desk) -> None:
    async with open_office(desk, FakeAuthority(_away)) as office:
        await office.asks("1.6", csr=GOOD)
        await until(lambda: office.authority.asked)
        await desk.storage.chargers.delete(ALICE)
        asked = -1
        while asked != len(office.authority.asked):  # until it is asked no more
            asked = len(office.authority.asked)
            await asyncio.sleep(3 * QUICK.most)
        assert await office.requests() == []


def _away(_: str) -> str:
    raise AuthorityAway


async def test_one_that_has_to_wait_keeps_no_other_waiting(desk: Desk) -> None:
    def behave(request: str) -> str:
        if request == GOOD:
            raise AuthorityAway
        return chain_for(request, NOON)

    other = request_of(ALICE.charge_box_id, ALICE.organization_uuid)
    async with open_office(desk, FakeAuthority(behave), patience=ONCE) as office:
        await office.asks("1.6", csr=GOOD)
        await until(lambda: office.authority.asked)
        desk.clock.pass_time(seconds=1)
        await office.asks("1.6", csr=other)
        await office.becomes("sending", "failed")
