"""What psycopg2 raises, told in the words of the port: once, and in one sentence."""

from __future__ import annotations

import psycopg2
from psycopg2 import errorcodes

from storage.errors import Conflict, Missing, StatementTimeout, StorageError, StorageUnavailable

# What may pass by itself, by the first two characters of the code.
UNAVAILABLE = frozenset(
    {
        errorcodes.CLASS_CONNECTION_EXCEPTION,
        errorcodes.CLASS_INVALID_AUTHORIZATION_SPECIFICATION,
        errorcodes.CLASS_TRANSACTION_ROLLBACK,  # a deadlock
        errorcodes.CLASS_INSUFFICIENT_RESOURCES,  # a full disk, too many connections
        errorcodes.CLASS_OBJECT_NOT_IN_PREREQUISITE_STATE,  # a lock that another holds
        errorcodes.CLASS_OPERATOR_INTERVENTION,  # the server is starting or shutting down
        errorcodes.CLASS_SYSTEM_ERROR,
        errorcodes.CLASS_CONFIGURATION_FILE_ERROR,
        errorcodes.CLASS_INTERNAL_ERROR,  # a damaged file
    }
)
# A replica may be made the server that is written to.
UNWRITABLE = errorcodes.READ_ONLY_SQL_TRANSACTION
TAKEN = frozenset({errorcodes.UNIQUE_VIOLATION, errorcodes.EXCLUSION_VIOLATION})
GIVEN_UP = frozenset({errorcodes.QUERY_CANCELED, errorcodes.LOCK_NOT_AVAILABLE})


def translated(error: Exception, *, lost: bool = False) -> StorageError:
    """Return what the port says of an error; ``lost`` is a connection that it has ended."""
    code = getattr(error, "pgcode", None) or ""
    if code in TAKEN:
        return Conflict()
    if code == errorcodes.FOREIGN_KEY_VIOLATION:
        return Missing()
    if code in GIVEN_UP:
        return StatementTimeout()
    nobody_said = not code and isinstance(error, psycopg2.OperationalError)
    if lost or nobody_said or code == UNWRITABLE or code[:2] in UNAVAILABLE:
        return unavailable(error)
    return StorageError(f"The database refused the statement: {reason(error)}.")


def unavailable(error: Exception) -> StorageUnavailable:
    """Return that the database is not there, and why."""
    return StorageUnavailable(f"The database is not available: {reason(error)}.")


def reason(error: Exception) -> str:
    """Return the first line of what was said, without a full stop."""
    said = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    first = " ".join(said.strip().partition("\n")[0].split())
    return first.rstrip(".") or type(error).__name__
