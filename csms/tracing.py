"""Set up tracing where the settings ask for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from csms.settings import SettingError

if TYPE_CHECKING:
    from csms.spans import Spans

# s, for what is left to be sent at the end.
FAREWELL = 2.0
MISSING = (
    "RINGMAIN_TRACES_URL: tracing is an extra that is not installed: "
    "pip install 'ringmain[tracing]', or leave the setting empty."
)


@contextlib.asynccontextmanager
async def tracing(url: str | None) -> AsyncIterator[Spans | None]:
    """Yield what traces until the context ends, None where nothing is to be traced.

    Raises SettingError where what that needs is not installed.
    """
    if url is None:
        yield None
        return
    try:
        from csms.otlp import OtlpSpans  # noqa: PLC0415 - an extra, which costs 10 MB of memory
    except ImportError:
        raise SettingError(MISSING) from None
    spans = OtlpSpans(url)
    try:
        yield spans
    finally:
        done, loop = asyncio.Event(), asyncio.get_running_loop()

        def ended() -> None:
            with contextlib.suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(done.set)

        spans.close(ended)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                await done.wait()
