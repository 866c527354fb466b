"""Columns and constraints of revisions have the names that the schema gives them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from storage.columns import NAMING_CONVENTION
from storage.migrations.ddl import belongs, integers, primary_key, texts, unique


def names(*constraints: sa.Constraint) -> set[str]:
    columns: list[sa.Column[Any]] = [*texts("name"), *integers("id", "owner_id")]
    table = sa.Table("things", sa.MetaData(), *columns, *constraints)
    return {str(constraint.name) for constraint in table.constraints}


def test_constraints_are_named_as_the_schema_would() -> None:
    by_schema = sa.Table(
        "things",
        sa.MetaData(naming_convention=NAMING_CONVENTION),
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("name", sa.Text, unique=True),
        sa.Column("owner_id", sa.BigInteger, sa.ForeignKey("owners.id")),
    )
    sa.Table("owners", by_schema.metadata, sa.Column("id", sa.BigInteger, primary_key=True))
    wanted = {str(constraint.name) for constraint in by_schema.constraints}

    made = names(
        primary_key("things", "id"),
        unique("things", "name"),
        belongs("things", ("owner_id",), "owners", "id"),
    )

    assert made == wanted


def test_what_belongs_goes_with_its_owner_unless_told_otherwise() -> None:
    assert belongs("things", ("owner_id",), "owners", "id").ondelete == "CASCADE"
    assert belongs("things", ("owner_id",), "owners", "id", goes=False).ondelete is None
