"""
Make the object of a batch: one line for each message, compressed, and the same bytes each time.

Nothing of it depends on when it is made: a page at a time is read and compressed, the header of
gzip has no time, and a message that cannot be rendered is written in another way for good.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterable, Callable, Sequence
from typing import NamedTuple, TypeAlias

import orjson
import structlog

from storage.clock import timestamp
from storage.records import Message

log = structlog.get_logger("ringmain.export")

# A message as one line, without its line feed.
Line: TypeAlias = Callable[[Message], bytes]

GZIP = 31  # window bits: with the header of gzip, whose time is 0
_LEVEL = 6
# What takes longer than anybody should wait is done in another thread: a page is that long only
# where one message is.
_LONG = 1 << 20


class Body(NamedTuple):
    """An object, and how many messages it holds; of none there is no object."""

    octets: bytes
    records: int


async def body_of(pages: AsyncIterable[Sequence[Message]], line: Line) -> Body:
    """Return the object that holds some messages."""
    packer, packed, records = zlib.compressobj(_LEVEL, wbits=GZIP), list[bytes](), 0
    async for page in pages:
        records += len(page)
        if sum(len(message.frame) for message in page) < _LONG:
            packed.append(packer.compress(_lines(page, line)))
        else:
            packed.append(await asyncio.to_thread(lambda: packer.compress(_lines(page, line))))  # noqa: B023 - it has ended before the next page comes
    packed.append(packer.flush())
    return Body(b"".join(packed) if records else b"", records)


def packed(text: str) -> bytes:
    """Return a text as a gzip file, the same each time."""
    packer = zlib.compressobj(_LEVEL, wbits=GZIP)
    return packer.compress(text.encode()) + packer.flush()


def _lines(page: Sequence[Message], line: Line) -> bytes:
    return b"".join([_line(message, line) + b"\n" for message in page])


def _line(message: Message, line: Line) -> bytes:
    """Write a message; one that nobody can write without its content, which may hold a secret."""
    try:
        return line(message)
    except Exception as fault:  # noqa: BLE001 - one message must not keep all behind it
        log.error("record_not_rendered", seq=message.seq, fault=type(fault).__name__)
        return _bare(message)


def _bare(message: Message) -> bytes:
    return orjson.dumps(
        {
            "seq": message.seq,
            "timestamp": timestamp(message.timestamp),
            "organization_uuid": message.key.organization_uuid,
            "charge_box_id": message.key.charge_box_id,
            "direction": message.direction,
            "ocpp_version": message.ocpp_version,
            "message_type": message.message_type,
            "message_id": message.message_id,
            "action": message.action,
            "raw": None,
            "proxy_configuration_id": message.proxy_configuration_id,
        }
    )
