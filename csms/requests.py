"""Ask a charger for any action of its OCPP version, in that version's own words."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import orjson

from csms.commands import Ask, Outcome, Performers
from csms.errors import BadAnswer, InvalidCommand
from csms.readings import mapping

if TYPE_CHECKING:
    from csms.station import Station


def actions_of(kind: type[Station]) -> frozenset[str]:
    """Name every action that an OCPP version lets us ask of a charger."""
    return kind.asked


async def ask(station: Station, command: Ask) -> Outcome:
    """Send an action as it stands; the charger's answer is told whatever it says.

    Raises InvalidCommand where the request breaks its schema, BadAnswer where the answer is no
    object, and the errors of ``Link.call``.
    """
    faults = station.schemas.faults(command.action, command.fields)
    if faults:
        path, (sentence, *_) = next(iter(faults.items()))
        raise InvalidCommand(f"{path}: {sentence}", faults)
    answer = await station.link.call(command.action, orjson.dumps(command.fields))
    if not isinstance(answer.fields, dict):
        raise BadAnswer
    status = answer.fields.get("status")
    info = mapping(answer.fields.get("statusInfo"))
    return Outcome(status if isinstance(status, str) else "", answer.fields, info or None)


PERFORMERS: Performers = MappingProxyType({Ask: ask})
