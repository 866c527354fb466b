"""What is on its way to the disk is known until it has got there or was lost."""

from __future__ import annotations

from asyncio import Future
from dataclasses import replace

from csms.noted import Noted
from storage.errors import StorageUnavailable
from tests.storage.doubles import ALICE, BOB, ORGANIZATION
from tests.storage.records import transaction

FIRST = transaction(ALICE)
SECOND = replace(FIRST, energy_wh=5.0)


async def settled() -> None:
    """Let what was done be heard of."""
    heard: Future[None] = Future()
    heard.get_loop().call_soon(heard.set_result, None)
    await heard


async def test_the_latest_is_known_before_and_after_it_is_committed() -> None:
    noted, first, second = Noted(10), Future[None](), Future[None]()

    noted.keep(FIRST, first)
    noted.keep(SECOND, second)
    first.set_result(None)
    await settled()
    assert noted.get(ALICE, "4711") is SECOND
    assert noted.fresh(ALICE) == [SECOND]
    assert noted.promised(ORGANIZATION, "4711")

    second.set_result(None)
    await settled()
    assert noted.get(ALICE, "4711") is SECOND
    assert noted.fresh(ALICE) == []
    assert not noted.promised(ORGANIZATION, "4711")


async def test_what_was_lost_is_forgotten() -> None:
    noted, lost, cancelled = Noted(10), Future[None](), Future[None]()

    noted.keep(FIRST, lost)
    noted.keep(transaction(BOB), cancelled)
    lost.set_exception(StorageUnavailable())
    cancelled.cancel()
    await settled()

    assert noted.get(ALICE, "4711") is noted.get(BOB, "4711") is None


async def test_what_is_not_committed_is_never_pushed_out() -> None:
    noted, pending = Noted(1), Future[None]()

    noted.keep(FIRST, pending)
    for number in range(3):
        noted.remember(transaction(BOB, str(number)))

    assert noted.get(ALICE, "4711") is FIRST
    assert [noted.get(BOB, str(number)) is not None for number in range(3)] == [
        False,
        False,
        True,
    ]
    pending.cancel()


async def test_a_charger_s_own_are_its_own() -> None:
    noted, pending = Noted(10), Future[None]()
    noted.keep(FIRST, pending)

    assert noted.get(BOB, "4711") is None
    assert noted.fresh(BOB) == []
    assert not noted.promised("another organization", "4711")
    pending.cancel()
