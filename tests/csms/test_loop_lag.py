from __future__ import annotations

import asyncio
import time

from csms.loop_lag import LoopLag
from tests.doubles import PATIENCE, until


async def test_who_holds_up_the_loop_is_seen() -> None:
    lag = LoopLag(interval=0.001)
    watching = asyncio.create_task(lag.run())
    await until(lambda: sum(lag.lags.counts) > 1)
    time.sleep(0.1)  # noqa: ASYNC251 - that is what has to be seen
    async with asyncio.timeout(PATIENCE):
        while lag.worst < 0.05:  # noqa: ASYNC110 - it is seen at the next look
            await asyncio.sleep(0)
    watching.cancel()

    assert lag.lags.total >= 0.05


def test_the_worst_is_of_lately() -> None:
    lag = LoopLag()
    assert lag.worst == 0.0
    lag.note(5.0)
    for _ in range(240):
        lag.note(0.001)

    assert lag.worst == 0.001
    assert sum(lag.lags.counts) == 241
