"""What the doctor finds in a database of either kind, and without one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from bench.cluster import ADMIN
from csms.doctor_database import database, postgresql, security_profiles
from storage import engines
from storage.clock import SystemClock
from storage.records import ChargerKey
from storage.store import open_storage
from tests.csms.patients import begun, patient, states, told
from tests.storage import records
from tests.storage.postgres import Admin


async def test_a_database_that_works_is_well(tmp_path: Path) -> None:
    await begun(tmp_path)
    async with patient(tmp_path) as well:
        found = [await check(well) for check in (database, postgresql, security_profiles)]

    assert {state for each in found for state in states(each)} == {"ok"}
    assert "It takes what is written." in told(found[0])


@pytest.mark.sqlite_only("of a file")
async def test_a_file_that_is_no_database_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    await begun(tmp_path)
    file = tmp_path / engines.DATABASE_FILE
    file.write_bytes(b"this is no database, and never was one" * 100)
    async with patient(tmp_path) as ill:
        found = await database(ill)
        assert states(await security_profiles(ill)) == ["skipped"]

    assert states(found) == ["failure"]
    assert "not a database" in told(found)
    assert "backup" in told(found)


@pytest.mark.sqlite_only("both have versions alike")
async def test_another_version_of_the_schema_is_told_and_nothing_upgraded(tmp_path: Path) -> None:
    await begun(tmp_path)
    for revision, state in (("0005", "warning"), ("9999", "failure")):
        with closing(sqlite3.connect(tmp_path / engines.DATABASE_FILE)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", [revision])
            connection.commit()
        async with patient(tmp_path) as other:
            assert states(await database(other)) == [state]
            assert "another version" in other.closed


@pytest.mark.sqlite_only("of PostgreSQL, which is away")
async def test_a_server_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://ringmain:s3cret@127.0.0.1:1/ringmain"
    async with patient(tmp_path, RINGMAIN_DATABASE_URL=url) as ill:
        found = [*await database(ill), *await postgresql(ill)]

    assert states(found) == ["failure", "skipped"]
    assert "Connection refused" in told(found)
    assert "s3cret" not in told(found)


@pytest.mark.postgresql_only("of its roles")
async def test_the_version_the_clock_and_the_rights_of_postgresql_are_looked_at(
    tmp_path: Path,
) -> None:
    await begun(tmp_path)
    async with patient(tmp_path) as well:
        found = await postgresql(well)
        assert abs(well.heard["the database"]) < 5

    assert states(found) == ["ok"]
    url = engines.default_url(tmp_path).set(username=ADMIN, drivername="postgresql")
    async with patient(tmp_path, RINGMAIN_DATABASE_URL=url.render_as_string()) as ill:
        found = await postgresql(ill)
    assert states(found) == ["warning"]
    assert "row-level security" in told(found)


@pytest.mark.postgresql_only("of its limits")
async def test_too_few_connections_are_told_before_they_run_out_and_then(tmp_path: Path) -> None:
    await begun(tmp_path)
    url = engines.default_url(tmp_path)
    limit = f'ALTER DATABASE "{url.database}" CONNECTION LIMIT'
    with Admin.of(url.set(database="postgres")) as admin:
        admin.does(f"{limit} 5")
        async with patient(tmp_path) as ill:
            warned = await postgresql(ill)
        admin.does(f"{limit} 0")
        async with patient(tmp_path) as shut:
            found = await database(shut)
        admin.does(f"{limit} -1")

    assert states(warned) == ["warning"]
    assert "We may have 5 connections, and a server takes up to 11." in told(warned)
    assert states(found) == ["failure"]
    assert "CONNECTION LIMIT" in found[0].advice


@pytest.mark.postgresql_only("of its roles")
async def test_tables_of_another_role_are_told_to_be_of_no_use(tmp_path: Path) -> None:
    await begun(tmp_path)
    url = engines.default_url(tmp_path)
    guest = url.set(username=f"visitor_of_{url.database}", drivername="postgresql")
    with Admin.of(url) as admin:
        admin.does(f"CREATE ROLE {guest.username} LOGIN")
        async with patient(tmp_path, RINGMAIN_DATABASE_URL=guest.render_as_string()) as ill:
            found = await database(ill)
        admin.does(f"DROP ROLE {guest.username}")

    assert states(found) == ["failure"]
    assert "permission denied" in found[0].told
    assert "Let the role own" in found[0].advice


async def test_chargers_that_cannot_come_in_are_told(tmp_path: Path) -> None:
    async with open_storage(tmp_path, SystemClock()) as storage:
        organization = await storage.organizations.create("Depot")
        charger = records.charger(ChargerKey(organization.organization_uuid, "CP-1"))
        await storage.chargers.enroll(charger, None)
        await storage.database.execute(text("UPDATE chargers SET security_profile = 2"))
    async with patient(tmp_path) as ill:
        found = await security_profiles(ill)

    assert states(found) == ["warning"]
    assert "profile 2" in told(found)
