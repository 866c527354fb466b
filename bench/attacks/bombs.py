"""Send what is small and would become large, to both listeners."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import repeat

import aiohttp
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from bench.attacks.results import Result
from bench.attacks.stage import ATTACKER, GROWTH_MIB, growth, link, stage
from bench.faults.ground import Ground
from bench.faults.stand import Stand

NAME, TIMES = "CP-1", 50
MIB = 1 << 20
LARGE = 256 * MIB
RAW, ZLIB, GZIP = -15, 15, 31  # what zlib calls wbits


def _call(payload: bytes) -> bytes:
    return b'[2,"1","DataTransfer",{"vendorId":"a","data":%s}]' % payload


@cache
def _zipped(wbits: int) -> bytes:
    squeeze = zlib.compressobj(9, wbits=wbits)
    whole = b"".join(squeeze.compress(b" " * MIB) for _ in range(LARGE // MIB))
    return whole + squeeze.flush()


def _text(text: bytes) -> list[bytes]:
    return [Frame(Opcode.TEXT, text).serialize(mask=True)]


def _compressed(data: bytes) -> list[bytes]:
    frame = bytearray(Frame(Opcode.TEXT, data).serialize(mask=True))
    frame[0] |= 0x40  # what permessage-deflate sets
    return [bytes(frame)]


def _fragments() -> Iterator[bytes]:
    part = b"x" * 65_536
    yield Frame(Opcode.TEXT, part, fin=False).serialize(mask=True)
    yield from repeat(Frame(Opcode.CONT, part, fin=False).serialize(mask=True), 256)


DEEP, NUMBER = b"[" * 500_000, b"9" * 1_000_000
MANY, NAMES = b"[" + b"0," * 500_000 + b"0]", b"{" + b'"":0,' * 150_000 + b'"":0}'
# What goes over a charger's link, as the bytes of frames.
FRAMES: dict[str, Callable[[], Iterator[bytes] | list[bytes]]] = {
    "500,000 deep": lambda: _text(_call(DEEP)),
    "1,000,000 digits": lambda: _text(_call(NUMBER)),
    "500,000 values": lambda: _text(_call(MANY)),
    "150,000 names": lambda: _text(_call(NAMES)),
    "a frame of 2 GiB": lambda: [b"\x81\xff" + (1 << 31).to_bytes(8) + bytes(4 + MIB)],
    "16 MiB in fragments": _fragments,
    "256 MiB compressed": lambda: _compressed(_zipped(RAW)),
}  # fmt: skip


async def attack(ground: Ground) -> list[Result]:
    """Try every bomb at either listener."""
    async with stage(ground) as stand:
        await stand.enrol({NAME: "1.6"}, None)
        return [await _at_chargers(stand), await _at_rest(stand)]


# ---- over a charger's link ----


async def _at_chargers(stand: Stand) -> Result:
    result = Result("bombs, OCPP")
    async with link(stand, NAME, compression="deflate") as connection:
        assert connection.response is not None
        chosen = connection.response.headers.get("Sec-WebSocket-Extensions")
    result.must(chosen is None, f"permessage-deflate: {chosen or 'not taken'}", "not taken")
    for name, bomb in FRAMES.items():
        told = Counter[str]()
        async with growth(stand) as grown:
            for _ in range(TIMES):
                await _throw(stand, bomb(), told)
        answers = ", ".join(f"{what} {count}" for what, count in told.most_common())
        result.must(
            grown.mib < GROWTH_MIB, f"{name}: {answers}; {grown.mib:+.0f} MiB", "below +50 MiB"
        )
    result.must(stand.server.alive, "the server lives", "it does")
    return result


async def _throw(stand: Stand, frames: Iterator[bytes] | list[bytes], told: Counter[str]) -> None:
    """Send frames on a link of their own and wait for what is said of them."""
    async with link(stand, NAME, ATTACKER) as connection:
        try:
            async with asyncio.timeout(10):
                for frame in frames:
                    if connection.transport.is_closing() or connection.protocol.eof_sent:
                        break
                    connection.transport.write(frame)
                    await _drained(connection)
                answer = await connection.recv()
        except ConnectionClosed:
            told[f"close {connection.close_code}"] += 1
        except TimeoutError:
            told["nothing"] += 1
        else:
            told[str(answer).split(",")[2 if str(answer).startswith("[4") else 0]] += 1


async def _drained(connection: ClientConnection) -> None:
    while connection.transport.get_write_buffer_size() > MIB:
        await asyncio.sleep(0)
        if connection.transport.is_closing():
            return


# ---- in a request's body ----


def _json(value: bytes) -> tuple[bytes, dict[str, str]]:
    return b'{"charge_box_id":%s}' % value, {}


BODIES: dict[str, Callable[[], tuple[bytes, dict[str, str]]]] = {
    "500,000 deep": lambda: _json(DEEP),
    "1,000,000 digits": lambda: _json(NUMBER),
    "500,000 values": lambda: _json(MANY),
    "150,000 names": lambda: _json(NAMES),
    "2 MiB": lambda: _json(b'"' + b"x" * 2 * MIB + b'"'),
    "256 MiB as gzip": lambda: (_zipped(GZIP), {"Content-Encoding": "gzip"}),
    "256 MiB as deflate": lambda: (_zipped(ZLIB), {"Content-Encoding": "deflate"}),
    "256 MiB as gzip of gzip": lambda: (
        gzip.compress(_zipped(GZIP)),
        {"Content-Encoding": "gzip, gzip"},
    ),
}


async def _at_rest(stand: Stand) -> Result:
    result = Result("bombs, REST")
    url = f"http://{stand.server.http}{stand.api}/chargers"
    for name, bomb in BODIES.items():
        body, headers = bomb()
        told = Counter[int]()
        async with growth(stand) as grown:
            for _ in range(TIMES):
                with contextlib.suppress(aiohttp.ClientError):
                    async with stand.session.post(
                        url, data=body, headers={"Content-Type": "application/json", **headers}
                    ) as answer:
                        told[answer.status] += 1
        answers = ", ".join(f"{status} {count}" for status, count in told.most_common())
        figure = f"{name}: {answers or 'cut off'}; {grown.mib:+.0f} MiB"
        fine = grown.mib < GROWTH_MIB and not [status for status in told if status >= 500]
        result.must(fine, figure, "below +50 MiB, no 5xx")
    result.must(stand.server.alive, "the server lives", "it does")
    return result
