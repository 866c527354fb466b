"""How much there is of what all organizations have, for whoever watches the whole server."""

from __future__ import annotations

from sqlalchemy import func, select

from storage.schema import chargers
from storage.target_schema import dead_letters, proxy_configurations

chargers_by_version = select(chargers.c.ocpp_version, func.count().label("chargers")).group_by(
    chargers.c.ocpp_version
)
configurations_by_enabled = select(
    proxy_configurations.c.enabled, func.count().label("configurations")
).group_by(proxy_configurations.c.enabled)
all_dead_letters = select(func.count().label("dead_letters")).select_from(dead_letters)
