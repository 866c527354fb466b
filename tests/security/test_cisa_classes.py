"""The four classes of the advisories of 2026 against ten vendors, each tried at the outside.

CISA ICSA-26-057-03, -057-04, -057-08 and ICSA-26-062-08 name them; docs/attacks.md has the figures.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.security.doors import PASSWORD, Knocking, answer, authorization, enrol, told
from tests.security.ground import served

NAMES = [f"CP-{number}" for number in range(10)]
ATTACKER, HOME = "127.0.0.7", "127.0.0.8"


async def test_cwe_306_cve_2026_20781_cve_2026_24731_cve_2026_27772_cve_2026_26051_cve_2026_22552_nobody_is_let_in_for_knowing_a_name(  # noqa: E501 - the numbers
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground:
        for name in NAMES:
            await enrol(ground, name)
        tried = [
            await Knocking(ground, name, password, source=f"127.0.1.{number + 1}").outcome()
            for number, name in enumerate(NAMES)
            for password in (None, "", name, "password", PASSWORD[:-1])
        ]
        swapped = authorization("CP-1", PASSWORD)  # another charger's, in whose place?
        path = f"/{ground.organization_uuid}/ocpp/CP-2"

        assert tried == [401] * len(tried)
        assert (await answer(ground, path, swapped)).startswith(b"HTTP/1.1 401 ")
        assert len(ground.server.registry) == 0


async def test_cwe_307_cve_2026_24445_cve_2026_25945_cve_2026_20882_guesses_are_not_evaluated_without_end(  # noqa: E501 - the numbers
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        guesses = [Knocking(ground, password=f"guess-{n}", source=ATTACKER) for n in range(20)]
        assert set(await asyncio.gather(*(one.outcome() for one in guesses))) == {401}

        # Were it evaluated, the right one would come in.
        assert await Knocking(ground, password=PASSWORD, source=ATTACKER).outcome() == 401
        assert await Knocking(ground, password=PASSWORD, source=HOME).outcome() == 101
        events = {each.action for each in await told(ground)}

    assert "FailedToAuthenticateAtCsms" in events


async def test_cwe_613_cve_2026_24912_the_newest_connection_displaces_none_that_lives(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground, contextlib.AsyncExitStack() as stack:
        key = await enrol(ground)
        charger = Knocking(ground, password=PASSWORD, source=HOME)
        present = await stack.enter_async_context(charger.dialled())
        for password in (None, "wrong"):
            stranger = Knocking(ground, password=password, source=ATTACKER)
            assert await stranger.outcome() == 401
        await present.send('[2,"1","Heartbeat",{}]')
        await present.recv()
        # A thief of the password takes it over six times a minute at most, and is told of.
        ends = []
        for number in range(12):
            source = (ATTACKER, HOME)[number % 2]
            clone = Knocking(ground, password=PASSWORD, source=source)
            connection = await stack.enter_async_context(clone.dialled())
            with contextlib.suppress(ConnectionClosed):
                await connection.send('[2,"1","Heartbeat",{}]')
                await connection.recv()
            ends.append(connection.close_reason)

        assert ends.count("another device is connected as this charger") == 3
        assert key in ground.server.registry
        assert [each.action for each in await told(ground)].count("DuplicateConnection") == 1


@pytest.mark.sqlite_only("about what is answered")
async def test_cwe_522_a_known_name_is_answered_as_an_unknown_one(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground, "CP-1")
        answers = set()
        for name in ("CP-1", "CP-2", "no such", "x" * 48):
            path = f"/{ground.organization_uuid}/ocpp/{name.replace(' ', '%20')}"
            for headers in ([], [authorization(name, "wrong")]):
                answers.add(await answer(ground, path, *headers))

    (refusal,) = answers
    assert refusal.startswith(b"HTTP/1.1 401 ")
    assert b"CP-" not in refusal
