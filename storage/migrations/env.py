"""What Alembic runs: our revisions, over the connection that `storage.migrate` hands in."""

from __future__ import annotations

from alembic import context

import storage.operations_schema
import storage.schema
import storage.target_schema  # noqa: F401 - all make their tables known
from storage.columns import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
    transactional_ddl=True,  # a revision that fails leaves nothing behind, in SQLite too
)
with context.begin_transaction():
    context.run_migrations()
