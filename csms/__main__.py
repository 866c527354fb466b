"""The command line: `ringmain serve | demo | org | key | member | audit | simulate | db`."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from csms import arguments, logs, settings, wiring
from csms.audit_commands import audit
from csms.command_audit import audited
from csms.demo import run_demo
from csms.errors import RingmainError
from csms.membership import member
from csms.moving import move
from csms.playing import play, run
from csms.rekeying import rotate_keys
from csms.simulating import simulate
from csms.terminal import OneLine, UnknownName, chosen_settings, known, show, with_storage
from storage.clock import timestamp
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
for name, group in {
    "org": org,
    "key": key,
    "member": member,
    "audit": audit,
    "simulate": simulate,
    "db": db,
}.items():
    app.add_typer(group, name=name)


def main() -> None:
    """Run the command line; a failure is one clear line on standard error and exit code 1."""
    try:
        app()
    except (settings.SettingError, StorageError, RingmainError, OSError) as failure:
        print(f"ringmain: {failure}", file=sys.stderr)  # noqa: T201 - the user's answer
        raise SystemExit(1) from None


@app.command(epilog=settings.describe().replace("\n", "\n\n"))
def serve() -> None:
    """Run the server: chargers, targets and REST. Settings are environment variables."""
    chosen = chosen_settings()
    logs.configure(chosen.log_format, chosen.log_level)
    run(_serve(chosen))


async def _serve(chosen: settings.Settings) -> None:
    asked_to_stop = asyncio.Event()
    on_signal = asyncio.get_running_loop().add_signal_handler
    for number in (signal.SIGTERM, signal.SIGINT):
        on_signal(number, asked_to_stop.set)
    on_signal(signal.SIGHUP, int)  # what has just been read need not be read again
    async with wiring.running(chosen) as server:
        on_signal(signal.SIGHUP, server.reload)
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


app.command("rotate-keys")(rotate_keys)


@org.command("create")
def org_create(
    name: Annotated[str, typer.Argument(callback=arguments.name)], *, one_line: OneLine = False
) -> None:
    """Create an organization and print it with its first key, which is shown only here."""

    async def work(storage: Storage) -> dict[str, str]:
        created = await storage.organizations.create(name)
        uuid = created.organization_uuid
        key, api_key = await storage.api_keys.create(uuid, "admin")
        await audited(storage, uuid, "org create", name=created.name, key_id=key.key_id)
        return {"organization_uuid": uuid, "name": created.name, "api_key": api_key}

    show(with_storage(work), one_line=one_line)


@org.command("list")
def org_list(*, one_line: OneLine = False) -> None:
    """Print all organizations."""
    show(with_storage(lambda storage: storage.organizations.list()), one_line=one_line)


@key.command("create")
def key_create(
    org: Annotated[str, typer.Option(help="The organization's UUID.")],
    scope: Annotated[Scope, typer.Option(help="What it may do.")] = "operate",
    expires: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], callback=arguments.end_of, help="Last day, in UTC."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(callback=arguments.key_name, help="What it is for.")
    ] = None,
    *,
    one_line: OneLine = False,
) -> None:
    """Create an API key and print it; it is shown only here."""

    async def work(storage: Storage) -> dict[str, Any]:
        await known(storage, org)
        record, api_key = await storage.api_keys.create(org, scope, expires, name)
        told = {"scope": scope, "name": name, "expires_at": expires and timestamp(expires)}
        await audited(storage, org, "key create", key_id=record.key_id, **told)
        return {"api_key": api_key, **asdict(record)}

    show(with_storage(work), one_line=one_line)


@key.command("list")
def key_list(
    org: Annotated[str | None, typer.Option(help="Only this organization's.")] = None,
    *,
    one_line: OneLine = False,
) -> None:
    """Print the API keys, without the keys themselves."""

    async def work(storage: Storage) -> list[ApiKey]:
        if org is not None:
            await known(storage, org)
        return await storage.api_keys.list(org)

    show(with_storage(work), one_line=one_line)


@key.command("revoke")
def key_revoke(
    key_id: Annotated[str, typer.Argument(help="As `ringmain key list` shows it.")],
    *,
    one_line: OneLine = False,
) -> None:
    """Refuse an API key from the next request on."""

    async def work(storage: Storage) -> dict[str, str]:
        keys = {each.key_id: each for each in await storage.api_keys.list()}
        if key_id not in keys:
            raise UnknownName(f"There is no API key {key_id}; `ringmain key list` shows all.")
        if not await storage.api_keys.revoke(key_id):
            raise UnknownName(f"API key {key_id} was revoked before.")
        await audited(storage, keys[key_id].organization_uuid, "key revoke", key_id=key_id)
        return {"revoked": key_id}

    show(with_storage(work), one_line=one_line)


@db.command("upgrade")
def db_upgrade(*, one_line: OneLine = False) -> None:
    """Bring the database to the schema of this version; with the embedded one `serve` does it."""
    show(wiring.upgrade(chosen_settings())._asdict(), one_line=one_line)


@db.command("copy")
def db_copy(
    origin: Annotated[str, typer.Option("--from", help="sqlite:///PATH or postgresql://…")],
    destination: Annotated[str, typer.Option("--to", help="The same; new, or a part of it.")],
    *,
    one_line: OneLine = False,
) -> None:
    """Copy an installation to another database, of either kind, and compare both."""
    show(move(origin, destination, Console(stderr=True)), one_line=one_line)


if __name__ == "__main__":
    main()
