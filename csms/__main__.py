"""
The command line: `ringmain serve`, `demo`, `doctor`, `org`, `key`, `member`, `log` and others.

What the server is made of is imported where it is needed: help and completion come at once.
"""

from __future__ import annotations

import asyncio
import gc
import io
import signal
import sys
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from typing import Annotated, Any

import typer
from rich.console import Console

from csms import arguments, logs, settings
from csms.audit_commands import audit
from csms.command_audit import audited
from csms.completing import KEY_IDS, ORGANIZATIONS
from csms.doctor import doctor, doctor_epilog
from csms.doctor_findings import sentence
from csms.errors import RingmainError
from csms.examples import examples
from csms.log_commands import log
from csms.membership import member
from csms.playing import play, run
from csms.rekeying import rotate_keys
from csms.simulating import simulate
from csms.terminal import (
    OneLine,
    UnknownName,
    chosen_settings,
    known,
    printable,
    show,
    show_list,
    with_storage,
)
from storage.clock import timestamp
from storage.errors import StorageError
from storage.records import ApiKey, Scope
from storage.store import Storage

app = typer.Typer(
    name="ringmain",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="OCPP central system and proxy: two platforms for every charger, one in control.",
    epilog=examples("ringmain demo", "ringmain serve --help", "ringmain --install-completion"),
)
org = typer.Typer(no_args_is_help=True, help="Organizations: the tenants of this server.")
key = typer.Typer(no_args_is_help=True, help="API keys.")
db = typer.Typer(no_args_is_help=True, help="The database.")
for name, group in {
    "org": org,
    "key": key,
    "member": member,
    "audit": audit,
    "log": log,
    "simulate": simulate,
    "db": db,
}.items():
    app.add_typer(group, name=name)


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with what was given
    if wanted:
        print(f"ringmain {version('ringmain')}")  # noqa: T201 - the data asked for
        raise typer.Exit


@app.callback()
def _ringmain(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """OCPP central system and proxy: two platforms for every charger, one in control."""


def main() -> None:
    """Run the command line: exit code 0, 1 for a failure, 2 for wrong usage.

    What is wrong is one clear line on standard error.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may have few characters
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except typer.TyperException as wrong:
        _tell(_usage(wrong))
        sys.exit(wrong.exit_code)
    except typer.Abort:
        sys.exit(1)
    except (settings.SettingError, StorageError, RingmainError, OSError) as failure:
        _tell(sentence(failure))
        sys.exit(1)


def _usage(wrong: typer.TyperException) -> str:
    told = wrong.format_message().replace(" Value error, ", " ")  # the library's own words
    context = getattr(wrong, "ctx", None)
    if told and context is not None:
        told = f"{told.removesuffix('.')}; `{context.command_path} --help` tells more."
    return told  # nothing where the help has been shown


def _tell(told: str) -> None:
    if told:
        print(f"ringmain: {' '.join(told.split())}", file=sys.stderr)  # noqa: T201 - the user's answer


_SERVING = examples(
    "ringmain serve",
    "RINGMAIN_HTTP_BIND=127.0.0.1:8081 RINGMAIN_OCPP_BIND=127.0.0.1:9001 ringmain serve",
)


@app.command(epilog="\n\n".join([*settings.describe().splitlines(), "", _SERVING]))
def serve() -> None:
    """Run the server: chargers, targets and REST. Settings are environment variables."""
    chosen = chosen_settings()
    logs.configure(chosen.log_format, chosen.log_level)
    run(_serve(chosen))


async def _serve(chosen: settings.Settings) -> None:
    from csms import wiring  # noqa: PLC0415 - as said above

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


@app.command(epilog=examples("ringmain demo", "ringmain demo --seconds 20"))
def demo(
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Stop by itself; exit 0 if all came up.")
    ] = None,
) -> None:
    """Show the whole picture on this machine, with no configuration; nothing is kept."""
    from csms.demo import run_demo  # noqa: PLC0415 - as said above

    logs.configure("auto", "warning")
    play(run_demo(seconds))


app.command("doctor", epilog=doctor_epilog)(doctor)
app.command(
    "rotate-keys", epilog=examples("ringmain rotate-keys", "ringmain rotate-keys --forget-old")
)(rotate_keys)


@org.command("create", epilog=examples('ringmain org create "My fleet"'))
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

    show(with_storage(work, new=True), one_line=one_line)


@org.command("list", epilog=examples("ringmain org list", "ringmain org list --json"))
def org_list(*, one_line: OneLine = False) -> None:
    """Print all organizations."""
    found = with_storage(lambda storage: storage.organizations.list())
    none = "There is no organization yet: `ringmain org create NAME` makes one."
    show_list(found, one_line=one_line, none=none)


@key.command(
    "create",
    epilog=examples(
        'ringmain key create --org "$ORG"',
        'ringmain key create --org "$ORG" --scope read --expires 2099-12-31 --name "night shift"',
    ),
)
def key_create(
    org: Annotated[
        str, typer.Option(help="The organization's UUID.", autocompletion=ORGANIZATIONS)
    ],
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


@key.command("list", epilog=examples("ringmain key list", 'ringmain key list --org "$ORG" --json'))
def key_list(
    org: Annotated[
        str | None, typer.Option(help="Only this organization's.", autocompletion=ORGANIZATIONS)
    ] = None,
    *,
    one_line: OneLine = False,
) -> None:
    """Print the API keys, without the keys themselves."""

    async def work(storage: Storage) -> list[ApiKey]:
        if org is not None:
            await known(storage, org)
        return await storage.api_keys.list(org)

    none = "There is no API key: `ringmain key create` makes one."
    show_list(with_storage(work), one_line=one_line, none=none)


@key.command("revoke", epilog=examples('ringmain key revoke "$KEY_ID"'))
def key_revoke(
    key_id: Annotated[
        str, typer.Argument(help="As `ringmain key list` shows it.", autocompletion=KEY_IDS)
    ],
    *,
    one_line: OneLine = False,
) -> None:
    """Refuse an API key from the next request on."""

    async def work(storage: Storage) -> dict[str, str]:
        keys = {each.key_id: each for each in await storage.api_keys.list()}
        if key_id not in keys:
            raise UnknownName(
                f"There is no API key {printable(key_id)}; `ringmain key list` shows all."
            )
        if not await storage.api_keys.revoke(key_id):
            raise UnknownName(f"API key {key_id} was revoked before.")
        await audited(storage, keys[key_id].organization_uuid, "key revoke", key_id=key_id)
        return {"revoked": key_id}

    show(with_storage(work), one_line=one_line)


@db.command("upgrade", epilog=examples("ringmain db upgrade"))
def db_upgrade(*, one_line: OneLine = False) -> None:
    """Bring the database to the schema of this version; with the embedded one `serve` does it."""
    from csms import keeping  # noqa: PLC0415 - as said above

    show(keeping.upgrade(chosen_settings())._asdict(), one_line=one_line)


@db.command(
    "copy",
    epilog=examples(
        "ringmain db copy --from sqlite:////var/lib/ringmain/ringmain.sqlite3 "
        "--to postgresql://ringmain@db.example/ringmain"
    ),
)
def db_copy(
    origin: Annotated[str, typer.Option("--from", help="sqlite:///PATH or postgresql://…")],
    destination: Annotated[str, typer.Option("--to", help="The same; new, or a part of it.")],
    *,
    one_line: OneLine = False,
) -> None:
    """Copy an installation to another database, of either kind, and compare both."""
    from csms.moving import move  # noqa: PLC0415 - as said above

    show(move(origin, destination, Console(stderr=True)), one_line=one_line)


if __name__ == "__main__":
    main()
