"""Small tables do not grow for ever either, and nothing goes that somebody may still ask about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, select

from storage import retention_rest
from storage.database import Write
from storage.operation_records import AskedStart, Reservation
from storage.operations_schema import remote_starts, reservations
from storage.records import ChargerKey, DeadLetter, ProxyConfiguration
from storage.schema import id_tokens
from storage.security_records import IdempotentRequest
from storage.statements import retention_rest as statements
from storage.target_schema import dead_letters, id_pairs, skipped
from tests.storage.past import Past, past
from tests.storage.records import transaction

__all__ = ["past"]


async def count(past: Past, table: Table) -> int:
    [row] = await past.rows(select(func.count().label("rows")).select_from(table))
    return int(row["rows"])


def asked(past: Past, key: ChargerKey, number: int) -> AskedStart:
    return AskedStart(
        key=key,
        remote_start_id=number,
        evse_id=1,
        id_token="TAG",
        details={},
        created_at=past.clock.now(),
    )


async def test_starts_that_were_asked_for_go_bound_or_not(past: Past) -> None:
    key = await past.charger(await past.organization())
    for number in range(25):
        past.storage.remote_starts.note(asked(past, key, number))
    past.storage.remote_starts.bind(asked(past, key, 3), "4711")
    await past.days(7)
    assert await count(past, remote_starts) == 25

    assert await past.day() == {(key.organization_uuid, "remote_starts"): 25}


async def test_a_start_that_was_asked_for_again_stays(past: Past) -> None:
    key = await past.charger(await past.organization())
    past.storage.remote_starts.note(asked(past, key, 1))
    await past.days(5)
    past.storage.remote_starts.note(asked(past, key, 1))

    await past.days(5)

    assert await count(past, remote_starts) == 1


async def test_answers_for_idempotency_keys_go_after_a_day_whoever_asked(past: Past) -> None:
    organizations = [await past.organization() for _ in range(2)]
    for number in range(25):
        await past.storage.idempotent_requests.begin(
            IdempotentRequest(
                organization_uuid=organizations[number % 2],
                route="POST /",
                idempotency_key=f"key-{number}",
                body_digest=b"digest",
                record_id=f"record-{number}",
                created_at=past.clock.now() + timedelta(hours=number),
            )
        )
    past.clock.pass_time(hours=34)

    of_each = [(each, "idempotent_requests") for each in organizations]
    assert await past.sweep() == dict(zip(of_each, (5, 5), strict=True))
    assert await past.day() == dict(zip(of_each, (8, 7), strict=True))


def reserved(past: Past, key: ChargerKey, number: int, hours: float) -> Reservation:
    now = past.clock.now()
    return Reservation(
        key=key,
        reservation_id=number,
        evse_id=1,
        id_token="TAG",
        id_token_type="Central",
        expires_at=now + timedelta(hours=hours),
        state="Active",
        created_at=now,
        updated_at=now,
    )


async def test_reservations_go_when_they_have_ended_or_expired_long_ago(past: Past) -> None:
    key = await past.charger(await past.organization())
    for number, hours in ((1, 1), (2, 24 * 30), (3, 24 * 30)):
        past.storage.reservations.note_asked(reserved(past, key, number, hours))
    past.storage.reservations.note_ended(key, 3, "Cancelled", past.clock.now())

    await past.days(9)

    left = await past.rows(select(reservations.c.reservation_id))
    assert [row["reservation_id"] for row in left] == [2]


async def test_a_token_that_was_accepted_long_ago_is_forgotten(past: Past) -> None:
    key = await past.charger(await past.organization())
    note = past.storage.id_tokens.note_accepted
    note(key, "old", "platform", past.clock.now() - timedelta(days=89))
    note(key, "new", "platform", past.clock.now())
    await past.day()
    assert await count(past, id_tokens) == 2

    await past.day()

    assert [row["id_token"] for row in await past.rows(select(id_tokens.c.id_token))] == ["new"]


async def test_a_token_that_is_accepted_while_it_is_looked_at_stays(past: Past) -> None:
    key = await past.charger(await past.organization())
    note, walk = past.storage.id_tokens.note_accepted, statements.walk_id_tokens
    await note(key, "token", "platform", past.clock.now())
    page = await past.storage.database.fetch(walk.page, {**walk.beginning, "limit": 1})
    await note(key, "token", "platform", past.clock.pass_time(days=100))

    await past.storage.database.write([Write(walk.drop, page)])

    assert await count(past, id_tokens) == 1


# ---- what belongs to targets ----


def letter(target: ProxyConfiguration, seq: int, past: Past) -> DeadLetter:
    return DeadLetter(
        proxy_configuration_id=target.id,
        seq=seq,
        action="MeterValues",
        reason="refused",
        attempts=3,
        created_at=past.clock.now(),
    )


async def test_a_dead_letter_goes_with_its_message_and_is_counted(past: Past) -> None:
    target = await past.proxied(await past.organization())
    seq = past.says(target.key, "MeterValues")
    past.storage.dead_letters.note(letter(target, seq, past))
    past.storage.queues.note_position(target.id, seq)
    await past.days(7)
    assert await count(past, dead_letters) == 1

    removed = await past.day()

    assert removed[target.key.organization_uuid, "dead_letters"] == 1
    assert await count(past, dead_letters) == 0


async def with_pair(past: Past) -> ProxyConfiguration:
    """Return a target that has a number of its own for a transaction that has ended."""
    target = await past.proxied(await past.organization())
    now = past.clock.now()
    for id, stopped_at in (("1", now), ("2", None)):
        begun = replace(transaction(target.key, id), stopped_at=stopped_at)
        past.storage.transactions.note_started(begun)
        past.storage.id_pairs.note(target.id, "transaction", id, f"their {id}")
    past.storage.id_pairs.note(target.id, "profile", "1", "7")
    return target


async def test_the_number_of_an_ended_transaction_is_forgotten(past: Past) -> None:
    target = await with_pair(past)
    await past.days(7)
    assert await count(past, id_pairs) == 3

    await past.day()

    left = await past.rows(select(id_pairs.c.kind, id_pairs.c.ours))
    assert {(row["kind"], row["ours"]) for row in left} == {("transaction", "2"), ("profile", "1")}
    assert await past.storage.id_pairs.theirs(target.id, "transaction", "1") is None


async def test_it_is_known_as_long_as_the_target_is_still_to_get_something(past: Past) -> None:
    target = await with_pair(past)
    seq = past.says(target.key, "MeterValues")

    await past.days(9)
    assert await past.storage.id_pairs.theirs(target.id, "transaction", "1") == "their 1"

    past.storage.queues.note_position(target.id, seq)
    await past.day()
    assert await past.storage.id_pairs.theirs(target.id, "transaction", "1") is None


async def test_of_ranges_that_a_target_has_passed_the_sum_stays(past: Past) -> None:
    target = await past.proxied(await past.organization())
    queues = past.storage.queues
    seqs = [past.says(target.key, "MeterValues") for _ in range(40)]
    await past.storage.group.flush()
    await queues.skip(target.id, seqs, "expired")
    queues.note_position(target.id, seqs[30])

    for _ in range(4):
        await past.day()

    assert await queues.skipped(target.id) == 40
    assert await count(past, skipped) == 4 + 9
    behind = select(func.count().label("rows")).where(skipped.c.last > seqs[30])
    assert await past.rows(behind) == [{"rows": 9}]


# ---- bounded work ----


async def test_a_pass_looks_at_some_pages_and_the_next_one_goes_on_there(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_rest, "_PAGES", 1)
    key = await past.charger(await past.organization())
    for number in range(25):
        past.storage.remote_starts.note(asked(past, key, number))
    await past.days(7)

    # The week of looking has ended anywhere on the way.
    removed: list[Any] = [await past.day() for _ in range(4)]

    assert sum(one.total() for one in removed) == 25
    assert max(one.total() for one in removed) == 10
