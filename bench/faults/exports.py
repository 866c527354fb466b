"""What all faults of exports have in common: who talks, until when, and what is counted then."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from bench.faults import books, lake
from bench.faults.connectors import FLUSH_S, Connector, Lags, delivered
from bench.faults.stand import VERSIONS, Stand
from bench.faults.verdicts import Line

# A minute between two attempts is 2 s; a busy machine may well take one s to answer.
HURRIED = {
    "first_pause": 0.05,
    "longest_pause": 2.0,
    "connect_timeout": 1.0,
    "read_timeout": 1.0,
    "put_timeout": 2.0,
}
RECOVERED_S, DELIVERED_S = 15.0, 40.0
# What a connector in good health may be behind (s): its flush time, and what a busy machine adds.
HEALTHY_S = FLUSH_S + 4.0


@contextlib.asynccontextmanager
async def talking(
    stand: Stand, neighbour: Stand, connectors: Sequence[Connector], scale: float, chargers: int
) -> AsyncIterator[None]:
    """Let chargers of both organizations talk; all of before is stored when the block begins."""
    target = await stand.target()
    rigs = await stand.fleet(max(4, round(chargers * scale)), target.url)
    others = await neighbour.fleet(max(2, round(10 * scale)), None, "NEXT")
    await stand.ready(rigs)
    async with stand.driven(rigs), neighbour.driven(others):
        await asyncio.sleep(2 * scale)
        await delivered(connectors, max(one.behind(0)[2] for one in connectors), DELIVERED_S)
        yield


async def settled(stands: Sequence[Stand], connectors: Sequence[Connector]) -> list[str]:
    """Wait until all is said, told to the targets and stored; name the connectors that are late."""
    for stand in stands:
        await stand.wind_up()
        await stand.delivered()
    through = max(one.behind(0)[2] for one in connectors)
    return await delivered(connectors, through, DELIVERED_S)


async def recovered(connectors: Sequence[Connector], since: float) -> float:
    """Wait until all have got beyond what was there by now; return how long after ``since``."""
    through = max(one.behind(0)[2] for one in connectors)
    late = await delivered(connectors, through, RECOVERED_S + 5)
    return float("inf") if late else time.monotonic() - since


async def counted(
    fault: str,
    stand: Stand,
    connectors: Sequence[Connector],
    listing: Callable[[Connector], Mapping[str, bytes]],
) -> list[Line]:
    """Count what the targets got, and what the buckets list, by version."""
    counts = [(one, await _count(one, listing)) for one in connectors]
    lines = [stand.line(fault, version) for version in VERSIONS]
    for line in lines:
        for one, count in counts:
            rigs = {rig.charge_box_id for rig in one.stand.chargers if rig.version == line.version}
            count.add_to(line, rigs, one.name)
        objects, records = (sum(getattr(c, n) for _, c in counts) for n in ("objects", "records"))
        line.notes.append(f"{objects} objects, {records} records")
    return lines


async def _count(
    connector: Connector, listing: Callable[[Connector], Mapping[str, bytes]]
) -> lake.Count:
    """Count a bucket up to where its connector says that it has got, and check its figures."""
    status = await connector.status()
    organization = connector.stand.organization_uuid
    end = status["last_delivered_seq"] or 0
    spoken = books.spoken(connector.stand.ground.books, organization, end)
    objects = await asyncio.to_thread(listing, connector)
    found = lake.count(spoken, objects, organization, end)
    told = tuple(status[f"{what}_written"] for what in ("objects", "records", "bytes"))
    there = (found.objects, found.records, found.bytes)
    if told != there:
        found.problems.append(f"objects, records, bytes are told {told} and are {there}")
    return found


def judge_lags(line: Line, lags: Lags, differs: Sequence[str]) -> None:
    """Apply what must hold of those in good health, and of every lag that was compared."""
    most = max(lags.most.values(), default=0.0)
    line.must(most <= HEALTHY_S, f"a connector in good health was {most:.1f} s behind")
    line.notes.append(f"connectors in good health at most {most:.1f} s behind")
    wrong = [one for one in differs if one]
    line.must(not wrong, "; ".join(wrong))
    line.notes.append(f"lag as the database counts it {len(differs) - len(wrong)} times")
