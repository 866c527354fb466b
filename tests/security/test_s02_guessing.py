"""S-02: guessing is slowed down, and locks out neither the charger nor a neighbour that worked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from storage.records import ChargerKey
from tests.security.doors import PASSWORD, Knocking, answer, authorization, enrol
from tests.security.ground import Ground, served

GUESSER, HOME = "127.0.0.7", "127.0.0.8"


async def guesses(ground: Ground, names: Sequence[str], source: str = GUESSER) -> set[object]:
    """Guess wrongly at each of these, and return what was answered."""
    return {
        await Knocking(ground, name, "a wrong guess", source=source).outcome() for name in names
    }


async def test_s02_who_has_guessed_five_times_is_not_evaluated_and_the_charger_comes_in(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)

        assert await guesses(ground, ["CP01"] * 5) == {401}
        # The right password, as a sixth guess.
        assert await Knocking(ground, password=PASSWORD, source=GUESSER).outcome() == 401
        assert await Knocking(ground, password=PASSWORD, source=HOME).outcome() == 101


@pytest.mark.sqlite_only("about what is counted in memory")
async def test_s02_a_source_that_tries_many_names_keeps_no_neighbour_out_that_worked_before(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground, "WORKED")
        worked = Knocking(ground, "WORKED", PASSWORD, source=GUESSER)
        assert await worked.outcome() == 101
        new = await _kept_out(ground)

        assert await worked.outcome() == 101
        assert await Knocking(ground, new, PASSWORD, source=HOME).outcome() == 101


async def _kept_out(ground: Ground) -> str:
    """Guess from one source until a new charger there is not let in, and return its name."""
    for number in range(20):  # on a slow machine failures are forgiven as fast as they are made
        new = f"NEW-{number}"
        await enrol(ground, new)
        await guesses(ground, [f"CP-{number}-{guess}" for guess in range(150)])
        if await Knocking(ground, new, PASSWORD, source=GUESSER).outcome() == 401:
            return new
    raise AssertionError("It was never kept out.")


async def test_s02_who_worked_before_a_restart_is_known_after_it(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        key = await enrol(ground)
        assert await Knocking(ground, password=PASSWORD, source=GUESSER).outcome() == 101
    path = f"/{key.organization_uuid}/ocpp/CP01"
    async with served(tmp_path) as ground:
        for _ in range(10):
            await Knocking(ground, password="wrong", source=GUESSER, path=path).outcome()

        again = Knocking(ground, password=PASSWORD, source=GUESSER, path=path)
        assert await again.outcome() == 101
        other = Knocking(ground, password="wrong", source=HOME, path=path)
        for _ in range(5):
            await other.outcome()
        right = Knocking(ground, password=PASSWORD, source=HOME, path=path)
        assert await right.outcome() == 401


@pytest.mark.sqlite_only("about headers")
async def test_s02_a_forged_header_is_no_other_source(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        for number in range(5):
            forged = {"X-Forwarded-For": f"198.51.100.{number}"}
            guess = Knocking(ground, password="wrong", headers=forged, source=GUESSER)
            assert await guess.outcome() == 401

        forged = {"X-Forwarded-For": "198.51.100.99"}
        right = Knocking(ground, password=PASSWORD, headers=forged, source=GUESSER)
        assert await right.outcome() == 401


async def test_s02_evaluated_or_not_a_refusal_is_the_same_to_the_byte(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        path = f"/{ground.organization_uuid}/ocpp/CP01"
        wrong = authorization("CP01", "wrong")
        answers = [await answer(ground, path, wrong) for _ in range(8)]
        answers.append(await answer(ground, path, authorization("CP01", PASSWORD)))

        assert len(set(answers)) == 1
        assert answers[0].startswith(b"HTTP/1.1 401 ")
        assert len(ground.server.registry) == 0


@pytest.mark.sqlite_only("about what is counted in memory")
async def test_s02_the_failures_of_one_organization_are_not_another_s(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        key = await enrol(ground)
        assert key == ChargerKey(ground.organization_uuid, "CP01")
        foreign = f"/{'0' * 8}-0000-4000-8000-{'0' * 12}/ocpp/CP01"
        for _ in range(20):
            await Knocking(ground, password="wrong", source=GUESSER, path=foreign).outcome()

        assert await Knocking(ground, password=PASSWORD, source=GUESSER).outcome() == 101
