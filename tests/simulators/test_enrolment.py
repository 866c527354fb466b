from __future__ import annotations

import pytest

from simulators.charger import Charger
from simulators.enrolment import EnrolmentFailed, enrol, numbered
from tests.simulators.account import Account


async def test_who_was_enrolled_is_let_in(account: Account, version: str) -> None:
    [dial] = await enrol(account.api_url, account.organization_uuid, account.api_key, ["F-1"])
    charger = Charger(dial.url, dial.charge_box_id, dial.password, version)
    async with charger.running():
        await charger.wait_connected()

    assert charger.seen("refused") == []
    assert dial.password
    assert dial.password not in repr(dial)


async def test_the_reason_of_a_refusal_is_told(account: Account) -> None:
    place = (account.api_url, account.organization_uuid)
    await enrol(*place, account.api_key, ["F-1"])

    with pytest.raises(EnrolmentFailed, match="F-1: "):
        await enrol(*place, account.api_key, ["F-1"])
    with pytest.raises(EnrolmentFailed, match="F-2: "):
        await enrol(*place, "no key", ["F-2"])


async def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(EnrolmentFailed, match=r"http://127\.0\.0\.1:1: No server"):
        await enrol("http://127.0.0.1:1", "uuid", "key", ["F-1"])


def test_numbered_chargers_share_address_and_password() -> None:
    first, second = numbered("ws://h", 2, "secret", "F-")

    assert (first.charge_box_id, second.charge_box_id) == ("F-0001", "F-0002")
    assert {first.url, second.url} == {"ws://h"}
    assert first.password == "secret"
