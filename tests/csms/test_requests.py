"""Any action of a version goes to its chargers as it is, and the answer comes back as it is."""

from __future__ import annotations

import pytest

from csms.commands import Ask, Outcome
from csms.errors import BadAnswer, InvalidCommand
from csms.requests import actions_of
from csms.station import Station
from csms.stations import STATIONS
from proxy.verdicts import ACTIONS as OF_TARGETS
from tests.csms.desk import Desk, answering
from tests.schema_payloads import full, minimal

KINDS = {kind.version: kind for kind in STATIONS.values()}
EVERY = [(version, action) for version, kind in KINDS.items() for action in actions_of(kind)]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.version)
def test_an_action_goes_one_way_but_for_data_transfer(kind: type[Station]) -> None:
    ours, theirs = actions_of(kind), set(kind.handlers)

    assert ours | theirs == kind.schemas.actions
    assert ours & theirs == {"DataTransfer"}


def test_what_a_target_may_ask_for_is_what_we_may() -> None:
    assert set().union(*map(actions_of, KINDS.values())) == OF_TARGETS


@pytest.mark.parametrize(("version", "count"), [("1.6", 26), ("2.0.1", 40), ("2.1", 55)], ids=str)
def test_there_are_as_many_as_the_standard_has(version: str, count: int) -> None:
    assert len(actions_of(KINDS[version])) == count


@pytest.mark.parametrize(("version", "action"), sorted(EVERY))
async def test_every_action_is_sent_as_asked_and_answered_as_told(
    desk: Desk, version: str, action: str
) -> None:
    fields, response = full(version, action), minimal(version, action, "response")
    async with desk.connected(version) as (station, talk):
        outcome, heard = await answering(talk, station.perform(Ask(action, fields)), response)

    assert heard == [[action, fields]]
    assert outcome.response == response
    assert outcome.status == response.get("status", "")


async def test_an_answer_that_breaks_its_schema_is_told_all_the_same(desk: Desk) -> None:
    broken = {"status": "Perhaps", "statusInfo": {"reasonCode": "x"}, "vendor": [1]}
    async with desk.connected("1.6") as (station, talk):
        outcome, _ = await answering(talk, station.perform(Ask("ClearCache", {})), broken)

    assert outcome == Outcome("Perhaps", broken, {"reasonCode": "x"})


async def test_an_answer_that_is_no_object_is_none(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        with pytest.raises(BadAnswer):
            await answering(talk, station.perform(Ask("ClearCache", {})), ["Accepted"])


async def test_a_request_that_breaks_its_schema_is_not_sent_and_names_the_fields(
    desk: Desk,
) -> None:
    asked = Ask("ChangeConfiguration", {"key": 7, "extra": 1})
    async with desk.connected("1.6") as (station, talk):
        with pytest.raises(InvalidCommand) as failure:
            await station.perform(asked)
        assert talk.peer.socket.unread == 0

    assert set(failure.value.fields) == {"key", "value", "extra"}
