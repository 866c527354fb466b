"""An object is the same bytes each time, whatever is in it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from gzip import decompress

from storage.packing import body_of, packed
from storage.records import Message
from tests.storage.doubles import ALICE, NOON


def message(seq: int, frame: bytes = b"[2]") -> Message:
    return Message(
        seq=seq,
        timestamp=NOON,
        key=ALICE,
        direction="charger_to_platform",
        ocpp_version="1.6",
        message_type="Call",
        message_id="1",
        action="Heartbeat",
        frame=frame,
    )


async def pages(*given: Sequence[Message]) -> AsyncIterator[Sequence[Message]]:
    for page in given:
        yield page


def line(message: Message) -> bytes:
    if message.frame == b"poison":
        raise RecursionError(message.frame)
    return message.frame


async def test_each_message_is_a_line_in_order_and_the_bytes_are_always_the_same() -> None:
    large = bytes(range(32, 127)) * 20_000  # done in another thread
    told = [[message(1), message(2)], [message(3, large)], [message(4, b"last")]]

    body = await body_of(pages(*told), line)
    again = await body_of(pages(*told), line)

    assert body == again
    assert decompress(body.octets).split(b"\n") == [b"[2]", b"[2]", large, b"last", b""]
    assert body.records == 4
    assert body.octets[4:8] == bytes(4)  # no time


async def test_what_cannot_be_written_is_there_without_its_content() -> None:
    body = await body_of(pages([message(1), message(2, b"poison"), message(3)]), line)

    first, second, third = decompress(body.octets).splitlines()
    assert (first, third) == (b"[2]", b"[2]")
    assert list(json.loads(second).items()) == [
        ("seq", 2),
        ("timestamp", "2026-03-01T12:00:00.000Z"),
        ("organization_uuid", ALICE.organization_uuid),
        ("charge_box_id", "CP-ALICE"),
        ("direction", "charger_to_platform"),
        ("ocpp_version", "1.6"),
        ("message_type", "Call"),
        ("message_id", "1"),
        ("action", "Heartbeat"),
        ("raw", None),
        ("proxy_configuration_id", None),
    ]


async def test_of_no_messages_there_is_no_object() -> None:
    assert await body_of(pages(), line) == (b"", 0)
    assert decompress(packed("probe")) == b"probe"
