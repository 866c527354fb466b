"""A job knows the URL that its file comes by, and the first whole file stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from storage.operation_records import Job
from storage.repositories.commands import Before
from storage.repositories.jobs import ReceivedFile
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON

NEWEST = Before(datetime.max.replace(tzinfo=UTC), "")
FILE = ReceivedFile("a.log", 3, "abc")


def job(job_id: str = "job-1", **more: object) -> Job:
    return replace(Job(job_id=job_id, key=ALICE, kind="log", created_at=NOON), **more)  # type: ignore[arg-type]  # its fields


async def test_a_job_is_found_by_its_charger_and_by_its_url(storage: Storage) -> None:
    stored = job(upload_digest=b"digest", expires_at=NOON)
    await storage.jobs.add(stored)

    assert await storage.jobs.get(ALICE, "job-1") == stored
    assert await storage.jobs.get(BOB, "job-1") is None
    assert await storage.jobs.of_upload(b"digest") == stored
    assert await storage.jobs.of_upload(b"") is None


async def test_the_first_file_stays(storage: Storage) -> None:
    await storage.jobs.add(job())
    assert await storage.jobs.note_uploaded("job-1", FILE, NOON)
    assert not await storage.jobs.note_uploaded("job-1", FILE._replace(name="b.log"), NOON)

    stored = await storage.jobs.get(ALICE, "job-1")
    assert stored is not None
    assert (stored.file_name, stored.file_size, stored.uploaded_at) == ("a.log", 3, NOON)


async def test_jobs_are_listed_newest_first_and_forgotten(storage: Storage) -> None:
    for number in (1, 2, 3):
        await storage.jobs.add(job(f"job-{number}"))
    first = await storage.jobs.page(ALICE, NEWEST, 2)
    assert [one.job_id for one in first] == ["job-3", "job-2"]
    rest = await storage.jobs.page(ALICE, Before(NOON, "job-2"), 2)
    assert [one.job_id for one in rest] == ["job-1"]

    assert not await storage.jobs.delete(BOB, "job-1")
    assert await storage.jobs.delete(ALICE, "job-1")
    assert await storage.jobs.ids_of(ALICE) == {"job-2", "job-3"}
    assert await storage.jobs.ids_of(BOB) == set()


async def test_the_jobs_that_have_a_file_are_those_whose_file_has_come(storage: Storage) -> None:
    for number in (1, 2):
        await storage.jobs.add(job(f"job-{number}"))
    await storage.jobs.note_uploaded("job-2", FILE, NOON)

    assert await storage.jobs.with_files() == {"job-2"}
