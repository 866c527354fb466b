"""SignCertificate: what is taken is stored before it is said, and a refusal tells the owner why."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from csms.certificates import MOST_CERTIFICATES
from csms.errors import NotStored
from storage.errors import StorageUnavailable
from storage.records import ChargerKey
from tests.authorities import request_of
from tests.csms.desk import Desk, received
from tests.csms.signing import open_office
from tests.doubles import until
from tests.storage.doubles import ALICE, ORGANIZATION
from tests.storage.repositories.test_charger_certificates import certificate

pytestmark = pytest.mark.one_of_each("how it is stored is the same, whatever is said")
GOOD = request_of(ALICE.charge_box_id, "Tests")


@pytest.mark.parametrize(
    ("version", "more"),
    [
        ("1.6", {}),
        ("2.0.1", {}),
        ("2.0.1", {"certificateType": "ChargingStationCertificate"}),
        ("2.1", {"certificateType": "ChargingStationCertificate", "requestId": 7}),
    ],
)
async def test_a02_a_request_is_stored_before_it_is_taken(
    version: str, more: dict[str, object], desk: Desk
) -> None:
    async with open_office(desk) as office:
        office.authority.gate.clear()
        assert await office.asks(version, csr=GOOD, **more) == "Accepted"
        (request,) = await office.requests()

    assert (request.csr, request.state, request.key) == (GOOD, "asking", ALICE)
    assert request.certificate_type == more.get("certificateType")
    assert request.charger_request_id == more.get("requestId")


async def test_a02_what_cannot_be_stored_is_not_answered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StorageUnavailable

    async with open_office(desk) as office:
        monkeypatch.setattr(desk.storage.certificate_requests, "add", away)
        with pytest.raises(NotStored):
            await office.station("1.6").answer(received("SignCertificate", {"csr": GOOD}))


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_a02_without_an_authority_nothing_is_taken(version: str, desk: Desk) -> None:
    async with open_office(desk, without_authority=True) as office:
        assert await office.asks(version, csr=GOOD) == "Rejected"
        assert await office.requests() == []
        (event,) = await office.events()

    assert (event.action, event.result) == ("SignCertificateRefused", "refused")
    assert event.actor == f"charger:{ALICE.charge_box_id}"
    assert "RINGMAIN_CA_COMMAND" in event.details["reason"]


async def test_a02_without_the_books_of_a_server_nothing_is_taken(desk: Desk) -> None:
    answer = await desk.station("1.6").answer(received("SignCertificate", {"csr": GOOD}))

    assert answer.text.endswith(b'{"status":"Rejected"}]')


@pytest.mark.parametrize("kind", ["V2GCertificate", "V2G20Certificate"])
async def test_a03_certificates_of_iso_15118_are_refused_with_a_clear_event(
    kind: str, desk: Desk
) -> None:
    async with open_office(desk) as office:
        assert await office.asks("2.1", csr=GOOD, certificateType=kind) == "Rejected"
        (event,) = await office.events()

    assert event.details["reason"] == f"{kind}: certificates of ISO 15118 are not signed here."
    assert office.authority.asked == []


@pytest.mark.parametrize(
    ("csr", "wrong"),
    [
        ("no PEM", "no certificate signing request"),
        (request_of("BOB", "Tests"), "Its CN must be"),
        (request_of(ALICE.charge_box_id, "Neighbour"), "Its O must be"),
    ],
)
async def test_a02_a_request_for_somebody_else_is_refused(csr: str, wrong: str, desk: Desk) -> None:
    async with open_office(desk) as office:
        assert await office.asks("2.0.1", csr=csr) == "Rejected"
        assert await office.requests() == []
        (event,) = await office.events()

    assert wrong in event.details["reason"]
    assert office.authority.asked == []


async def test_a02_the_name_that_the_owner_has_set_counts_and_the_uuid_too(desk: Desk) -> None:
    await desk.storage.chargers.update(ALICE, certificate_name="SN-1")
    async with open_office(desk) as office:
        assert await office.asks("1.6", csr=GOOD) == "Rejected"
        assert await office.asks("1.6", csr=request_of("SN-1", ORGANIZATION)) == "Accepted"


async def test_a02_the_same_request_again_is_the_same_request(desk: Desk) -> None:
    async with open_office(desk) as office:
        office.authority.gate.clear()
        for number in (7, 8):
            assert await office.asks("2.1", csr=GOOD, requestId=number) == "Accepted"
        (request,) = await office.becomes("asking")

    assert request.charger_request_id == 8
    assert office.authority.asked in ([], [GOOD])


async def test_a02_what_is_signed_meanwhile_is_sent_under_the_newest_number(desk: Desk) -> None:
    async with open_office(desk) as office:
        charger = office.connect("2.1")
        office.authority.gate.clear()
        await office.asks("2.1", csr=GOOD, requestId=7)
        await until(lambda: office.authority.asked)
        await office.asks("2.1", csr=GOOD, requestId=8)
        office.authority.gate.set()
        await office.becomes("installed")

    (sent,) = charger.heard
    assert sent.fields["requestId"] == 8


async def test_a02_one_that_was_stored_as_its_link_ended_is_seen_through_once_asked_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, stored = desk.storage.certificate_requests.add, asyncio.Event()

    async def committed(*request: Any) -> None:
        await add(*request)
        stored.set()
        await asyncio.Event().wait()

    async with open_office(desk) as office:
        monkeypatch.setattr(desk.storage.certificate_requests, "add", committed)
        asking = asyncio.create_task(office.asks("1.6", csr=GOOD))
        await stored.wait()
        asking.cancel()
        await asyncio.wait([asking])

        assert await office.asks("1.6", csr=GOOD) == "Accepted"
        await office.becomes("sending")


async def test_a02_one_that_ends_as_it_is_asked_again_begins_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = desk.storage.certificate_requests
    of_charger = requests.of_charger

    async def then_over(key: ChargerKey) -> Any:
        monkeypatch.undo()
        found = await of_charger(key)
        await requests.note_failed(found[0], desk.clock.now(), "refused")
        return found

    async with open_office(desk) as office:
        office.authority.gate.clear()
        await office.asks("1.6", csr=GOOD)
        desk.clock.pass_time(seconds=1)
        monkeypatch.setattr(requests, "of_charger", then_over)
        assert await office.asks("1.6", csr=GOOD) == "Accepted"
        await office.becomes("asking", "failed")


async def test_a02_a_new_request_takes_the_place_of_the_open_one(desk: Desk) -> None:
    async with open_office(desk) as office:
        office.authority.gate.clear()
        await office.asks("1.6", csr=GOOD)
        desk.clock.pass_time(seconds=1)
        again = request_of(ALICE.charge_box_id, ORGANIZATION)
        await office.asks("1.6", csr=again)
        newer, older = await office.becomes("asking", "failed")

    assert (newer.csr, older.csr, older.error) == (again, GOOD, "superseded")


async def test_a02_who_asks_without_end_is_refused_until_an_hour_has_passed(desk: Desk) -> None:
    async with open_office(desk) as office:
        office.authority.gate.clear()
        for number in range(10):
            desk.clock.pass_time(seconds=1)
            csr = request_of(ALICE.charge_box_id, "Tests" if number % 2 else ORGANIZATION)
            assert await office.asks("1.6", csr=csr) == "Accepted"
        assert await office.asks("1.6", csr=request_of(ALICE.charge_box_id, "Tests")) == "Rejected"
        assert len(await office.requests()) == 10
        assert "10 times within an hour" in (await office.events())[-1].details["reason"]
        desk.clock.pass_time(hours=1)
        assert await office.asks("1.6", csr=request_of(ALICE.charge_box_id, "Tests")) == "Accepted"


async def test_a02_who_has_certificates_without_end_gets_no_more(desk: Desk) -> None:
    for number in range(MOST_CERTIFICATES):
        own = certificate(f"{number:064x}", created_at=desk.clock.now() + timedelta(seconds=number))
        await desk.storage.charger_certificates.add(own)
    async with open_office(desk) as office:
        assert await office.asks("1.6", csr=GOOD) == "Rejected"
        (event,) = await office.events()

    assert "100 certificates that have not expired" in event.details["reason"]
