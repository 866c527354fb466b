from __future__ import annotations

from datetime import timedelta

import pytest

from simulators import controls
from simulators.charger import Charger, NotAuthorized
from simulators.target import Target
from tests.simulators.stage import TOKEN, Clock, playing

LISTED, BLOCKED = "LISTED", "BLOCKED"


def fill(charger: Charger) -> None:
    entries = {LISTED: {"status": "Accepted"}, BLOCKED: {"status": "Blocked"}}
    charger.local_list.update(1, "Full", entries)


async def starts(charger: Charger, token: str) -> bool:
    try:
        await charger.start(1, token)
    except NotAuthorized:
        return False
    await charger.stop(1)
    return True


@pytest.mark.parametrize(
    ("settings", "verdicts"),
    [
        ({}, [True, False, True]),
        ({"unknown_offline": "false"}, [True, False, False]),
        ({"local_offline": "false"}, [True, True, True]),
        ({"local_list": "false", "unknown_offline": "false"}, [False, False, False]),
    ],
)
async def test_offline_the_list_and_the_settings_tell_who_may_charge(
    target: Target, version: str, settings: dict[str, str], verdicts: list[bool]
) -> None:
    """1.6 §3.4, 2.0.1 C13, C15."""
    async with playing(target, version) as charger:
        fill(charger)
        for name, value in settings.items():
            charger.settings.put(getattr(charger.voice.names, name), value)
        async with charger.offline():
            said = [await starts(charger, token) for token in (LISTED, BLOCKED, TOKEN)]

    assert said == verdicts


@pytest.mark.parametrize("first", ["false", "true"])
async def test_online_the_list_is_asked_first_where_the_settings_want_it(
    target: Target, version: str, first: str
) -> None:
    async with playing(target, version) as charger:
        fill(charger)
        charger.settings.put(charger.voice.names.local_first, first)
        for token in (LISTED, BLOCKED):
            await starts(charger, token)

    asked = [str(one.fields) for one in target.calls("Authorize")]
    assert [any(token in one for one in asked) for token in (LISTED, BLOCKED)] == [
        first == "false",
        True,
    ]


async def test_a_kept_evse_starts_for_its_token_alone(target: Target, version: str) -> None:
    clock = Clock()
    async with playing(target, version, now=clock) as charger:
        controls.reserve(charger, 5, 1, TOKEN, clock() + timedelta(hours=1))
        foreign = await starts(charger, "OTHER")
        own = await starts(charger, TOKEN)

    assert (foreign, own) == (False, True)
