"""What running transactions have measured last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from storage.clock import Clock
from storage.database import Database
from storage.records import ChargerKey, MeterValue
from storage.repositories.rows import rows_of_page
from storage.statements import readings as statements


class Readings:
    """Read the newest meter values of whatever is charging."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def of_page(
        self, organization_uuid: str, charge_box_ids: Sequence[str]
    ) -> dict[str, list[MeterValue]]:
        """Return the last few messages' values of each running transaction, oldest first.

        Of the chargers of one page, by charge_box_id.
        """
        rows = await rows_of_page(
            self._database,
            statements.newest_readings_between,
            organization_uuid,
            charge_box_ids,
            now=self._clock.now(),
        )
        return {
            name: [
                _value(ChargerKey(organization_uuid, name), row["transaction_id"], sample)
                for row in own
                for samples in reversed(row["newest"] or ())  # it has the newest first
                for sample in samples
            ]
            for name, own in rows.items()
        }


def _value(key: ChargerKey, transaction_id: str, sample: dict[str, object]) -> MeterValue:
    taken_at = datetime.fromisoformat(str(sample["taken_at"]))
    values = {**sample, "taken_at": taken_at}
    return MeterValue(key=key, transaction_id=transaction_id, **values)  # type: ignore[arg-type]  # as they were written
