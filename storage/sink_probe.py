"""Try a sink out: store one object and remove it, as its export would store one."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import NamedTuple

from storage.batches import probe_of
from storage.exporting import Open
from storage.packing import packed
from storage.records import SinkRecord
from storage.sinks.errors import SinkError

STEPS = ("put", "delete")
SECONDS = 20.0
_TEXT = "A test of Ringmain; it can be removed.\n"


class Step(NamedTuple):
    """What was tried, and what came of it in a sentence for the sink's owner."""

    step: str
    ok: bool
    detail: str


async def probe(open_sink: Open, sink: SinkRecord, seconds: float = SECONDS) -> list[Step]:
    """Tell each step of a test; the first that failed is the last."""
    name, done = probe_of(sink), list[Step]()
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(seconds):
                store = await open_sink(sink)
                stack.push_async_callback(store.close)
                await store.put(name, packed(_TEXT))
                done.append(Step("put", ok=True, detail=f"{name} was stored."))
                await store.delete(name)
                done.append(Step("delete", ok=True, detail=f"{name} was removed."))
        except SinkError as failure:
            done.append(Step(STEPS[len(done)], ok=False, detail=str(failure)))
        except TimeoutError:
            late = f"The store did not answer within {seconds:g} s; try again."
            done.append(Step(STEPS[len(done)], ok=False, detail=late))
    return done
