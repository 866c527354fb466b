"""What commands of the command line share: the storage that they work on, and how data is shown."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Annotated, Any

import typer

from csms import settings, wiring
from csms.errors import RingmainError
from csms.playing import run
from storage.clock import SystemClock, timestamp
from storage.store import Storage

OneLine = Annotated[bool, typer.Option("--json", help="All on one line, for programs.")]
# Who did what the command line does.
COMMAND_LINE = "command-line"


class UnknownName(RingmainError):
    """There is no such thing."""


def chosen_settings() -> settings.Settings:
    """Return what the environment says."""
    return settings.read(os.environ)


def show(data: Any, *, one_line: bool) -> None:
    """Print data as JSON, which is all that standard output carries."""
    indent = None if one_line else 2
    print(json.dumps(data, indent=indent, default=_plain))  # noqa: T201 - the data asked for


def with_storage(work: Callable[[Storage], Awaitable[Any]]) -> Any:
    """Do work on the storage that the settings name, also beside a running server."""

    async def opened() -> Any:
        async with wiring.storage_of(chosen_settings(), SystemClock()) as storage:
            return await work(storage)

    return run(opened())


async def known(storage: Storage, organization_uuid: str) -> None:
    """Raise UnknownName unless there is this organization."""
    if await storage.organizations.get(organization_uuid) is None:
        raise UnknownName(f"There is no organization {organization_uuid}.")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamp(value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
