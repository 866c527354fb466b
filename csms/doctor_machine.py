"""What the doctor looks at on the machine: settings, files, ports, limits."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from csms.doctor_findings import Finding, failure, ok, skipped, warning
from csms.doctor_patient import Patient, file_of
from csms.setting_values import Bind
from csms.settings import HINT, VARIABLES
from storage.errors import SealBroken
from storage.key_ring import KeyRing

_LITTLE, _TOO_LITTLE = 1 << 30, 64 << 20  # bytes of free space
# A charger's socket and one to its target, and what there is besides.
_FILES_EACH, _FILES_BESIDE = 2, 256


async def settings(patient: Patient) -> Sequence[Finding]:
    """Tell every setting that is wrong."""
    if faults := patient.looked_at.faults:
        told = [each.removesuffix(f" {HINT}") for each in faults.values()]
        return [failure(each, HINT if each == told[-1] else "") for each in told]
    given = sum(variable.name in os.environ for variable in VARIABLES)
    return [ok(f"{given} of {len(VARIABLES)} are set, the others have their defaults.")]


# ---- the data directory ----


async def data_directory(patient: Patient) -> Sequence[Finding]:
    """Look whether it can be used, by whom, and whether there is room."""
    path = patient.settings.data_dir
    if not path.exists():
        return [_to_be_made(path)]
    if not path.is_dir():
        return [failure(f"{path} is no directory.", "Name another one in RINGMAIN_DATA_DIR.")]
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        told = f"{path} cannot be read and written by this user."
        return [failure(told, f"Run as its owner, or: chown -R $(id -un) {path}")]
    return [_rights(path), _room(path)]


def _to_be_made(path: Path) -> Finding:
    above = next(each for each in path.absolute().parents if each.exists())
    try:  # really: of root and of file systems that take nothing, rights say nothing
        TemporaryDirectory(prefix=".ringmain-", dir=above).cleanup()
    except OSError as fault:
        told = f"{path} cannot be made in {above}: {os.strerror(fault.errno or 0)}."
        return failure(told, "Make it and give it to this user, or set RINGMAIN_DATA_DIR.")
    return ok(f"{path} is not there yet; the first start makes it.")


def _rights(path: Path) -> Finding:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return warning(f"{path} is open to others (mode {mode:o}).", f"chmod 700 {path}")
    return ok(f"{path} is this user's alone.")


def _room(path: Path) -> Finding:
    free = shutil.disk_usage(path).free
    told = f"{free / (1 << 30):.1f} GiB are free at {path}."
    advice = "Make room, or keep messages for fewer days (RINGMAIN_RETENTION_DAYS)."
    if free < _TOO_LITTLE:
        return failure(told, advice)
    return warning(told, advice) if free < _LITTLE else ok(told)


async def key_ring(patient: Patient) -> Sequence[Finding]:
    """Look whether the keys of secrets are there, can be read, and by whom."""
    ring = KeyRing.of(patient.settings.data_dir)
    if not ring.path.exists():
        database = file_of(patient.database_url)
        if database is not None and not database.exists():
            return [ok("There is none yet; the first start makes it.")]
        advice = "Where this installation has worked before, put the one of its backup back."
        return [warning(f"{ring.path} is not there.", advice)]
    mode = ring.path.stat().st_mode & 0o777
    if mode & 0o077:
        told = f"{ring.path} can be read by others (mode {mode:o})."
        advice = f"chmod 600 {ring.path}; whoever may have read it: `ringmain rotate-keys`."
        return [failure(told, advice)]
    if not os.access(ring.path, os.R_OK):
        told = f"{ring.path} cannot be read by this user."
        return [failure(told, "Run as the user of the server (sudo -u).")]
    try:
        keys = await asyncio.to_thread(ring.read)
    except SealBroken as broken:
        return [failure(str(broken), "Put the one of the last backup back.")]
    return [ok(f"{len(keys.by_id)} key(s), for this user alone.")]


# ---- who is running ----


async def server(patient: Patient) -> Sequence[Finding]:
    """Tell whether a server runs with these settings, and what it warns of."""
    if patient.health is None:
        if not patient.held:
            return [ok("No server is running.")]
        told = f"A server uses {patient.settings.data_dir}, and does not answer at this address."
        advice = "It is starting or ending, or was started with another RINGMAIN_HTTP_BIND."
        return [warning(told, advice)]
    if not patient.held:
        told = "A server runs here, but not on this data directory."
        return [warning(told, "Set RINGMAIN_DATA_DIR as it is set for the server.")]
    if patient.ready is None or patient.ready.status != 200:
        told = str(patient.ready.body.get("message")) if patient.ready else "/readyz has no answer."
        return [failure(f"A server is running and not ready: {told}", "See the database below.")]
    return [ok("A server is running, and is ready.")]


async def http_port(patient: Patient) -> Sequence[Finding]:
    """Look whether REST can be listened for."""
    bind = patient.settings.http_bind
    if patient.health is not None:
        return [ok(f"{bind} is served by Ringmain."), *_in_clear(patient)]
    return [await asyncio.to_thread(_port, bind, "RINGMAIN_HTTP_BIND"), *_in_clear(patient)]


def _in_clear(patient: Patient) -> list[Finding]:
    bind = patient.settings.http_bind
    if bind.loopback or patient.settings.trusted_proxies:
        return []
    told = f"{bind} is reachable from other machines and has no TLS: API keys cross in clear."
    advice = "Put a TLS proxy in front and name it in RINGMAIN_TRUSTED_PROXIES, or set "
    return [warning(told, f"{advice}RINGMAIN_HTTP_BIND=127.0.0.1:{bind.port}.")]


async def ocpp_port(patient: Patient) -> Sequence[Finding]:
    """Look whether chargers can be listened for."""
    bind = patient.settings.ocpp_bind
    found = await asyncio.to_thread(_port, bind, "RINGMAIN_OCPP_BIND")
    if found.state == "failure" and patient.health is not None:
        return [ok(f"{bind} is listened at, while Ringmain is running.")]
    if patient.health is not None and bind.port:
        told = f"Nobody listens at {bind}, though a server is running."
        return [warning(told, "It may have another RINGMAIN_OCPP_BIND than this shell.")]
    return [found]


def _port(bind: Bind, variable: str) -> Finding:
    if bind.port == 0:
        return ok("Any free port is taken.")
    family = socket.AF_INET6 if ":" in bind.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind.host, bind.port))
        except OSError as fault:
            told = f"{bind} cannot be listened at: {os.strerror(fault.errno or 0)}."
            advice = _ADVICE.get(fault.errno or 0, "Name another address.")
            return failure(told, advice.format(variable=variable, port=bind.port))
    return ok(f"{bind} is free.")


_ADVICE = {
    errno.EADDRINUSE: "Stop what listens there (`ss -ltnp 'sport = :{port}'`), or set {variable}.",
    errno.EADDRNOTAVAIL: "This machine has no such address: correct {variable}.",
    errno.EACCES: "Ports below 1024 need CAP_NET_BIND_SERVICE: take another one in {variable}.",
}


async def open_files(patient: Patient) -> Sequence[Finding]:
    """Look whether all enrolled chargers can be connected at once."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return [skipped("This system has no such limit.")]
    if patient.storage is None:
        return [skipped(f"Chargers cannot be counted: {patient.closed}.")]
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    chargers = sum((await patient.storage.chargers.profiles()).values())
    needed = chargers * _FILES_EACH + _FILES_BESIDE
    if most < needed and most != resource.RLIM_INFINITY:
        told = f"{most} open files are allowed here, {chargers} chargers may need {needed}."
        return [warning(told, f"ulimit -n {needed}; for systemd: LimitNOFILE={needed}.")]
    return [ok(f"{most} are allowed here, {chargers} chargers may need {needed}.")]


async def authority_command(patient: Patient) -> Sequence[Finding]:
    """Look whether the command that signs is there; it is not run."""
    command = patient.settings.ca_command
    if not command:
        return []
    if shutil.which(command[0]) is None:
        told = f"RINGMAIN_CA_COMMAND: {command[0]} is not there, or cannot be executed."
        return [failure(told, "Give its whole path, and the right to execute it (chmod +x).")]
    return [ok("RINGMAIN_CA_COMMAND is there and can be executed.")]
