"""A new password is stored before it is told, and the answer decides which one counts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from csms import frames
from csms.admission import Admission, Knock, Records, records_of
from csms.commands import Outcome, RotatePassword
from csms.errors import AnswerTimeout, BadAnswer, CallRefused, InvalidCommand, LinkBusy, LinkClosed
from csms.rotation import OPEN_FOR, new_rotation, rotation_of
from csms.security_events import SecurityEvents
from csms.station import Station
from csms.stations import STATIONS
from storage.records import ChargerKey
from storage.repositories.password_rotations import PasswordRotations
from storage.secrets import digest_secret, secret_matches
from storage.security_records import PasswordRotation
from tests.csms.desk import Desk, answering
from tests.doubles import Conversation, conversation
from tests.storage.doubles import ALICE, NOON, ORGANIZATION

VERSIONS = ("1.6", "2.0.1", "2.1")
OLD, NEW = b"the-old-one-16-bytes", b"the-new-one-16-bytes"
COMMAND = RotatePassword(password=NEW, rotation_id="rotation-1", requested_by="key-1")
PLACE = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}


def says(version: str, status: str) -> Any:
    if version == "1.6":
        return {"status": status}
    return {"setVariableResult": [{"attributeStatus": status, **PLACE}]}


async def pending(desk: Desk) -> list[PasswordRotation]:
    return await desk.storage.password_rotations.of(ALICE)


async def counts(desk: Desk, password: bytes) -> bool:
    """Tell whether the charger may come in with a password."""
    own = secret_matches(password, (await desk.charger()).password_digest)
    found = await pending(desk)
    return own or rotation_of([password], found, desk.clock.now()) is not None


async def begin(desk: Desk) -> None:
    await desk.storage.chargers.update(ALICE, password_digest=digest_secret(OLD))


async def rotated(desk: Desk, version: str, answer: Any) -> tuple[Outcome, list[Any]]:
    await begin(desk)
    async with desk.connected(version) as (station, talk):
        return await answering(talk, station.perform(COMMAND), answer)


@pytest.mark.parametrize("version", VERSIONS)
async def test_after_accepted_only_the_new_one_counts(desk: Desk, version: str) -> None:
    """1.6 and 2.0.1 A01.FR.03."""
    outcome, _ = await rotated(desk, version, says(version, "Accepted"))

    assert outcome.status == "Accepted"
    assert await counts(desk, NEW)
    assert not await counts(desk, OLD)
    assert await pending(desk) == []


@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
@pytest.mark.parametrize("version", VERSIONS)
async def test_after_a_refusal_only_the_old_one_counts(
    desk: Desk, version: str, status: str
) -> None:
    """1.6 and 2.0.1 A01.FR.04."""
    told = "UnknownVariable" if (version, status) == ("2.1", "NotSupported") else status
    outcome, _ = await rotated(desk, version, says(version, told))

    assert outcome.status == told
    assert await counts(desk, OLD)
    assert not await counts(desk, NEW)
    assert await pending(desk) == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_is_taken_at_the_next_restart_counts_until_then_beside_the_old_one(
    desk: Desk, version: str
) -> None:
    await rotated(desk, version, says(version, "RebootRequired"))
    desk.clock.pass_time(days=30)

    assert await counts(desk, OLD)
    assert await counts(desk, NEW)


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_answer_that_says_nothing_leaves_both(desk: Desk, version: str) -> None:
    with pytest.raises(BadAnswer):
        await rotated(desk, version, {"status": "Perhaps"})
    assert await counts(desk, OLD)
    assert await counts(desk, NEW)


async def test_1_6_is_told_the_hex_digits_and_2_x_the_text(desk: Desk) -> None:
    _, (key,) = await rotated(desk, "1.6", says("1.6", "Rejected"))
    _, (variable,) = await rotated(desk, "2.0.1", says("2.0.1", "Rejected"))

    assert key == ["ChangeConfiguration", {"key": "AuthorizationKey", "value": NEW.hex()}]
    told = {"setVariableData": [{**PLACE, "attributeValue": NEW.decode()}]}
    assert variable == ["SetVariables", told]


async def test_it_is_stored_before_the_charger_hears_of_it(desk: Desk) -> None:
    await begin(desk)
    async with desk.connected("1.6") as (station, talk):
        rotating = asyncio.ensure_future(station.perform(COMMAND))
        await talk.peer.hears()
        (stored,) = await pending(desk)
        await gone(talk, rotating, LinkClosed)

    assert stored.state == "asked"
    assert stored.requested_by == "key-1"
    assert stored.expires_at == desk.clock.now() + OPEN_FOR


@contextlib.asynccontextmanager
async def connected(desk: Desk, **bounds: Any) -> AsyncIterator[tuple[Station, Conversation]]:
    async with conversation(**bounds) as talk:
        yield STATIONS["ocpp1.6"](ALICE, desk.books, talk.link), talk


async def gone(talk: Conversation, rotating: asyncio.Future[Outcome], end: type[Exception]) -> None:
    await talk.link.close()
    with pytest.raises(end):
        await rotating


async def test_without_an_answer_both_count_for_a_day_and_then_the_old_one(desk: Desk) -> None:
    await begin(desk)
    async with desk.connected("2.0.1") as (station, talk):
        rotating = asyncio.ensure_future(station.perform(COMMAND))
        await talk.peer.hears()
        await gone(talk, rotating, LinkClosed)

    desk.clock.pass_time(hours=23, minutes=59)
    assert await counts(desk, OLD)
    assert await counts(desk, NEW)
    desk.clock.pass_time(minutes=1)
    assert await counts(desk, OLD)
    assert not await counts(desk, NEW)


async def test_a_charger_that_does_not_answer_is_hung_up_on(desk: Desk) -> None:
    await begin(desk)
    async with connected(desk, answer_seconds=0.01) as (station, talk):
        with pytest.raises(AnswerTimeout):
            await station.perform(COMMAND)
        ended = await talk.ended()

    assert ended.code == 1001
    assert await counts(desk, NEW)


@pytest.mark.parametrize(
    ("code", "stays"), [("NotSupported", False), ("InternalError", True), ("GenericError", True)]
)
async def test_an_error_that_may_have_come_after_the_storing_leaves_both(
    desk: Desk, code: str, *, stays: bool
) -> None:
    await begin(desk)
    async with desk.connected("1.6") as (station, talk):
        rotating = asyncio.ensure_future(station.perform(COMMAND))
        call = await talk.peer.hears()
        await talk.peer.says(frames.call_error(call[1], code, "").text)
        with pytest.raises(CallRefused):
            await rotating

    assert await counts(desk, OLD)
    assert await counts(desk, NEW) is stays


async def test_what_was_never_sent_leaves_the_old_one(desk: Desk) -> None:
    await begin(desk)
    async with connected(desk, max_waiting=1) as (station, talk):
        asking = asyncio.ensure_future(talk.link.call("GetLocalListVersion", b"{}"))
        await talk.peer.hears()
        with pytest.raises(LinkBusy):
            await station.perform(COMMAND)
        await talk.link.close()
        with pytest.raises(LinkClosed):
            await asking

    assert await counts(desk, OLD)
    assert not await counts(desk, NEW)


async def test_bytes_that_are_no_text_are_no_password_of_2_x(desk: Desk) -> None:
    await begin(desk)
    with pytest.raises(InvalidCommand):
        await desk.station("2.0.1").perform(replace(COMMAND, password=b"\xff" * 16))
    assert await pending(desk) == []


async def test_a_charger_is_told_one_at_a_time(desk: Desk) -> None:
    await begin(desk)
    async with desk.connected("1.6") as (station, talk):
        rotating = asyncio.ensure_future(station.perform(COMMAND))
        await talk.peer.hears()
        with pytest.raises(LinkBusy):
            await another(station)
        await gone(talk, rotating, LinkClosed)
    assert [one.rotation_id for one in await pending(desk)] == ["rotation-1"]


async def another(station: Station) -> None:
    await station.perform(replace(COMMAND, rotation_id="rotation-2"))


def test_the_repr_of_a_command_does_not_tell_its_password() -> None:
    assert NEW.decode() not in repr(COMMAND)


# ---- what the owner is told ----


class AllAllowed:
    """Evaluate every attempt."""

    def allows(self, address: str, key: ChargerKey | None) -> bool:
        return True

    def failed(self, address: str, key: ChargerKey | None) -> None:
        """Take no note."""

    succeeded = undecided = failed


async def knocks(desk: Desk, password: bytes, records: Records | None = None) -> tuple[bool, str]:
    """Let somebody come with a password; tell whether he is in, and what the owner is told."""
    allowed: Any = AllAllowed()
    events = SecurityEvents(desk.storage.audit, desk.clock)
    door = Admission(records or records_of(desk.storage), allowed, events, desk.clock)
    knock = Knock(address="192.0.2.1", key=ALICE, basic=True, password=password)
    verdict = await door.judge(knock)
    await desk.storage.group.flush()
    told = [str(one.details.get("advice")) for one in await desk.storage.audit.list(ORGANIZATION)]
    return verdict.charger is not None, told[0] if told else ""


@pytest.mark.parametrize("settled", [True, False])
async def test_who_sends_the_hex_digits_needs_a_word_of_the_owner(
    desk: Desk, *, settled: bool
) -> None:
    await begin(desk)
    await desk.storage.password_rotations.begin(new_rotation(ALICE, "one", NEW, "key-1", NOON))
    if settled:
        await desk.storage.password_rotations.settle(ALICE, "one")

    digits = NEW.hex().upper().encode()
    let_in, told = await knocks(desk, digits)
    assert not let_in
    assert "hex_password" in told
    await desk.storage.chargers.update(ALICE, hex_password=True)
    assert (await knocks(desk, digits))[0]
    assert (await knocks(desk, NEW))[0]
    assert not (await knocks(desk, OLD))[0]


async def test_whose_password_ran_out_is_told_to_its_owner(desk: Desk) -> None:
    await begin(desk)
    await desk.storage.password_rotations.begin(new_rotation(ALICE, "one", NEW, "key-1", NOON))
    now = desk.clock.pass_time(hours=24)

    let_in, told = await knocks(desk, NEW)
    assert not let_in
    assert "rotate-password/reopen" in told
    assert await desk.storage.password_rotations.reopen(ALICE, now, now + OPEN_FOR) == 1
    assert (await knocks(desk, NEW))[0]


class RefusedMeanwhile(PasswordRotations):
    """Rotations of a charger that refuses while it comes in."""

    async def settle(self, key: ChargerKey, rotation_id: str) -> bool:
        await self.drop(key, rotation_id)
        return await super().settle(key, rotation_id)


async def test_one_that_is_refused_by_the_charger_at_that_moment_does_not_count(
    desk: Desk,
) -> None:
    await begin(desk)
    await desk.storage.password_rotations.begin(new_rotation(ALICE, "one", NEW, "key-1", NOON))
    records = records_of(desk.storage)
    late = replace(records, rotations=RefusedMeanwhile(desk.storage.database))

    assert not (await knocks(desk, NEW, late))[0]
    assert (await knocks(desk, OLD))[0]


async def test_the_owner_sees_when_a_new_password_came_into_use(desk: Desk) -> None:
    await begin(desk)
    await desk.storage.password_rotations.begin(new_rotation(ALICE, "one", NEW, "key-1", NOON))
    assert (await knocks(desk, NEW))[0]

    (event,) = await desk.storage.audit.list(ORGANIZATION)
    assert (event.action, event.result) == ("ReconfigurationOfSecurityParameters", "changed")
    assert event.details == {"rotation_id": "one"}


async def test_a_guess_is_told_as_one(desk: Desk) -> None:
    await begin(desk)
    let_in, told = await knocks(desk, b"a-guess-of-20-bytes!")
    assert not let_in
    assert "somebody guesses" in told


def test_only_open_rotations_are_found_by_their_password() -> None:
    one = new_rotation(ALICE, "one", NEW, "key-1", NOON)

    assert rotation_of([OLD, NEW], [one], NOON) == one
    assert rotation_of([OLD], [one], NOON) is None
    assert rotation_of([NEW], [one], NOON + timedelta(hours=24)) is None
    assert rotation_of([b""], [one], NOON) is None
