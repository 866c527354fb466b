"""What a running transaction takes now, by what its meter has told last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from csms.effective import measured
from csms.readings import ENERGY_REGISTER
from csms.schedules import Supply
from storage.records import ChargerKey, MeterValue

_TELLING = frozenset({"Power.Active.Import", "Current.Import", ENERGY_REGISTER})
_NOBODY = ChargerKey("", "")
Samples = Sequence[Mapping[str, Any]]


def watts(messages: Sequence[Samples], supply: Supply) -> float | None:
    """Return the W that messages tell, the newest first; None where they do not tell it."""
    values = [
        _value(sample)
        for samples in reversed(messages)
        for sample in samples
        if sample["measurand"] in _TELLING
    ]
    found = measured(values, supply) if values else None
    return None if found is None or found.watts is None else round(found.watts, 1)


def _value(sample: Mapping[str, Any]) -> MeterValue:
    return MeterValue(
        key=_NOBODY,
        transaction_id="",
        **{**sample, "taken_at": datetime.fromisoformat(sample["taken_at"])},
    )
