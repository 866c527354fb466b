"""Where chargers send their logs: a URL that works once, for whoever has it (no key is needed)."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import unquote

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from api.errors import BadRequest, NotFound, Taken, TooLarge, TooSlow
from api.routing import Request, route
from api.schemas.common import Done
from storage.files import TooLong, Written
from storage.operation_records import Job
from storage.repositories.jobs import ReceivedFile

TAG = "Uploads"
PATH = "/uploads/{upload}"
_CHUNK = 64 << 10
_SILENCE_SECONDS = 30.0  # between two chunks
_LONGEST_SECONDS = 3600.0  # in all: who drips bytes holds a connection
_BROKEN = (ValueError, AssertionError, HttpProcessingError, web.RequestPayloadError)
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._ -]")


class Ticket(NamedTuple):
    """The secret of a URL, and what is stored of it."""

    secret: str
    digest: bytes


def new_ticket() -> Ticket:
    """Return a new secret of 256 bits."""
    secret = secrets.token_urlsafe(32)
    return Ticket(secret, _digest(secret))


_taking_in = partial(route, tag=TAG, scope=None, answer=Done(), status=201, errors=(408, 409, 413))


@_taking_in("PUT", PATH)
async def put_upload(request: Request) -> Mapping[str, Any]:
    """Take in a file that a charger was asked for: the body, or the first file of a form.

    The URL is told to the charger alone and works once; what breaks off may be sent again.
    """
    return await _take_in(request)


@_taking_in("POST", PATH)
async def post_upload(request: Request) -> Mapping[str, Any]:
    """Take in a file, for chargers that POST it."""
    return await _take_in(request)


@_taking_in("PUT", PATH + "/{upload_name}")
async def put_named_upload(request: Request) -> Mapping[str, Any]:
    """Take in a file, for chargers that put its name behind the URL."""
    return await _take_in(request)


@_taking_in("POST", PATH + "/{upload_name}")
async def post_named_upload(request: Request) -> Mapping[str, Any]:
    """Take in a file, for chargers that POST it with its name behind the URL."""
    return await _take_in(request)


async def _take_in(request: Request) -> Mapping[str, Any]:
    job = await _job(request)
    if job.job_id in request.parts.uploading:
        raise Taken("This file is being sent already.")
    request.parts.uploading.add(job.job_id)
    try:
        await _receive(request, job)
    finally:
        request.parts.uploading.discard(job.job_id)
    return {"message": "File received successfully"}


async def _job(request: Request) -> Job:
    jobs = request.parts.storage.jobs
    found = await jobs.of_upload(_digest(request.path["upload"]))
    now = request.parts.clock.now()
    if found is None or found.uploaded_at or (found.expires_at and found.expires_at <= now):
        raise NotFound
    return found


async def _receive(request: Request, job: Job) -> None:
    storage, http = request.parts.storage, request.http
    name, chunks = await _file(http)
    written = await _written(storage.files.write(job.job_id, chunks))
    received = ReceivedFile(
        _harmless(name or request.path.get("upload_name")), written.size, written.sha256
    )
    # In this order: a kill in between leaves a file that may be sent again.
    await asyncio.to_thread(storage.files.keep, job.job_id, written)
    if not await storage.jobs.note_uploaded(job.job_id, received, request.parts.clock.now()):
        storage.files.remove(job.job_id)  # the job is gone
        raise NotFound


async def _written(writing: Any) -> Written:
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            written: Written = await writing
    except TooLong:
        raise TooLarge("The file is too long.") from None
    except TimeoutError:
        raise TooSlow from None
    except (*_BROKEN, ConnectionError):
        raise BadRequest("The file did not come to its end.") from None
    return written


async def _file(http: web.Request) -> tuple[str | None, AsyncIterator[bytes]]:
    if not http.content_type.startswith("multipart/"):
        return None, _chunks(lambda: http.content.read(_CHUNK))
    try:
        reader = await http.multipart()
        async with asyncio.timeout(_SILENCE_SECONDS):
            while part := await reader.next():
                if not isinstance(part, BodyPartReader):
                    break  # a form in a form: the library reads each level within the other
                if part.filename is not None:
                    return part.filename, _whole(part)
    except TimeoutError:
        raise TooSlow from None
    except _BROKEN:
        pass
    raise BadRequest("The form has no file.")


async def _chunks(read: Any) -> AsyncIterator[bytes]:
    while True:
        async with asyncio.timeout(_SILENCE_SECONDS):
            chunk: bytes = await read()
        if not chunk:
            return
        yield chunk


async def _whole(part: BodyPartReader) -> AsyncIterator[bytes]:
    async for chunk in _chunks(lambda: part.read_chunk(_CHUNK)):
        yield chunk
    if not part.at_eof():  # no boundary: the form was cut off, if it has the length it tells or not
        raise ValueError


def _harmless(name: str | None) -> str:
    """Return what a charger calls a file, as far as it can be in a header and on a disk."""
    return (
        _NOT_IN_A_NAME.sub("_", unquote(name or "").rpartition("/")[2])[-100:].lstrip(". ") or "log"
    )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
