"""All tables at once: a table is known only where its module was imported."""

from __future__ import annotations

import storage.commissioning_schema
import storage.history_schema
import storage.operations_schema
import storage.schema
import storage.security_schema
import storage.sink_schema
import storage.target_schema  # noqa: F401 - all make their tables known
from storage.columns import metadata

__all__ = ["metadata"]
