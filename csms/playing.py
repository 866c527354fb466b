"""Run work to its end on an event loop of its own, and end it as its user asks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

# Threads of uvloop, half of which look names up at a time, for everybody. With its 4 the names of
# one owner that nobody answers for would keep all others from their targets and stores.
_LOOKING_UP = "128"

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run work to its end; the loop is uvloop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - not on Windows
    except ImportError:
        return asyncio.run(work)
    os.environ.setdefault("UV_THREADPOOL_SIZE", _LOOKING_UP)
    return uvloop.run(work)


def play(work: Coroutine[Any, Any, None]) -> None:
    """Run what Ctrl-C or SIGTERM ends: that is no failure."""
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        run(_until_terminated(work))


async def _until_terminated(work: Coroutine[Any, Any, None]) -> None:
    """Let SIGTERM end it as Ctrl-C does: links closed, temporary files gone, terminal restored."""
    playing = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    await playing
