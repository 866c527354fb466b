"""Faults of chargers: two with one name, deaf ones, confused ones, and lines that break."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any

import orjson

from bench.faults import books
from bench.faults.ground import Ground
from bench.faults.stand import TOKEN, VERSIONS, Rig, Stand, percentile, standing, wait_until
from bench.faults.verdicts import Line
from bench.faults.wire import ByteWire, Session, Wire, handshake, masked
from csms.frames import Call, Reply, Send
from simulators.faults import FaultProxy
from simulators.sockets import HandshakeRefused, dial
from simulators.target import Target

REACHABLE_S = 1.0
FLAPS = 100
MOST_SWITCHES = 6


async def _start(stand: Stand, name: str) -> tuple[int, Any, float]:
    """Let a charger start a transaction, by REST; return status, body and s."""
    began = time.monotonic()
    path = f"/api/chargingStations/{name}/evses/1/transactions"
    status, body = await stand.ask("POST", path, {"idToken": TOKEN, "idTokenType": "RFID"})
    return status, body, time.monotonic() - began


async def _command(stand: Stand, name: str) -> tuple[int, Any, float]:
    """Ask a charger for what disturbs nobody; return status, body and s."""
    began = time.monotonic()
    status, body = await stand.ask("POST", f"/api/chargingStations/{name}/commands/ClearCache", {})
    return status, body, time.monotonic() - began


# ---- F-14 ----


async def doubled(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Leave chargers' old sockets half-open, clone chargers, let some flap 100 times a minute."""
    async with standing(ground, seed) as stand:
        target = await stand.target()
        port = int(stand.server.ocpp.rpartition(":")[2])
        async with FaultProxy.to("127.0.0.1", port) as door:
            rigs = await _behind(stand, door, target, max(4, round(20 * scale)))
            await stand.ready(rigs)
            reached = await _after_half_open(stand, door, rigs)
            disturbed = await _strangers(rigs)
            async with stand.driven(rigs):
                switches = await _clones(stand, rigs[:2])
                await _flaps(rigs[2:6], FLAPS if scale >= 1 else 10)
                back = await wait_until(lambda: all(rig.connected for rig in rigs), 10)
            said = await stand.wind_up()
            delivered = await stand.delivered()
            lines = [stand.line("F-14", version) for version in VERSIONS]
    for line in lines:
        line.recovery_s = max(reached, default=99.0)
        line.must(len(reached) == len(rigs), "not all were reached after half-open")
        line.goal(line.recovery_s <= REACHABLE_S, "reachable within 1 s")
        line.must(not disturbed, "a stranger disturbed a charger")
        line.must(back and said and delivered, "not all came back and was delivered")
        line.goal(switches <= MOST_SWITCHES, f"clones took over {switches} times in 3 s")
        line.notes.append(f"{FLAPS} flaps, {switches} takeovers of clones")
    return lines


async def _behind(stand: Stand, door: FaultProxy, target: Target, count: int) -> list[Rig]:
    names = {f"CP-{n:03d}": VERSIONS[n % 2] for n in range(count)}
    await stand.enrol(names, target.url)
    base = f"ws://127.0.0.1:{door.port}/{stand.organization_uuid}/ocpp_proxy"
    rigs = [
        await stand.charger(name, version, url=base, back_off=(0.02, 0.3))
        for name, version in names.items()
    ]
    await asyncio.gather(*(rig.wait_connected(30) for rig in rigs))
    return rigs


async def _after_half_open(stand: Stand, door: FaultProxy, rigs: Sequence[Rig]) -> list[float]:
    """Return how long after its new connection each charger could be told to start."""
    door.blackhole = True
    door.blackhole = False

    async def again(rig: Rig) -> float | None:
        await rig.drop()
        await rig.wait_connected()
        began = time.monotonic()
        status, _, _ = await _start(stand, rig.charge_box_id)
        return time.monotonic() - began if status == 200 else None

    took = await asyncio.gather(*map(again, rigs))
    return [seconds for seconds in took if seconds is not None]


async def _strangers(rigs: Sequence[Rig]) -> bool:
    """Knock with wrong passwords; tell whether anybody lost a link by it."""
    before = [rig.counts["connected"] for rig in rigs]
    for rig in rigs:
        with contextlib.suppress(HandshakeRefused):
            await dial(
                rig.url,
                subprotocols=[rig.voice.subprotocol],
                username=rig.charge_box_id,
                password="not-the-password-of-20",
            )
    return before != [rig.counts["connected"] for rig in rigs]


async def _clones(stand: Stand, rigs: Sequence[Rig]) -> int:
    """Let a second charger with each one's name and password live beside it for 3 s."""
    before = sum(rig.counts["connected"] for rig in rigs)
    async with contextlib.AsyncExitStack() as living:
        for rig in rigs:
            base = stand.url(rig.charge_box_id).rpartition("/")[0]
            clone = Rig(base, rig.charge_box_id, rig.password, rig.version, back_off=(0.1, 1.0))
            clone.answers = []
            await living.enter_async_context(clone.running())
        await asyncio.sleep(3)
    return sum(rig.counts["connected"] for rig in rigs) - before


async def _flaps(rigs: Sequence[Rig], times: int) -> None:
    async def flap(rig: Rig) -> None:
        for _ in range(times):
            with contextlib.suppress(TimeoutError):
                await rig.until(lambda own: own.linked, 1.0)
                await asyncio.sleep(0.02)
                await rig.drop()

    await asyncio.gather(*map(flap, rigs))


# ---- F-16 ----

COMMAND_S = 1.0


class Deaf(Rig):
    """A charger that hears commands and answers none of them until ``hears`` is set."""

    hears: asyncio.Event

    async def _answer(self, call: Call | Send, position: int) -> Reply:
        await self.hears.wait()
        return await super()._answer(call, position)


async def deaf(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Send 1,000 commands to chargers that answer none of them, then let them answer all."""
    each = 10
    async with standing(ground, seed, command_s=COMMAND_S) as stand:
        target = await stand.target()
        others = await stand.fleet(10, target.url, "OTHER")
        dumb = await _deaf_fleet(stand, target, max(4, round(100 * scale)))
        await stand.ready([*others, *dumb])
        async with stand.driven([*others, *dumb]):
            told, near = await asyncio.gather(
                _tell_all(stand, dumb, each), _tell_all(stand, others, each)
            )
            for rig in dumb:
                rig.hears.set()
            began = time.monotonic()
            after = await _tell_all(stand, dumb, 1)
            recovery = time.monotonic() - began
        said = await stand.wind_up()
        delivered = await stand.delivered()
        names = {rig.charge_box_id for rig in dumb}
        late = books.late_answers(stand.ground.books, names, COMMAND_S)
        lines = [stand.line("F-16", version) for version in VERSIONS]
    for line in lines:
        line.recovery_s = recovery
        _judge_silence(line, told, late, COMMAND_S)
        line.must(all(status == 200 for status, _, _ in near), "another charger's command failed")
        worst = max(took for _, _, took in near)
        line.goal(worst < COMMAND_S, f"another charger's command took {worst:.1f} s")
        stuck = sum(status != 200 for status, _, _ in after)
        line.must(not stuck, f"{stuck} stuck afterwards")
        line.must(said and delivered, "not all was delivered")
    return lines


def _judge_silence(
    line: Line, told: Sequence[tuple[int, Any, float]], late: int, deadline: float
) -> None:
    wrong = [status for status, body, _ in told if status != 504 or "command_id" not in body]
    line.must(not wrong, f"{len(wrong)} of {len(told)} not 504 with a command_id: {set(wrong)}")
    slowest = percentile([took for _, _, took in told], 0.99)
    line.goal(slowest < 2 * deadline, f"504 came after {slowest:.1f} s")
    line.must(late == len(told), f"{late} late answers recorded")
    line.notes.append(f"{len(told)} commands, {late} late answers, 504 after p99 {slowest:.2f} s")


async def _deaf_fleet(stand: Stand, target: Target, count: int) -> list[Deaf]:
    names = {f"DEAF-{n:03d}": VERSIONS[n % 2] for n in range(count)}
    await stand.enrol(names, target.url)
    rigs = [await stand.charger(name, version, kind=Deaf) for name, version in names.items()]
    found = [rig for rig in rigs if isinstance(rig, Deaf)]
    for rig in found:
        rig.hears = asyncio.Event()
    await asyncio.gather(*(rig.wait_connected(30) for rig in found))
    return found


async def _tell_all(stand: Stand, rigs: Sequence[Rig], each: int) -> list[tuple[int, Any, float]]:
    """Tell every charger so many times to forget its tokens, one time after the other."""

    async def tell(rig: Rig) -> list[tuple[int, Any, float]]:
        return [await _command(stand, rig.charge_box_id) for _ in range(each)]

    return [one for some in await asyncio.gather(*map(tell, rigs)) for one in some]


# ---- F-17 ----


async def confused(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Answer late, twice, under wrong and others' ids, unasked; call twice under one id."""
    async with standing(ground, seed, command_s=COMMAND_S) as stand:
        target = await stand.target()
        lines = []
        for version in VERSIONS:
            names = {f"W{version}-{n}": version for n in range(2)}
            await stand.enrol(names, target.url)
            one, two = (stand.wire(name, version) for name in names)
            async with one.connected(), two.connected():
                wrong = [
                    *await _late_and_twice(stand, one),
                    *await _wrong_ids(stand, one, two),
                    *await _one_id_twice(one),
                ]
                growth = await _unasked(stand, one, round(10_000 * min(1.0, scale)))
                wrong += [] if await _obeys(stand, one) else ["the next command failed"]
                await stand.delivered()
            line = stand.line("F-17", version)
            line.must(not wrong, "; ".join(wrong))
            line.must(growth < 16, f"grew by {growth:.0f} MiB")
            line.notes.append(f"10,000 unasked answers: {growth:+.1f} MiB")
            lines.append(line)
        return lines


def _reply(id: str, status: str) -> bytes:
    return orjson.dumps([3, id, {"status": status}])


async def _told(stand: Stand, wire: Wire) -> tuple[asyncio.Task[tuple[int, Any, float]], str]:
    """Have a command sent; return what becomes of it, and its message id."""
    waiting = asyncio.create_task(_start(stand, wire.charge_box_id))
    async with asyncio.timeout(5):
        frame = await wire.commands.get()
    return waiting, frame[1]


def _status(answer: tuple[int, Any, float]) -> str:
    status, body, _ = answer
    return body["transactionStartResponse"]["status"] if status == 200 else str(status)


async def _obeys(stand: Stand, wire: Wire) -> bool:
    waiting, id = await _told(stand, wire)
    await wire.send(_reply(id, "Accepted"))
    return _status(await waiting) == "Accepted"


async def _late_and_twice(stand: Stand, wire: Wire) -> list[str]:
    waiting, late = await _told(stand, wire)
    first = _status(await waiting)
    waiting, id = await _told(stand, wire)
    await wire.send(_reply(late, "Rejected"))  # of the one before
    await wire.send(_reply(id, "Accepted"))
    await wire.send(_reply(id, "Rejected"))
    second = _status(await waiting)
    found = [("504", first, "no answer"), ("Accepted", second, "a late answer before it")]
    return [f"{what}: {got}" for wanted, got, what in found if got != wanted]


async def _wrong_ids(stand: Stand, one: Wire, two: Wire) -> list[str]:
    (waiting1, id1), (waiting2, id2) = await _told(stand, one), await _told(stand, two)
    await one.send(_reply(id2, "Rejected"))  # asked of the other charger
    await one.send(_reply("nobody", "Rejected"))
    await two.send(_reply(id2, "Accepted"))
    await one.send(_reply(id1, "Accepted"))
    got = [_status(await waiting1), _status(await waiting2)]
    return [] if got == ["Accepted"] * 2 else [f"foreign ids: {got}"]


async def _one_id_twice(wire: Wire) -> list[str]:
    """Use one id for one start twice, and for another one; then end both transactions."""
    first, second = (Session(wire.version, wire.charge_box_id, n) for n in (1, 2))
    begin, other = first.begin(), second.begin()
    seq = wire.emit(first, begin)
    answers = [await wire.call(*begin, id="one-id") for _ in range(2)]
    wire.oracle.settled(seq, "answered")
    seq = wire.emit(second, other)
    answers.append(await wire.call(*other, id="one-id"))
    wire.oracle.settled(seq, "answered")
    if any(answer[0] != 3 for answer in answers):
        return [f"an id that was used before: {answers}"]
    ids = [answer[2].get("transactionId") for answer in answers]
    first.took(answers[0][2])
    second.took(answers[2][2])
    await wire.event(first, first.end())
    await wire.event(second, second.end())
    same = ids[0] == ids[1] and (wire.version != "1.6" or ids[1] != ids[2])
    return [] if same else [f"ids of starts under one message id: {ids}"]


async def _unasked(stand: Stand, wire: Wire, count: int) -> float:
    """Send answers that nobody asked for; return by how many MiB the server grew."""
    await wire.call("Heartbeat", {})
    before = stand.server.memory_mib()
    for number in range(count):
        await wire.send(_reply(f"unasked-{number}", "Accepted"))
    await wire.call("Heartbeat", {})
    return stand.server.memory_mib() - before


# ---- F-18 ----

SLOW_BYTES_PER_S = 20


async def broken_lines(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Cut the end of a transaction at every byte, and send one at 20 bytes/s."""
    async with standing(ground, seed) as stand:
        target = await stand.target()
        names = {f"{kind}-{version}": version for version in VERSIONS for kind in ("CUT", "SLOW")}
        await stand.enrol(names, target.url)
        wires = {name: stand.wire(name, version) for name, version in names.items()}
        step = max(1, round(1 / scale))
        damaged, slow, shut = await asyncio.gather(
            _cut_all(stand, [wires[f"CUT-{version}"] for version in VERSIONS], step),
            _drip(stand, [wires[f"SLOW-{version}"] for version in VERSIONS]),
            _drip_handshake(stand, wires["CUT-1.6"]),
        )
        delivered = await stand.delivered()
        lines = [stand.line("F-18", version) for version in VERSIONS]
    for line, (offsets, faults) in zip(lines, damaged, strict=True):
        line.must(not faults, f"damaged: {faults[:3]}")
        line.must(delivered, "not all was delivered")
        line.must(shut <= 12, f"a handshake could drip for {shut:.0f} s")
        line.notes.append(
            f"{offsets} cuts; {slow:.0f} s for one message, handshake cut at {shut:.0f} s"
        )
    return lines


async def _cut_all(stand: Stand, wires: Sequence[Wire], step: int) -> list[tuple[int, list[str]]]:
    return await asyncio.gather(*(_cut_everywhere(stand, wire, step) for wire in wires))


async def _cut_everywhere(stand: Stand, wire: Wire, step: int) -> tuple[int, list[str]]:
    """Begin a transaction, cut its end at one offset, say it again; for every offset."""
    faults: list[str] = []
    line = await ByteWire.open(wire)
    offset, length = 0, 1
    while offset <= length:
        session = Session(wire.version, wire.charge_box_id, offset)
        session.took(await _said(wire, line, session, session.begin()))
        end = session.end()
        seq = wire.emit(session, end)
        frame = masked(orjson.dumps([2, f"cut-{offset}", *end]))
        length = len(frame)
        await line.write(frame[:offset])
        line.cut(reset=bool(offset % 2))
        line = await ByteWire.open(wire)
        answer = await line.ask(orjson.dumps([2, f"again-{offset}", *end]))
        if answer[0] == 3:
            wire.oracle.settled(seq, "answered")
        stored = books.stored(stand.ground.books, f"cut-{offset}")
        if answer[0] != 3 or len(stored) > 1 or any(one != frame[-len(one) :] for one in stored):
            faults.append(f"offset {offset}: {answer[:3]}, stored {len(stored)}")
        offset += step
    line.cut(reset=False)
    return length, faults


async def _said(wire: Wire, line: ByteWire, session: Session, message: tuple[str, Any]) -> Any:
    seq = wire.emit(session, message)
    answer = await line.ask(orjson.dumps([2, f"said-{seq}", *message]))
    if answer[0] != 3:
        raise RuntimeError(f"{message[0]} was answered {answer}")
    wire.oracle.settled(seq, "answered")
    return answer[2]


async def _drip(stand: Stand, wires: Sequence[Wire]) -> float:
    """Send one transaction's end at a crawl; return how long that took."""
    port = int(stand.server.ocpp.rpartition(":")[2])
    async with FaultProxy.to("127.0.0.1", port) as door:
        began = time.monotonic()

        async def drip(wire: Wire) -> None:
            line = await ByteWire.open(wire, door.port)
            session = Session(wire.version, wire.charge_box_id, 1)
            session.took(await _said(wire, line, session, session.begin()))
            door.throttle = SLOW_BYTES_PER_S
            await _said(wire, line, session, session.end())
            line.cut(reset=False)

        for wire in wires:
            door.throttle = 0
            await drip(wire)
        return time.monotonic() - began


async def _drip_handshake(stand: Stand, wire: Wire) -> float:
    """Send a handshake a byte at a time; return when the server has had enough."""
    host, _, port = stand.server.ocpp.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    began = time.monotonic()
    reading = asyncio.create_task(reader.read())
    for byte in handshake(wire):
        if reading.done() or time.monotonic() - began > 15:
            break
        with contextlib.suppress(OSError):
            writer.write(bytes([byte]))
        await asyncio.wait([reading], timeout=0.1)
    took = time.monotonic() - began
    writer.close()
    await asyncio.gather(reading, return_exceptions=True)
    return took
