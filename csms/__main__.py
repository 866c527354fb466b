"""The command line: `ringmain serve | demo | org | key | simulate | db`."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from csms import arguments, logs, settings, wiring
from csms.demo import run_demo
from csms.errors import RingmainError
from csms.moving import move
from csms.playing import play, run
from csms.simulating import simulate
from storage.clock import SystemClock, timestamp
from storage.errors import StorageError
from storage.records import ApiKey, Scope
from storage.store import Storage

app = typer.Typer(
    name="ringmain",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="OCPP central system and proxy: two platforms for every charger, one in control.",
)
org = typer.Typer(no_args_is_help=True, help="Organizations: the tenants of this server.")
key = typer.Typer(no_args_is_help=True, help="API keys.")
db = typer.Typer(no_args_is_help=True, help="The database.")
for name, group in {"org": org, "key": key, "simulate": simulate, "db": db}.items():
    app.add_typer(group, name=name)


def main() -> None:
    """Run the command line; a failure is one clear line on standard error and exit code 1."""
    try:
        app()
    except (settings.SettingError, StorageError, RingmainError, OSError) as failure:
        print(f"ringmain: {failure}", file=sys.stderr)  # noqa: T201 - the user's answer
        raise SystemExit(1) from None


def _settings() -> settings.Settings:
    return settings.read(os.environ)


def _print(data: Any, *, one_line: bool) -> None:
    indent = None if one_line else 2
    print(json.dumps(data, indent=indent, default=_plain))  # noqa: T201 - the data asked for


@app.command(epilog=settings.describe().replace("\n", "\n\n"))
def serve() -> None:
    """Run the server: chargers, targets and REST. Settings are environment variables."""
    chosen = _settings()
    logs.configure(chosen.log_format, chosen.log_level)
    run(_serve(chosen))


async def _serve(chosen: settings.Settings) -> None:
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    async with wiring.running(chosen):
        # A reconnect storm otherwise spends its time in the collector (flat after this).
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000)
        await asked_to_stop.wait()


@app.command()
def demo(
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Stop by itself; exit 0 if all came up.")
    ] = None,
) -> None:
    """Show the whole picture on this machine, with no configuration; nothing is kept."""
    logs.configure("auto", "warning")
    play(run_demo(seconds))


OneLine = Annotated[bool, typer.Option("--json", help="All on one line, for programs.")]


@org.command("create")
def org_create(
    name: Annotated[str, typer.Argument(callback=arguments.name)], *, one_line: OneLine = False
) -> None:
    """Create an organization and print it with its first key, which is shown only here."""

    async def work(storage: Storage) -> dict[str, str]:
        created = await storage.organizations.create(name)
        uuid = created.organization_uuid
        _, api_key = await storage.api_keys.create(uuid, "admin")
        return {"organization_uuid": uuid, "name": created.name, "api_key": api_key}

    _print(_with_storage(work), one_line=one_line)


@org.command("list")
def org_list(*, one_line: OneLine = False) -> None:
    """Print all organizations."""
    _print(_with_storage(lambda storage: storage.organizations.list()), one_line=one_line)


@key.command("create")
def key_create(
    org: Annotated[str, typer.Option(help="The organization's UUID.")],
    scope: Annotated[Scope, typer.Option()] = "operate",
    expires: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], callback=arguments.end_of, help="Last day, in UTC."),
    ] = None,
    *,
    one_line: OneLine = False,
) -> None:
    """Create an API key and print it; it is shown only here."""

    async def work(storage: Storage) -> dict[str, Any]:
        await _known(storage, org)
        record, api_key = await storage.api_keys.create(org, scope, expires)
        return {"api_key": api_key, **asdict(record)}

    _print(_with_storage(work), one_line=one_line)


@key.command("list")
def key_list(
    org: Annotated[str | None, typer.Option(help="Only this organization's.")] = None,
    *,
    one_line: OneLine = False,
) -> None:
    """Print the API keys, without the keys themselves."""

    async def work(storage: Storage) -> list[ApiKey]:
        if org is not None:
            await _known(storage, org)
        return await storage.api_keys.list(org)

    _print(_with_storage(work), one_line=one_line)


async def _known(storage: Storage, organization_uuid: str) -> None:
    if await storage.organizations.get(organization_uuid) is None:
        raise UnknownName(f"There is no organization {organization_uuid}.")


@key.command("revoke")
def key_revoke(key_id: str, *, one_line: OneLine = False) -> None:
    """Refuse an API key from the next request on."""

    async def work(storage: Storage) -> dict[str, str]:
        if not await storage.api_keys.revoke(key_id):
            raise UnknownName(f"There is no API key {key_id}.")
        return {"revoked": key_id}

    _print(_with_storage(work), one_line=one_line)


@db.command("upgrade")
def db_upgrade(*, one_line: OneLine = False) -> None:
    """Bring the database to the schema of this version; with the embedded one `serve` does it."""
    _print(wiring.upgrade(_settings())._asdict(), one_line=one_line)


@db.command("copy")
def db_copy(
    origin: Annotated[str, typer.Option("--from", help="sqlite:///PATH or postgresql://…")],
    destination: Annotated[str, typer.Option("--to", help="The same; new, or a part of it.")],
    *,
    one_line: OneLine = False,
) -> None:
    """Copy an installation to another database, of either kind, and compare both."""
    _print(move(origin, destination, Console(stderr=True)), one_line=one_line)


class UnknownName(RingmainError):
    """There is no such thing."""


def _with_storage(work: Callable[[Storage], Awaitable[Any]]) -> Any:
    async def opened() -> Any:
        async with wiring.storage_of(_settings(), SystemClock()) as storage:
            return await work(storage)

    return run(opened())


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamp(value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


if __name__ == "__main__":
    main()
