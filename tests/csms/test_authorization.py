"""Who may charge: the organization's setting, what it knows of a token, and our own starts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from csms.authorization import Authorization, Verdict
from storage.operation_records import KnownToken
from storage.records import Authorization as Setting
from tests.csms.desk import Desk
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION

DAY = timedelta(days=1)


async def know(desk: Desk, id_token: str, **more: Any) -> None:
    token = KnownToken(organization_uuid=ORGANIZATION, id_token=id_token, created_at=NOON, **more)
    await desk.storage.known_tokens.add(token)


async def knowing(desk: Desk, setting: Setting) -> Authorization:
    await desk.storage.organizations.authorize(ORGANIZATION, setting)
    await know(desk, "Known", group_id_token="Fleet", expires_at=NOON + DAY)
    await know(desk, "Blocked", status="Blocked")
    await know(desk, "Expired", expires_at=NOON)
    return desk.books.authorization


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("accept_all", "Accepted Blocked Expired Accepted"),
        ("known", "Accepted Blocked Expired Unknown"),
        ("reject", "Invalid Blocked Expired Unknown"),
    ],
)
async def test_the_setting_and_the_token_decide(desk: Desk, setting: Setting, words: str) -> None:
    judge = await knowing(desk, setting)

    verdicts = [
        await judge.verdict(ALICE, token) for token in ("KNOWN", "blocked", "EXPIRED", "other")
    ]

    assert [one.word for one in verdicts] == words.split()
    assert verdicts[0][1:] == ("Fleet", NOON + DAY)


@pytest.mark.parametrize("token", ["Known", "Blocked", "Expired", "other"])
async def test_what_we_have_started_with_is_accepted_always_on_its_charger(
    desk: Desk, token: str
) -> None:
    judge = await knowing(desk, "reject")
    await desk.storage.id_tokens.note_accepted(ALICE, token, "platform", NOON)

    assert (await judge.verdict(ALICE, token.upper())).word == "Accepted"
    assert (await judge.verdict(BOB, token)).word != "Accepted"
    desk.clock.pass_time(days=31)
    assert (await judge.verdict(ALICE, token)).word != "Accepted"


async def test_what_cannot_be_read_is_invalid(desk: Desk) -> None:
    assert await desk.books.authorization.verdict(ALICE, None) == Verdict("Invalid")


async def test_a_change_holds_from_the_next_question_on(desk: Desk) -> None:
    judge = await knowing(desk, "known")
    assert (await judge.verdict(ALICE, "other")).word == "Unknown"

    await know(desk, "OTHER")
    assert (await judge.verdict(ALICE, "other")).word == "Accepted"
    await desk.storage.known_tokens.delete(ORGANIZATION, "other")
    assert (await judge.verdict(ALICE, "other")).word == "Unknown"
