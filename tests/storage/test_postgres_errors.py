"""What PostgreSQL says is told in the words of the port, in one sentence."""

from __future__ import annotations

import psycopg2
import pytest
from sqlalchemy import text

from storage.database import Database
from storage.errors import Conflict, Missing, StatementTimeout, StorageError, StorageUnavailable
from storage.postgres_errors import reason, translated

pytestmark = pytest.mark.postgresql_only("about its errors")

SAID = "DO $$ BEGIN RAISE 'It is said' USING ERRCODE = '{}'; END $$"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("23505", Conflict),  # unique_violation
        ("23503", Missing),  # foreign_key_violation
        ("23502", StorageError),  # not_null_violation
        ("22003", StorageError),  # numeric_value_out_of_range
        ("42501", StorageError),  # insufficient_privilege
        ("42P01", StorageError),  # undefined_table
        ("57014", StatementTimeout),  # query_canceled
        ("55P03", StatementTimeout),  # lock_not_available
        ("40P01", StorageUnavailable),  # deadlock_detected
        ("53100", StorageUnavailable),  # disk_full
        ("53300", StorageUnavailable),  # too_many_connections
        ("57P01", StorageUnavailable),  # admin_shutdown
        ("58030", StorageUnavailable),  # io_error
        ("XX001", StorageUnavailable),  # data_corrupted
    ],
)
async def test_a_code_is_one_of_our_errors(
    database: Database, code: str, told: type[StorageError]
) -> None:
    with pytest.raises(StorageError) as error:
        await database.execute(text(SAID.format(code)))

    assert type(error.value) is told


async def test_the_reason_is_told_in_one_sentence(database: Database) -> None:
    with pytest.raises(StorageError) as refused:
        await database.execute(text("SELECT nothing FROM nowhere"))

    assert str(refused.value) == (
        'The database refused the statement: relation "nowhere" does not exist.'
    )


def test_of_a_lost_connection_the_first_line_is_told() -> None:
    lost = psycopg2.OperationalError("server closed the connection\n\tThis probably means.\n")

    assert type(translated(lost)) is StorageUnavailable
    assert reason(lost) == "server closed the connection"
    assert type(translated(psycopg2.DatabaseError("no message"), lost=True)) is StorageUnavailable


def test_a_fault_without_words_has_the_name_of_its_kind() -> None:
    assert reason(ConnectionResetError()) == "ConnectionResetError"
