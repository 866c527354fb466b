"""Firmware and logs: asked of a charger, followed by what it tells, kept where it sends them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
from aiohttp import web

from api.chargers import stored_charger
from api.command_records import before_of, end_overdue, page_of
from api.commands import Asker, performed
from api.errors import Invalid, NotFound, Offline
from api.outcomes import answered
from api.routing import Request, route
from api.schemas.common import Done, PageQuery
from api.schemas.jobs import FirmwareRequest, JobAnswer, Jobs, LogRequest, OneJob
from api.stations import STATION
from api.uploads import Ticket, new_ticket
from csms.commands import Ask
from csms.errors import InvalidCommand
from csms.jobs import FIRMWARE, LOG, Firmware, Log, Retries, firmware_request, log_request
from csms.numbers import OF_THE_PLATFORM, draw
from csms.readings import mapping, word
from storage.operation_records import Job
from storage.records import Charger

TAG = "Firmware and logs"
FAILURES = (409, 422, 502, 504)
ALL = STATION + "/jobs"
ONE = ALL + "/{jobId}"
_UPLOAD_LASTS = timedelta(hours=24)
_MOST_STATUSES = 100
_OURS = "(a URL of ours that works once)"
# The only requests of these that have no number.
_UNNUMBERED = {("1.6", "GetDiagnostics"), ("1.6", "UpdateFirmware")}


@route(
    "POST",
    STATION + "/firmware",
    tag=TAG,
    scope="operate",
    body=FirmwareRequest(),
    answer=JobAnswer(),
    errors=FAILURES,
)
async def update_firmware(request: Request) -> Mapping[str, Any]:
    """Have a charger fetch and install firmware; with a signature it checks it first."""
    charger, body = await stored_charger(request), request.body
    firmware = Firmware(
        location=body["location"],
        retrieve_at=body["retrieve_at"] or request.parts.clock.now(),
        install_at=body["install_at"],
        signature=body["signature"],
        certificate=body["signing_certificate"],
        retries=Retries(body["retries"], body["retry_interval"]),
    )
    version = _version(request, charger)
    try:
        command = firmware_request(version, firmware)
    except InvalidCommand as wrong:
        raise Invalid(wrong.fields, str(wrong)) from None
    return await _begin(request, charger, command, _job(request, charger, FIRMWARE), body)


@route(
    "POST",
    STATION + "/logs",
    tag=TAG,
    scope="operate",
    body=LogRequest(),
    answer=JobAnswer(),
    errors=FAILURES,
)
async def fetch_log(request: Request) -> Mapping[str, Any]:
    """Have a charger send a log, to us unless told otherwise; then `GET .../jobs/{jobId}/file`.

    On OCPP 1.6 the log of diagnostics is asked for by GetDiagnostics, that of security by GetLog.
    """
    charger, body = await stored_charger(request), request.body
    ticket = None if body["location"] else new_ticket()
    log = Log(
        type=body["type"],
        location=body["location"] or _upload_url(request, ticket),
        since=body["since"],
        until=body["until"],
        retries=Retries(body["retries"], body["retry_interval"]),
    )
    command = log_request(_version(request, charger), log)
    return await _begin(request, charger, command, _job(request, charger, LOG, ticket), body)


@route("GET", ALL, tag=TAG, scope="read", query=PageQuery(), answer=Jobs())
async def list_jobs(request: Request) -> Mapping[str, Any]:
    """List a station's firmware updates and logs, newest first."""
    charger, limit = await stored_charger(request), request.query["limit"]
    jobs = request.parts.storage.jobs
    found = await jobs.page(charger.key, before_of(request), limit + 1)
    items, next_cursor = page_of(found, limit, lambda one: one.job_id)
    return {"jobs": [await _shown(request, one) for one in items], "next_cursor": next_cursor}


@route("GET", ONE, tag=TAG, scope="read", answer=OneJob())
async def get_job(request: Request) -> Mapping[str, Any]:
    """Show how a firmware update or a log gets on."""
    return {"job": await _shown(request, await _stored(request))}


@route("GET", ONE + "/file", tag=TAG, scope="read", answer=None)
async def get_job_file(request: Request) -> Mapping[str, Any] | web.StreamResponse:
    """Fetch the file that a charger has sent."""
    job = await _stored(request)
    path = request.parts.storage.files.path(job.job_id)
    if job.uploaded_at is None or not path.is_file():
        raise NotFound("The charger has sent no file.")
    return web.FileResponse(
        path,
        headers={
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{job.file_name}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Server": "Ringmain",
        },
    )


@route("DELETE", ONE, tag=TAG, scope="operate", answer=Done())
async def delete_job(request: Request) -> Mapping[str, Any]:
    """Forget a job and its file; what the charger does it goes on doing."""
    job = await _stored(request)
    await request.parts.storage.jobs.delete(job.key, job.job_id)
    request.parts.storage.files.remove(job.job_id)
    return {"message": "Job deleted successfully"}


async def _begin(
    request: Request, charger: Charger, command: Ask, job: Job, body: Mapping[str, Any]
) -> Mapping[str, Any]:
    if (_version(request, charger), command.action) not in _UNNUMBERED:
        command = Ask(command.action, {"requestId": draw(OF_THE_PLATFORM), **command.fields})
    asked = command.fields if body["location"] else _without_url(command.fields)
    await request.parts.storage.jobs.add(job)  # the file may come before the answer
    asker = Asker(request.parts, request.caller.id, command_id=job.job_id)
    outcome = await performed(asker, charger.key, command, asked)
    # 1.6 has no word for it: an answer is a yes, of GetDiagnostics one with the name of a file.
    named = "fileName" in outcome.response or command.action != "GetDiagnostics"
    status = outcome.status or ("Accepted" if named else "Rejected")
    return {**answered(outcome), "response": status, "job_id": job.job_id}


def _job(request: Request, charger: Charger, kind: Any, ticket: Ticket | None = None) -> Job:
    now = request.parts.clock.now()
    return Job(
        job_id=request.record_id(),
        key=charger.key,
        kind=kind,
        upload_digest=ticket.digest if ticket else None,
        created_at=now,
        expires_at=now + _UPLOAD_LASTS if ticket else None,
    )


def _upload_url(request: Request, ticket: Ticket | None) -> str:
    assert ticket is not None  # noqa: S101 - made where there is no location
    base = request.parts.public_http_url
    if not base:
        # Where this request came in; what its Host header says is for no charger to follow.
        assert request.http.transport is not None  # noqa: S101 - it waits for our answer
        host, port = request.http.transport.get_extra_info("sockname")[:2]
        base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return f"{base}/uploads/{ticket.secret}"


def _version(request: Request, charger: Charger) -> str:
    connection = request.parts.registry.find(charger.key)
    if connection is None:
        raise Offline(last_seen=charger.last_seen, last_disconnect=charger.last_disconnect)
    return connection.station.version


def _without_url(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    if "location" in fields:
        return {**fields, "location": _OURS}
    return {**fields, "log": {**fields["log"], "remoteLocation": _OURS}}


async def _stored(request: Request) -> Job:
    found = await request.parts.storage.jobs.get(request.charger_key, request.path["jobId"])
    if found is None:
        raise NotFound
    return found


async def _shown(request: Request, job: Job) -> Mapping[str, Any]:
    commands = request.parts.storage.commands
    command = await commands.get(job.key, job.job_id)
    if command is not None and await end_overdue(request.parts, [command]):
        command = await commands.get(job.key, job.job_id)
    parts = await commands.parts(job.job_id, 0, _MOST_STATUSES)
    told = [(mapping(orjson.loads(part.payload)), part.received_at) for part in parts]
    if job.kind == LOG and job.uploaded_at is None:
        # It may have come since: who is told of the end is told of the file.
        job = await request.parts.storage.jobs.get(job.key, job.job_id) or job
    return {
        "job_id": job.job_id,
        "kind": job.kind,
        "created_at": job.created_at,
        "state": command.state if command else "sent",
        "statuses": [{"status": word(one.get("status")) or "", "at": at} for one, at in told],
        "file": job if job.uploaded_at else None,
    }
