"""What revisions are written with: columns and constraints, named as the schema names them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.sql.elements import conv

from storage.tenancy import EVERYBODY, SETTING

# By code points, as SQLite and Python order: in a database's own language "a" may precede "B".
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    """Return text columns."""
    return [sa.Column(name, _TEXT, nullable=nullable) for name in names]


def integers(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    """Return integer columns; moments are integers too."""
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def blobs(*names: str, nullable: bool = False) -> list[sa.Column[bytes]]:
    """Return binary columns."""
    return [sa.Column(name, sa.LargeBinary(), nullable=nullable) for name in names]


def serial(name: str, *, assigned: bool = True) -> sa.Column[int]:
    """Return a number that the database assigns, unless told otherwise."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, number, autoincrement=assigned, nullable=False)


def primary_key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    """Return a primary key, named as in the schema."""
    return sa.PrimaryKeyConstraint(*columns, name=conv(f"pk_{table}"))


def unique(table: str, *columns: str) -> sa.UniqueConstraint:
    """Return a unique constraint, named as in the schema."""
    return sa.UniqueConstraint(*columns, name=conv(f"uq_{table}_{'_'.join(columns)}"))


def belongs(
    table: str, columns: tuple[str, ...], owner: str, owned: str | None = None, *, goes: bool = True
) -> sa.ForeignKeyConstraint:
    """Refer to the owner's columns of the same names, and go with it when it is deleted."""
    return sa.ForeignKeyConstraint(
        columns,
        [f"{owner}.{owned or column}" for column in columns],
        name=conv(f"fk_{table}_{'_'.join(columns)}_{owner}"),
        ondelete="CASCADE" if goes else None,
    )


def index(
    name: str, table: str, *columns: str, where: str | None = None, unique: bool = False
) -> None:
    """Make an index, on the rows where a condition holds."""
    condition = sa.text(where) if where else None
    with op.batch_alter_table(table) as batch:
        batch.create_index(
            conv(name),
            list(columns),
            unique=unique,
            sqlite_where=condition,
            postgresql_where=condition,
        )


def on_postgresql() -> bool:
    """Tell whether it is PostgreSQL that is changed."""
    return op.get_context().dialect.name == "postgresql"


# ---- whose rows they are; PostgreSQL only ----

# Nobody where nothing has been said, and where it was said in a transaction that is over.
_ACTING = f"(SELECT nullif(current_setting('{SETTING}', true), ''))"
OF_ORGANIZATION = f"{_ACTING} IN ('{EVERYBODY}', organization_uuid)"


def by_parent(table: str, column: str, parent: str, named: str) -> str:
    """Return the condition that a row belongs to a row of another table that can be seen."""
    parents = f"SELECT FROM {parent} AS parent WHERE parent.{named} = {table}.{column}"
    return f"{_ACTING} = '{EVERYBODY}' OR EXISTS ({parents})"


def protect(table: str, condition: str = OF_ORGANIZATION, seen_by_all: str | None = None) -> None:
    """Let rows be seen and changed only by whom they belong to, the table's owner included."""
    seen = f"{condition} OR ({seen_by_all} AND {_ACTING} IS NOT NULL)" if seen_by_all else condition
    op.execute(f"CREATE POLICY {_POLICY} ON {table} USING ({seen}) WITH CHECK ({condition})")
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def unprotect(table: str) -> None:
    """Let all rows be seen and changed by whoever may use the table."""
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute(f"DROP POLICY {_POLICY} ON {table}")


_POLICY = "of_organization"
