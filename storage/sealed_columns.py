"""
Name every column that holds a sealed secret: this table is the only place that says so.

A column of it is sealed to its row (the context of `storage.secrets`), is looked at when the
server starts, and is sealed anew when the key changes. Whoever adds one adds it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, func

from storage.commissioning_schema import connection_details, rollout_steps
from storage.key_ring import SEAL_BYTES
from storage.schema import audit
from storage.security_schema import audit_chains, idempotent_requests
from storage.sink_schema import sinks
from storage.target_schema import client_certificates, proxy_configurations


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column and those that name its row, within the organization."""

    column: Column[Any]
    ids: tuple[str, ...]

    @property
    def table(self) -> Table:
        """Return the table that it is in."""
        return self.column.table

    @property
    def key_id(self) -> Any:
        """Return the part of it that names the key."""
        return func.substr(self.column, 1, SEAL_BYTES, type_=LargeBinary)

    def place(self, row: Mapping[str, Any]) -> str:
        """Return what a value in this row is sealed to."""
        ids = (_quoted(str(row[name])) for name in self.ids)
        return "/".join([row["organization_uuid"], self.table.name, *ids, self.column.name])


def _quoted(id: str) -> str:
    """Keep an id from looking like two."""
    return id.replace("%", "%25").replace("/", "%2F")


TARGET_PASSWORD = SealedColumn(
    proxy_configurations.c.target_auth_basic_password, ("charge_box_id",)
)
PRIVATE_KEY = SealedColumn(client_certificates.c.private_key, ("certificate_id",))
DETAILS_PASSWORD = SealedColumn(connection_details.c.basic_auth_password, ("version",))
BEFORE = SealedColumn(rollout_steps.c.before, ("rollout_id", "place"))
CREDENTIALS = SealedColumn(sinks.c.credentials, ("id",))
TOKEN_KEY = SealedColumn(sinks.c.token_key, ("id",))
ANSWER = SealedColumn(idempotent_requests.c.answer, ("route", "idempotency_key"))

SEALED = (
    TARGET_PASSWORD,
    PRIVATE_KEY,
    DETAILS_PASSWORD,
    BEFORE,
    CREDENTIALS,
    TOKEN_KEY,
    ANSWER,
)

# What begins with the id of a key too, but is no secret and cannot be made anew: the seals of the
# audit are part of those behind them. Their keys stay in the ring for as long as they do.
SIGNED = (
    SealedColumn(audit.c.seal, ()),
    *(SealedColumn(c, ()) for c in audit_chains.c if isinstance(c.type, LargeBinary)),
)
