"""What is performed in the same words for every OCPP version, in one table."""

from __future__ import annotations

from types import MappingProxyType

from csms import (
    availability,
    local_lists,
    operator_profiles,
    power_limits,
    remote_starts,
    requests,
    reservations,
    rotation,
    security_profiles,
)
from csms.commands import Performers

PERFORMERS: Performers = MappingProxyType(
    {
        **availability.PERFORMERS,
        **operator_profiles.PERFORMERS,
        **power_limits.PERFORMERS,
        **remote_starts.PERFORMERS,
        **requests.PERFORMERS,
        **reservations.PERFORMERS,
        **local_lists.PERFORMERS,
        **rotation.PERFORMERS,
        **security_profiles.PERFORMERS,
    }
)
