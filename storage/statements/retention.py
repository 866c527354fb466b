"""What has been kept long enough beside the log: readings, the audit, commands, jobs and files.

Each charger's commands and jobs are filed in the order of time already, so its oldest ones are a
page of an index away.
"""

from __future__ import annotations

from sqlalchemy import and_, delete, exists, func, literal_column, or_, select

from storage.operations_schema import command_batches, command_parts, commands, jobs
from storage.schema import audit, messages, meter_readings
from storage.statements.parts import given, limit, next_charger, of_charger

newest_moment = (
    select(messages.c.timestamp.label("moment"))
    .order_by(messages.c.seq.desc())
    .limit(literal_column("1"))
)
readings_within = (
    select(meter_readings.c.organization_uuid, func.count().label("rows"))
    .where(
        meter_readings.c.received_at >= given(meter_readings.c.received_at, "since"),
        meter_readings.c.received_at < given(meter_readings.c.received_at, "until"),
    )
    .group_by(meter_readings.c.organization_uuid)
)

# ---- meter values, audit ----

_OLD_READINGS = (
    select(meter_readings.c.id)
    .where(
        meter_readings.c.organization_uuid == given(meter_readings.c.organization_uuid),
        meter_readings.c.received_at < given(meter_readings.c.received_at, "before"),
    )
    .order_by(meter_readings.c.received_at)
    .limit(limit())
)
drop_readings = (
    delete(meter_readings)
    .where(
        meter_readings.c.id.in_(_OLD_READINGS),
        meter_readings.c.received_at < given(meter_readings.c.received_at, "before"),
    )
    .returning(meter_readings.c.id)
)
# By its chain, which is cut at its beginning: `storage.repositories.audit` remembers where.
_AUDITED = and_(
    audit.c.organization_uuid == given(audit.c.organization_uuid), audit.c.place.is_not(None)
)
oldest_audited = (
    select(audit.c.place.label("seq"), audit.c.timestamp.label("moment"), audit.c.seal)
    .where(_AUDITED, audit.c.place > given(audit.c.place, "after"))
    .order_by(audit.c.place)
    .limit(limit())
)
known_audited = (
    select(audit.c.timestamp.label("moment"))
    .where(
        _AUDITED,
        audit.c.place > given(audit.c.place, "after"),
        audit.c.timestamp <= given(audit.c.timestamp, "now"),
    )
    .order_by(audit.c.place)
    .limit(literal_column("1"))
)

# ---- commands, what came of them, files ----

next_with_commands = next_charger(commands)
old_commands = (
    select(
        commands.c.command_id,
        exists(
            select(command_parts.c.id).where(command_parts.c.command_id == commands.c.command_id)
        ).label("has_parts"),
    )
    .where(
        of_charger(commands),
        commands.c.created_at < given(commands.c.created_at, "before"),
        commands.c.finished_at.is_not(None),
    )
    .order_by(commands.c.created_at)
    .limit(limit())
)
drop_command = delete(commands).where(commands.c.command_id == given(commands.c.command_id))
_SOME_PARTS = (
    select(command_parts.c.id)
    .where(command_parts.c.command_id == given(command_parts.c.command_id))
    .limit(limit())
)
drop_parts = (
    delete(command_parts).where(command_parts.c.id.in_(_SOME_PARTS)).returning(command_parts.c.id)
)
_OLD_BATCHES = (
    select(command_batches.c.batch_id)
    .where(
        command_batches.c.organization_uuid == given(command_batches.c.organization_uuid),
        command_batches.c.created_at < given(command_batches.c.created_at, "before"),
        command_batches.c.finished_at.is_not(None),
    )
    .order_by(command_batches.c.created_at)
    .limit(limit())
)
drop_batches = (
    delete(command_batches)
    .where(command_batches.c.batch_id.in_(_OLD_BATCHES))
    .returning(command_batches.c.batch_id)
)
next_with_jobs = next_charger(jobs)
_GOES_ON = exists(
    select(commands.c.command_id).where(
        commands.c.command_id == jobs.c.job_id, commands.c.finished_at.is_(None)
    )
)
old_jobs = (
    select(jobs.c.job_id)
    .where(
        of_charger(jobs),
        jobs.c.created_at < given(jobs.c.created_at, "before"),
        or_(jobs.c.expires_at.is_(None), jobs.c.expires_at < given(jobs.c.expires_at, "now")),
        ~_GOES_ON,
    )
    .order_by(jobs.c.created_at)
    .limit(limit())
)
drop_job = delete(jobs).where(jobs.c.job_id == given(jobs.c.job_id))
