"""Open a sink of any type; the library behind it is imported when the first one is opened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import TypeAlias

from storage.records import SinkRecord
from storage.sinks.port import Outside, Sink

Opener: TypeAlias = Callable[[SinkRecord, Outside], Awaitable[Sink]]

# Which function of which module opens a sink of a type.
OPENERS: Mapping[str, tuple[str, str]] = {
    "aws_s3": ("storage.sinks.s3", "open_s3"),
    "digital_ocean_spaces": ("storage.sinks.s3", "open_s3"),
    "gcp_storage": ("storage.sinks.gcs", "open_gcs"),
    "azure_storage": ("storage.sinks.azure", "open_azure"),
}


async def open_sink(record: SinkRecord, outside: Outside) -> Sink:
    """Return the sink of a record; raise SinkRefused where it could never work."""
    module, name = OPENERS[record.type]
    # In a thread: these imports take up to a second.
    opener: Opener = getattr(await asyncio.to_thread(import_module, module), name)
    return await opener(record, outside)
