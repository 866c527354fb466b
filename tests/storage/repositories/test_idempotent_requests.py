"""Requests with an Idempotency-Key: one row for each, begun once, sealed, forgotten or expired."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from storage.database import Database
from storage.repositories.idempotent_requests import IdempotentRequests
from storage.secrets import Sealer
from storage.security_records import IdempotentRequest
from storage.statements import idempotent_requests as statements
from tests.storage.doubles import HandClock

ANSWER = '{"ocpp_password": "a secret"}'


@pytest.fixture
def requests(database: Database, tmp_path: Path) -> IdempotentRequests:
    return IdempotentRequests(database, Sealer.open(tmp_path))


@pytest.fixture
def asked(clock: HandClock) -> IdempotentRequest:
    return IdempotentRequest(
        organization_uuid="org",
        route="POST /api/v1/organizations/org/chargers",
        idempotency_key="key-1",
        body_digest=b"\x01" * 32,
        record_id="record-1",
        created_at=clock.now(),
    )


async def test_a_request_is_begun_once(
    requests: IdempotentRequests, asked: IdempotentRequest
) -> None:
    assert await requests.begin(asked) is None
    again = replace(asked, body_digest=b"\x02" * 32, created_at=asked.created_at + timedelta(1) / 2)

    assert await requests.begin(again) == asked


async def test_of_many_at_once_one_begins(
    requests: IdempotentRequests, asked: IdempotentRequest
) -> None:
    begun = await asyncio.gather(*(requests.begin(asked) for _ in range(10)))

    assert Counter(before is None for before in begun) == {True: 1, False: 9}


@pytest.mark.parametrize("changed", ["organization_uuid", "route", "idempotency_key"])
async def test_another_one_is_another_one(
    requests: IdempotentRequests, asked: IdempotentRequest, changed: str
) -> None:
    await requests.begin(asked)
    other = replace(asked, **{changed: "another"})  # type: ignore[arg-type]  # all are texts

    assert await requests.begin(other) is None


async def test_an_answer_comes_back_and_lies_there_sealed(
    requests: IdempotentRequests, asked: IdempotentRequest, database: Database
) -> None:
    await requests.begin(asked)
    await requests.end(asked, 201, ANSWER)

    before = await requests.begin(asked)

    assert before is not None
    assert (before.status, before.answer) == (201, ANSWER)
    key = {"organization_uuid": "org", "route": asked.route, "idempotency_key": "key-1"}
    [row] = await database.fetch(statements.request, key)
    assert b"secret" not in bytes(row["answer"])
    assert ANSWER not in repr(before)


async def test_what_is_forgotten_begins_anew(
    requests: IdempotentRequests, asked: IdempotentRequest
) -> None:
    await requests.begin(asked)
    await requests.forget(asked)

    assert await requests.begin(asked) is None


async def test_after_a_day_it_begins_anew_and_the_late_answer_of_the_first_is_not_its(
    requests: IdempotentRequests, asked: IdempotentRequest
) -> None:
    await requests.begin(asked)
    later = replace(
        asked,
        record_id="record-2",
        created_at=asked.created_at + timedelta(hours=24, microseconds=1),
    )
    assert await requests.begin(later) is None

    await requests.end(asked, 200, ANSWER)
    await requests.forget(asked)

    assert await requests.begin(later) == later


async def test_old_ones_go_some_at_a_time(
    requests: IdempotentRequests, asked: IdempotentRequest, database: Database
) -> None:
    for number in range(5):
        moment = asked.created_at + timedelta(hours=number)
        await requests.begin(replace(asked, idempotency_key=f"key-{number}", created_at=moment))
    before = {"before": asked.created_at + timedelta(hours=3), "limit": 2}

    gone = [len(await database.execute(statements.drop_old, before)) for _ in range(3)]

    assert gone == [2, 1, 0]
