"""Jobs that take a while: logs sent, firmware fetched and installed, each step told to the CSMS.

1.6 §5.9, §5.19 and the security whitepaper, 2.0.1 N01, L01-L03. Where a version differs, its
answers say how.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from simulators import files
from simulators.conversation import tell
from simulators.files import TransferFailed
from simulators.restarts import restart
from simulators.watched import Fields, timestamp

if TYPE_CHECKING:
    from simulators.charger import Charger

T = TypeVar("T")

_MOST_RETRIES = 5
_IDLE: Fields = {"status": "Idle"}
_LOG_LINES = 200


class Jobs:
    """Know the job that each kind of message tells of, and what was told last."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._told: dict[str, Fields] = {}

    def begin(
        self, charger: Charger, action: str, job: Coroutine[object, object, object]
    ) -> Fields | None:
        """Do a job in place of one that is not done; return what that one told last."""
        under_way = self.under_way(action)
        if under_way:
            self._tasks[action].cancel()
        last = self._told.pop(action, {})
        task = charger.meanwhile(job)
        if task is not None:
            self._tasks[action] = task
        return last if under_way else None

    def current(self, action: str) -> Fields:
        """Return what there is to tell now (2.0.1 F06, 1.6 §5.17)."""
        return self._told.get(action, _IDLE) if self.under_way(action) else _IDLE

    def under_way(self, action: str) -> bool:
        """Tell whether such a job is not done."""
        return action in self._tasks and not self._tasks[action].done()

    async def tell(self, charger: Charger, action: str, fields: Fields) -> None:
        """Tell a step, now or as soon as the CSMS can be reached; then let one pass."""
        self._told[action] = fields
        await tell(charger, action, fields)
        await charger.pause(charger.habits.job_step_s)


@dataclass(frozen=True, slots=True)
class Order:
    """Where a job's file is, and how its steps are told; ``request`` is in each of them."""

    action: str
    url: str
    request: Fields = field(default_factory=dict)
    retries: int = 0

    async def say(self, charger: Charger, status: str, **more: object) -> None:
        """Tell one step."""
        told = {"status": status, **more, **self.request}
        await charger.jobs.tell(charger, self.action, told)

    async def attempt(self, charger: Charger, once: Callable[[], Awaitable[T]]) -> T:
        """Try as often as the CSMS wants; raise TransferFailed after the last time."""
        for _ in range(min(self.retries, _MOST_RETRIES)):
            try:
                return await once()
            except TransferFailed:
                await charger.pause(charger.habits.job_step_s)
        return await once()


def order(action: str, fields: Fields, url: str) -> Order:
    """Read what both versions say alike of a job; raise TypeError or ValueError."""
    request = {"requestId": fields["requestId"]} if "requestId" in fields else {}
    return Order(action, str(url), request, max(0, int(fields.get("retries", 0))))


# ---- logs ----


def log_name(charger: Charger) -> str:
    """Name the file that an upload leaves."""
    return f"{charger.identity.serial_number}.log"


def log_text(charger: Charger) -> str:
    """Write down what happened lately, without what was said: that has secrets in it."""
    latest = list(charger.events)[-_LOG_LINES:]
    return "".join(f"{timestamp(one.at)} {one.kind} {one.action}\n" for one in latest)


async def send_log(charger: Charger, job: Order, failed: str) -> None:
    """Upload the log; ``failed`` is the version's word for that it could not."""
    await job.say(charger, "Uploading")
    name, body = log_name(charger), log_text(charger).encode()
    try:
        await job.attempt(charger, lambda: files.upload(job.url, name, body, charger.ssl))
    except TransferFailed:
        await job.say(charger, failed)
    else:
        await job.say(charger, "Uploaded")


# ---- firmware ----


async def install(charger: Charger, job: Order, *, signed: bool = False) -> None:
    """Fetch firmware, install it when nobody charges, restart, and run it from then on."""
    if await _fetched(charger, job) is None:
        return
    if signed:  # the signature is not looked at
        await job.say(charger, "SignatureVerified")
    await charger.until(lambda own: not own.hardware.transactions, timeout=None)
    await job.say(charger, "Installing")
    version = newer(charger.identity.firmware_version)
    charger.identity = replace(charger.identity, firmware_version=version)
    await restart(charger, "SoftReset", "FirmwareUpdate")
    await job.say(charger, "Installed")


async def publish(charger: Charger, job: Order, checksum: str) -> None:
    """Fetch firmware for others and offer it under an address of our own (2.0.1 L03)."""
    fetched = await _fetched(charger, job)
    if fetched is None:
        return
    if hashlib.md5(fetched, usedforsecurity=False).hexdigest() != checksum.lower():
        await job.say(charger, "InvalidChecksum")
        return
    await job.say(charger, "ChecksumVerified")
    shelf = charger.shelves["firmware"]
    shelf[max(shelf, default=0) + 1] = {"checksum": checksum}
    place = f"http://{charger.identity.serial_number}.local/firmware"
    await job.say(charger, "Published", location=[place])


async def _fetched(charger: Charger, job: Order) -> bytes | None:
    await job.say(charger, "Downloading")
    try:
        found = await job.attempt(charger, lambda: files.download(job.url, charger.ssl))
    except TransferFailed:
        await job.say(charger, "DownloadFailed")
        return None
    await job.say(charger, "Downloaded")
    return found


def newer(version: str) -> str:
    """Count the last number of a version up."""
    head, _, last = version.rpartition(".")
    return f"{head}.{int(last) + 1}" if last.isdigit() and head else f"{version}.1"
