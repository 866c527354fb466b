"""Tell what a charger answered, and what there is to tell besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from csms.commands import Outcome


def info_of(outcome: Outcome) -> Mapping[str, Any]:
    """Return the ``status_info`` of an answer, nothing where there is none."""
    info = outcome.status_info
    if info is None:
        return {}
    told = {
        "reason_code": info.get("reasonCode"),
        "additional_info": info.get("additionalInfo"),
        "custom_data": info.get("customData"),
    }
    return {"status_info": {name: value for name, value in told.items() if value is not None}}


def answered(outcome: Outcome) -> Mapping[str, Any]:
    """Return an answer as seed 002 shows those that have a ``response``."""
    return {"response": outcome.status, **info_of(outcome)}
