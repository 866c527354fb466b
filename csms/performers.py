"""What is performed in the same words for every OCPP version, in one table."""

from __future__ import annotations

from types import MappingProxyType

from csms import local_lists, power_limits, reservations
from csms.commands import Performers

PERFORMERS: Performers = MappingProxyType(
    {**power_limits.PERFORMERS, **reservations.PERFORMERS, **local_lists.PERFORMERS}
)
