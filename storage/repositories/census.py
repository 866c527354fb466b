"""Count what all organizations have."""

from __future__ import annotations

from dataclasses import dataclass, field

from storage.database import Database
from storage.statements import census as statements


@dataclass(frozen=True, slots=True)
class Totals:
    """How many chargers speak each version (None: not known yet), and what targets there are."""

    chargers: dict[str | None, int] = field(default_factory=dict)
    configurations: dict[bool, int] = field(default_factory=dict)  # by whether they are enabled
    dead_letters: int = 0


async def totals_of(database: Database) -> Totals:
    """Count, which reads every charger; raise StorageError."""
    chargers = await database.fetch(statements.chargers_by_version)
    configurations = await database.fetch(statements.configurations_by_enabled)
    [dead] = await database.fetch(statements.all_dead_letters)
    return Totals(
        chargers={row["ocpp_version"]: row["chargers"] for row in chargers},
        configurations={bool(row["enabled"]): row["configurations"] for row in configurations},
        dead_letters=dead["dead_letters"],
    )
