from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from simulators.charger import Charger
from simulators.oracle import Emission, emissions
from simulators.tally import Arrival, arrivals, count
from simulators.target import Target
from tests.simulators.stage import NAME, TOKEN, playing


def emission(seq: int, action: str = "MeterValues", tx: str = "A") -> Emission:
    moments = {"StartTransaction": "begin", "StopTransaction": "end"}
    return Emission(
        charger=NAME,
        seq=seq,
        tx=tx,
        action=action,
        sha=f"{tx}{seq}",
        moment=moments.get(action),  # type: ignore[arg-type] # two of its words, or None
        wh=10.0 * seq,
        outcome="answered",
    )


def arrival(of: Emission, named: str | None = "7", given: str | None = None) -> Arrival:
    begins = of.moment == "begin"
    return Arrival(
        charger=of.charger,
        message_id=f"m{of.seq}",
        action=of.action,
        sha=of.sha,
        moment=of.moment,
        wh=of.wh,
        named=None if begins else named,
        given=given or ("7" if begins else None),
    )


STORY = [emission(1, "StartTransaction"), emission(2), emission(3, "StopTransaction")]
HEARD = [arrival(one) for one in STORY]


def figures(emitted: Sequence[Emission], heard: Sequence[Arrival]) -> tuple[int, ...]:
    counted = count(emitted, heard)
    return counted.lost, counted.duplicates, counted.reordered, counted.phantom


def test_a_story_that_arrives_as_it_was_told_counts_nothing() -> None:
    counted = count(STORY, HEARD)

    assert figures(STORY, HEARD) == (0, 0, 0, 0)
    assert (counted.emitted, counted.answered, counted.at_target) == (3, 3, 3)
    assert (counted.charger_wh, counted.target_wh) == (20.0, 20.0)
    assert counted.problems == []


def test_what_was_answered_and_is_not_there_is_lost() -> None:
    assert figures(STORY, [HEARD[0], HEARD[2]]) == (1, 0, 0, 0)


@pytest.mark.parametrize("outcome", ["open", "given_up"])
def test_what_was_not_answered_may_be_there_or_not(outcome: str) -> None:
    doubtful = [*STORY[:2], replace(STORY[2], outcome=outcome)]  # type: ignore[arg-type] # one of its words

    assert figures(doubtful, HEARD) == (0, 0, 0, 0)
    assert figures(doubtful, HEARD[:2]) == (0, 0, 0, 0)


def test_what_is_there_twice_is_a_duplicate_flagged_or_not() -> None:
    again = replace(HEARD[1], message_id="again")

    assert figures(STORY, [*HEARD[:2], again, HEARD[2]]) == (0, 1, 0, 0)
    assert count(STORY, [*HEARD, again]).flagged == 0
    assert count(STORY, [*HEARD, again], flagged={"again"}).flagged == 1


def test_a_later_event_that_comes_first_is_reordered() -> None:
    assert figures(STORY, [HEARD[0], HEARD[2], HEARD[1]]) == (0, 0, 1, 0)


def test_what_nobody_said_is_a_phantom() -> None:
    assert figures(STORY, [*HEARD, replace(HEARD[1], sha="other")]) == (0, 0, 0, 1)
    assert figures(STORY, [*HEARD, replace(HEARD[1], charger="CP-2")]) == (0, 0, 0, 1)


def test_an_event_under_the_id_of_another_transaction_is_a_phantom() -> None:
    assert figures(STORY, [*HEARD[:2], arrival(STORY[2], named="8")]) == (0, 0, 0, 1)


def test_a_transaction_that_the_target_took_twice_may_have_either_id() -> None:
    again = replace(HEARD[0], message_id="again", given="8")
    heard = [HEARD[0], again, *(replace(one, named="8") for one in HEARD[1:])]

    counted = count(STORY, heard, flagged={"again"})
    assert (counted.duplicates, counted.flagged, counted.phantom) == (1, 1, 0)
    assert counted.target_wh == counted.charger_wh


def test_a_transaction_that_the_target_never_took_has_the_id_minus_one() -> None:
    refused = [replace(HEARD[0], refused=True), *(replace(one, named="-1") for one in HEARD[1:])]

    counted = count(STORY, refused, dead={(NAME, STORY[0].sha)})
    assert (counted.lost, counted.dead, counted.phantom) == (0, 1, 0)


def test_what_the_target_refused_is_not_there() -> None:
    refused = [HEARD[0], replace(HEARD[1], refused=True), HEARD[2]]

    assert figures(STORY, refused) == (1, 0, 0, 0)
    assert figures(STORY, [*refused[:2], *HEARD[1:]]) == (0, 0, 0, 0)


def test_energy_that_a_target_cannot_add_up_shows() -> None:
    less = [HEARD[0], HEARD[1], replace(HEARD[2], wh=25.0)]

    counted = count(STORY, less)
    assert (counted.charger_wh, counted.target_wh) == (20.0, 15.0)


def test_two_events_that_cannot_be_told_apart_are_the_tests_own_fault() -> None:
    twins = [STORY[0], replace(STORY[1], sha=STORY[0].sha)]

    assert count(twins, HEARD[:1]).problems != []


async def test_a_charger_and_its_target_agree(target: Target, version: str, tmp_path: Path) -> None:
    async def played(charger: Charger) -> None:
        await charger.start(1, TOKEN)
        charger.read_meters()
        await charger.stop(1)

    async with playing(target, version, oracle=tmp_path) as charger:
        await played(charger)
        target.conduct.errors["Authorize"] = "InternalError"  # no transaction event

    emitted, heard = emissions(tmp_path), arrivals(target.received)
    counted = count(emitted, heard)
    assert counted.problems == []
    assert counted.answered == counted.at_target == 3
    assert counted.charger_wh == counted.target_wh
