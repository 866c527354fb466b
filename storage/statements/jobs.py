"""Firmware updates and logs, and the files that chargers send us."""

from __future__ import annotations

from sqlalchemy import delete, select, tuple_, update

from storage.operations_schema import jobs
from storage.statements.parts import given, insert_into, limit, of_charger

add_job = insert_into(jobs)
_THIS = jobs.c.job_id == given(jobs.c.job_id)
job = select(jobs).where(of_charger(jobs), _THIS)
job_of_upload = select(jobs).where(jobs.c.upload_digest == given(jobs.c.upload_digest))
_NEWEST = (jobs.c.created_at, jobs.c.job_id)
jobs_before = (
    select(jobs)
    .where(
        of_charger(jobs),
        tuple_(*_NEWEST)
        < tuple_(
            given(jobs.c.created_at, "before_created_at"), given(jobs.c.job_id, "before_job_id")
        ),
    )
    .order_by(*(column.desc() for column in _NEWEST))
    .limit(limit())
)
# The first file that is whole stays: a URL works once.
note_uploaded = (
    update(jobs)
    .where(jobs.c.job_id == given(jobs.c.job_id, "of_job"), jobs.c.uploaded_at.is_(None))
    .values(
        file_name=given(jobs.c.file_name),
        file_size=given(jobs.c.file_size),
        file_sha256=given(jobs.c.file_sha256),
        uploaded_at=given(jobs.c.uploaded_at),
    )
    .returning(jobs.c.job_id)
)
delete_job = delete(jobs).where(of_charger(jobs), _THIS).returning(jobs.c.job_id)
job_ids_of_charger = select(jobs.c.job_id).where(of_charger(jobs))
jobs_with_files = select(jobs.c.job_id).where(jobs.c.uploaded_at.is_not(None))
