"""What PostgreSQL says of itself and of us."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, text

# What time it is there is asked in the statement, not when its transaction began.
about_postgresql = text(
    "SELECT CAST(current_setting('server_version_num') AS bigint) AS version,"
    " CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) AS moment,"
    " role.rolsuper OR role.rolbypassrls AS sees_all,"
    " has_schema_privilege(current_schema(), 'CREATE') AS makes_tables,"
    # No limit is -1, and LEAST leaves NULL out.
    " LEAST(NULLIF(role.rolconnlimit, -1), NULLIF(db.datconnlimit, -1),"
    " CAST(current_setting('max_connections') AS bigint)) AS most"
    " FROM pg_roles AS role, pg_database AS db"
    " WHERE role.rolname = current_user AND db.datname = current_database()"
).columns(
    version=BigInteger, moment=BigInteger, sees_all=Boolean, makes_tables=Boolean, most=BigInteger
)
