"""What Alembic runs: our revisions, over the connection that `storage.migrate` hands in."""

from __future__ import annotations

from typing import Any

from alembic import context

from storage.columns import ONLY_ON
from storage.partitions import is_partition
from storage.tables import metadata


def _is_of_the_schema(name: str | None, kind: str, _parents: Any) -> bool:
    # Partitions are made by the program, each a table of its own that the schema does not name.
    return not (kind == "table" and name is not None and is_partition(name))


def _is_of_this_engine(
    made: Any, _name: str | None, kind: str, is_there: Any, _beside: Any
) -> bool:
    # An index that one engine has and the other one must not have is marked so in its `info`.
    engine = None if is_there or kind != "index" else made.info.get(ONLY_ON)
    return engine in {None, connection.dialect.name}


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    include_object=_is_of_this_engine,
    target_metadata=metadata,
    include_name=_is_of_the_schema,
    render_as_batch=True,  # SQLite changes a table by making it anew
    transactional_ddl=True,  # a revision that fails leaves nothing behind, in SQLite too
)
with context.begin_transaction():
    context.run_migrations()
