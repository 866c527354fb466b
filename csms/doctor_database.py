"""What the doctor looks at in the database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from csms.doctor_findings import Finding, failure, ok, skipped, warning
from csms.doctor_patient import Patient, file_of
from csms.door_profiles import door_profiles, warnings
from storage import engines, migrate
from storage.checkup import OLDEST, about
from storage.errors import StorageError, StorageUnavailable
from storage.migrate import Schema
from storage.postgres_connections import MOST

_BESIDE = 2  # connections of a command that runs beside the server
# By what the database has said.
_HELPS = {
    "has not the rights": "Let the role own the database and all of its tables: what another role "
    "has restored, it restores again as this one (docs/storage.md).",
    "too many": "Raise the CONNECTION LIMIT of the role or the database, or max_connections: a "
    f"server takes up to {MOST}, a command {_BESIDE} beside it.",
    "connection slots": "Raise max_connections, or end what holds them (pg_stat_activity).",
}
_UPGRADE = "Stop the server, make a backup, and run `ringmain db upgrade`."


async def database(patient: Patient) -> Sequence[Finding]:
    """Look whether it is there, of this version, and takes what is written."""
    url, name = patient.database_url, engines.shown(patient.database_url)
    file = file_of(url)
    if file is not None and (found := _file(file, patient)):
        return [found]
    try:
        schema = await asyncio.to_thread(migrate.schema_of, url)
    except StorageUnavailable as fault:
        return [failure(f"{name}: {fault}", _away(str(fault), embedded=file is not None))]
    if schema is not Schema.CURRENT:
        return [_other(schema, embedded=file is not None)]
    if patient.storage is None:
        why = str(patient.fault or patient.closed)
        return [failure(f"{name}: {why}", _helps(why, "See docs/storage.md."))]
    return [ok(f"{name} is there, and of this version."), await _written(patient)]


def _file(file: Path, patient: Patient) -> Finding | None:
    if not file.exists():
        if file.parent.is_dir() or file.parent == patient.settings.data_dir:
            return ok(f"{file} is not there yet; the first start makes it.")
        return failure(f"There is no directory {file.parent}.", "Make it for this user.")
    if not os.access(file, os.R_OK | os.W_OK):
        told = f"{file} cannot be read and written by this user."
        return failure(told, "Run as the user of the server (sudo -u).")
    return None


def _away(why: str, *, embedded: bool) -> str:
    if embedded:
        return "Restore the last backup (docs/storage.md), or correct RINGMAIN_DATABASE_URL."
    usual = "Correct RINGMAIN_DATABASE_URL or the password (~/.pgpass), and see whether it runs."
    return _helps(why, usual)


def _helps(why: str, otherwise: str) -> str:
    return next((what for said, what in _HELPS.items() if said in why), otherwise)


def _other(schema: Schema, *, embedded: bool) -> Finding:
    if schema is Schema.NEWER:
        told = "A newer version of Ringmain has upgraded the database."
        return failure(told, "Install that version here, or restore the backup before it.")
    if embedded:
        told = "The database is of an older version; the next start upgrades it."
        return warning(told, "Make a backup before (docs/storage.md).")
    return failure("The database is not of this version of Ringmain yet.", _UPGRADE)


async def _written(patient: Patient) -> Finding:
    assert patient.storage  # noqa: S101 - it was asked before
    try:
        await patient.storage.probe.check()
    except StorageError as fault:
        told = f"It takes nothing: {fault}"
        return failure(told, "Make room on its disk; see whether it is a replica, or locked.")
    return ok("It takes what is written.")


async def postgresql(patient: Patient) -> Sequence[Finding]:
    """Look at the server's version and at what our role may do."""
    if file_of(patient.database_url) is not None:
        return []
    if patient.storage is None:
        return [skipped(f"It cannot be asked: {patient.closed}.")]
    before = patient.clock.now()
    told = await about(patient.storage.database)
    between = before + (patient.clock.now() - before) / 2
    patient.heard["the database"] = (told.moment - between).total_seconds()
    found = []
    if told.version < OLDEST:
        version = f"PostgreSQL {told.version // 10_000} is not supported."
        found.append(failure(version, f"Upgrade it to {OLDEST // 10_000} or newer."))
    if told.sees_all:
        seen = "The role is a superuser or bypasses row-level security: no second wall."
        found.append(warning(seen, "Let Ringmain have a role of its own (docs/storage.md)."))
    if not told.makes_tables:
        rights = "The role may not make tables, and the log needs a new one each week."
        found.append(failure(rights, "GRANT CREATE ON SCHEMA public TO the role."))
    if told.most < MOST + _BESIDE:
        most = f"We may have {told.most} connections, and a server takes up to {MOST}."
        found.append(warning(most, _HELPS["too many"]))
    return found or [ok(f"PostgreSQL {told.version // 10_000}; the role has the rights it needs.")]


async def security_profiles(patient: Patient) -> Sequence[Finding]:
    """Tell what /readyz warns of: chargers that cannot come in, or without a password."""
    if patient.storage is not None:
        profiles = await patient.storage.chargers.profiles()
        told = warnings(profiles, door_profiles(patient.settings))
    elif patient.held and patient.ready is not None and patient.ready.status == 200:
        told = [str(each) for each in patient.ready.body.get("warnings", ())]
    else:
        return [skipped(f"Chargers cannot be looked at: {patient.closed}.")]
    advice = "docs/tls.md tells how chargers are brought to another profile."
    return [warning(each, advice) for each in told] or [ok("All enrolled chargers can come in.")]
