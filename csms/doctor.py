"""
`ringmain doctor`: look at everything that an installation needs, and say what to do.

It works while the server runs and while it does not, makes nothing that stays and changes
nothing but the probe of the database. Each check is a function of what is looked at; the table
says which settings it goes by, and where one of those is wrong it is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from rich.console import Console

from csms.doctor_findings import Finding, Found, failure, sentence, skipped, sum_of, tell
from csms.errors import RingmainError
from csms.examples import examples
from csms.playing import run
from csms.terminal import OneLine, show, until_closed
from storage.clock import SystemClock
from storage.errors import StorageError

if TYPE_CHECKING:
    from csms.doctor_patient import Patient

_SECONDS = 60.0

Look: TypeAlias = "Callable[[Patient], Awaitable[Sequence[Finding]]]"


@dataclass(frozen=True, slots=True)
class Check:
    """What is looked at, how, and which settings it goes by."""

    name: str
    look: Look
    goes_by: tuple[str, ...] = ()


_DATA = ("RINGMAIN_DATA_DIR",)
_DATABASE = (*_DATA, "RINGMAIN_DATABASE_URL")
_TLS = ("RINGMAIN_TLS_CERT", "RINGMAIN_TLS_KEY", "RINGMAIN_TLS_CLIENT_CA", "RINGMAIN_TLS_PRESET")


def _checks() -> tuple[Check, ...]:
    """Return all checks in their order; clocks are compared when all others have been heard."""
    from csms import (  # noqa: PLC0415 - half of the server: help and completion do not wait
        doctor_database,
        doctor_machine,
        doctor_network,
        doctor_tls,
        doctor_wiring,
    )

    return (
        Check("settings", doctor_machine.settings),
        Check("data directory", doctor_machine.data_directory, _DATA),
        Check("key ring", doctor_machine.key_ring, _DATABASE),
        Check("server", doctor_machine.server, (*_DATA, "RINGMAIN_HTTP_BIND")),
        Check("database", doctor_database.database, _DATABASE),
        Check("PostgreSQL", doctor_database.postgresql, _DATABASE),
        Check("HTTP port", doctor_machine.http_port, ("RINGMAIN_HTTP_BIND",)),
        Check("OCPP port", doctor_machine.ocpp_port, ("RINGMAIN_OCPP_BIND",)),
        Check("certificates", doctor_tls.certificates, (*_TLS, "RINGMAIN_PUBLIC_OCPP_URL")),
        Check("profiles", doctor_database.security_profiles, _TLS),
        Check("open files", doctor_machine.open_files, _DATABASE),
        Check("CA command", doctor_machine.authority_command, ("RINGMAIN_CA_COMMAND",)),
        Check("addresses", doctor_network.urls),
        Check("targets", _with(doctor_wiring.knocking, doctor_network.targets), _DATABASE),
        Check("connectors", _with(doctor_wiring.sink_opening, doctor_network.sinks), _DATABASE),
        Check("clock", doctor_network.clock, ("RINGMAIN_KRATOS_URL",)),
    )


def _with(made: Callable[..., object], look: Callable[..., Awaitable[Sequence[Finding]]]) -> Look:
    """Return a check that is given what the settings make."""
    return lambda patient: look(patient, made(patient.settings))


def doctor(
    *,
    network: Annotated[
        bool, typer.Option("--network/--no-network", help="Also look at targets and addresses.")
    ] = True,
    probe_sinks: Annotated[
        bool, typer.Option("--probe-sinks", help="Write and delete an object by each connector.")
    ] = False,
    one_line: OneLine = False,
) -> None:
    """Look at settings, database, ports, certificates, clock and targets; say what to do."""
    with until_closed():
        found = run(_examine(network=network, probe_sinks=probe_sinks, quiet=one_line))
        failed = any(each.finding.state == "failure" for each in found)
        if one_line:
            show({"well": not failed, "checks": [each.data() for each in found]}, one_line=True)
        else:
            Console(highlight=False).print(sum_of(found))
    raise typer.Exit(int(failed))


doctor_epilog = examples(
    "ringmain doctor",
    "ringmain doctor --no-network --json",
    "ringmain doctor --probe-sinks",
)


async def _examine(*, network: bool, probe_sinks: bool, quiet: bool) -> list[Found]:
    from csms.doctor_patient import admitted  # noqa: PLC0415 - as above

    console, found = Console(highlight=False, quiet=quiet), list[Found]()
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, SystemClock(), network=network, probe_sinks=probe_sinks)
        async for each in examined(patient, _checks()):
            found.append(each)
            tell(each, console)
    return found


async def examined(patient: Patient, checks: Sequence[Check]) -> AsyncIterator[Found]:
    """Yield what each check finds, in their order."""
    for check in checks:
        for finding in await _looked(patient, check):
            yield Found(check.name, finding)


async def _looked(patient: Patient, check: Check) -> Sequence[Finding]:
    wrong = [name for name in check.goes_by if name in patient.looked_at.faults]
    if wrong:
        return [skipped(f"Not looked at: {wrong[0]} is wrong.")]
    try:
        async with asyncio.timeout(_SECONDS):
            return await check.look(patient)
    except TimeoutError:
        return [failure(f"It took more than {_SECONDS:g} s.", "See whether the machine is busy.")]
    except (StorageError, RingmainError, OSError) as fault:
        return [failure(sentence(fault), "Run as the user of the server, or set this right.")]
