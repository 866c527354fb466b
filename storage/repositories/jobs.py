"""Firmware updates and logs, and what is known of the files that chargers send us."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from storage.database import Database
from storage.operation_records import Job
from storage.records import ChargerKey
from storage.repositories.commands import Before
from storage.repositories.rows import columns, keyed
from storage.statements import jobs as statements


class ReceivedFile(NamedTuple):
    """A file that has come whole: its name as the charger calls it, its bytes, its digest."""

    name: str
    size: int
    sha256: str


class Jobs:
    """Keep jobs, and recognise the URL that a file comes by."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, job: Job) -> None:
        """Store a new job."""
        await self._database.execute(statements.add_job, columns(job))

    async def get(self, key: ChargerKey, job_id: str) -> Job | None:
        """Return one job of a charger."""
        rows = await self._database.fetch(statements.job, {**key._asdict(), "job_id": job_id})
        return Job(**keyed(rows[0])) if rows else None

    async def of_upload(self, digest: bytes) -> Job | None:
        """Return the job whose URL has a secret of this digest."""
        rows = await self._database.fetch(statements.job_of_upload, {"upload_digest": digest})
        return Job(**keyed(rows[0])) if rows else None

    async def page(self, key: ChargerKey, before: Before, limit: int) -> list[Job]:
        """Return a charger's jobs, newest first, those before another one."""
        values = {
            **key._asdict(),
            "before_created_at": before.created_at,
            "before_job_id": before.id,
            "limit": limit,
        }
        rows = await self._database.fetch(statements.jobs_before, values)
        return [Job(**keyed(row)) for row in rows]

    async def note_uploaded(self, job_id: str, received: ReceivedFile, at: datetime) -> bool:
        """Record the file of a job; False where it has one already."""
        values = {
            "of_job": job_id,
            "file_name": received.name,
            "file_size": received.size,
            "file_sha256": received.sha256,
            "uploaded_at": at,
        }
        return bool(await self._database.execute(statements.note_uploaded, values))

    async def delete(self, key: ChargerKey, job_id: str) -> bool:
        """Forget a job; False where there is none."""
        values = {**key._asdict(), "job_id": job_id}
        return bool(await self._database.execute(statements.delete_job, values))

    async def ids_of(self, key: ChargerKey) -> set[str]:
        """Return the ids of a charger's jobs."""
        rows = await self._database.fetch(statements.job_ids_of_charger, key._asdict())
        return {row["job_id"] for row in rows}

    async def with_files(self) -> set[str]:
        """Return the ids of all jobs of all organizations whose file has come."""
        return {row["job_id"] for row in await self._database.fetch(statements.jobs_with_files)}
