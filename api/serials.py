"""Find the charger that a path names by its serial number, else by its charge_box_id.

A serial number is but what a charger says of itself: where it leads to more than one charger,
nobody guesses.
"""

from __future__ import annotations

from api.errors import NotFound, Taken, about
from api.routing import Request
from storage.records import Charger, ChargerKey

FIELD = "serialNumber"
NOBODY = "There is no charger with this serial number or charge_box_id."


async def charger_of(request: Request) -> Charger:
    """Return the charger that the path names; raise NotFound, or Taken where several have it."""
    return await charger_named(request, request.path[FIELD])


async def charger_named(request: Request, name: str) -> Charger:
    """Return the charger with a serial number or charge_box_id; raise as `charger_of` does."""
    chargers = request.parts.storage.chargers
    found = {one.key: one for one in await chargers.with_serial(request.organization_uuid, name)}
    named = await chargers.get(ChargerKey(request.organization_uuid, name))
    if named is not None:
        found[named.key] = named
    if not found:
        raise about(NotFound, FIELD, NOBODY)
    if len(found) > 1:
        names = sorted(key.charge_box_id for key in found)
        raise about(Taken, FIELD, _told(names, named))
    (charger,) = found.values()
    return charger


def serial_of(charger: Charger | None, charge_box_id: str) -> str:
    """Return what is shown as a charger's serial number: without one its charge_box_id names it."""
    return (charger and charger.serial_number) or charge_box_id


def _told(names: list[str], named: Charger | None) -> str:
    if named is None:
        return (
            f"Several chargers have this serial number, {names[0]} and {names[1]} among them: "
            "name the one you mean by its charge_box_id."
        )
    own = named.key.charge_box_id
    others = " and ".join(name for name in names if name != own)
    whose = f"This is the charge_box_id of one charger and the serial number of {others}"
    right = f"give {others} its right serial_number by PATCH of that charger"
    if named.serial_number in (None, own):  # it has no other name
        return f"{whose}: to name {own}, {right}."
    return (
        f"{whose}: name {others} by charge_box_id, and {own} by a serial number of its own, or "
        f"{right}."
    )
