"""Dial a target once, beside its living link, and tell step by step how it went.

Nothing is said on the connection: a Boot could end a running session at the target.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from proxy.destinations import destination
from proxy.dial import Watch, dial
from proxy.errors import InvalidTarget, ProxyError, TargetUnreachable
from proxy.template import render

if TYPE_CHECKING:
    from proxy.parts import RelayParts
    from storage.records import ProxyConfiguration

STEPS: Final = ("url", "resolve", "tcp", "tls", "handshake", "subprotocol", "close")
_NORMAL = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a dial, and what became of it."""

    step: str
    ok: bool
    detail: str


async def probe(
    configuration: ProxyConfiguration, subprotocol: str, parts: RelayParts
) -> list[Step]:
    """Return the steps in order; the first one that fails is the last.

    It takes twice the deadline of a dial and a second at most.
    """
    steps: list[Step] = []

    def watch(step: str, detail: str) -> None:
        steps.append(Step(step, ok=True, detail=detail))

    try:
        await _dial(configuration, subprotocol, parts, watch)
    except InvalidTarget as wrong:
        steps.append(Step(_next(configuration, steps), ok=False, detail=wrong.reason))
    except ProxyError as failure:
        steps.append(Step(_next(configuration, steps), ok=False, detail=str(failure)))
    return steps


async def _dial(
    configuration: ProxyConfiguration, subprotocol: str, parts: RelayParts, watch: Watch
) -> None:
    url = render(
        configuration.target_websocket_url, *configuration.key, configuration.target_charge_box_id
    )
    parts.guard.check_url(url)
    watch("url", url.partition("?")[0])  # some put a token behind it
    patience = parts.timings.dial
    try:
        async with asyncio.timeout(patience):
            to = await destination(configuration, subprotocol, parts)
    except TimeoutError:
        raise TargetUnreachable("The name lookup took too long.") from None
    count = len(to.endpoints)
    watch("resolve", f"{count} {'address' if count == 1 else 'addresses'}, open to targets.")
    socket = await dial(to, open_timeout=patience, watch=watch)
    await socket.close(_NORMAL, "test")
    watch("close", to.warning or "The connection was closed.")


def _next(configuration: ProxyConfiguration, steps: list[Step]) -> str:
    """Name the step behind those that were taken."""
    secure = urlsplit(configuration.target_websocket_url).scheme.lower() == "wss"
    wanted = [step for step in STEPS if secure or step != "tls"]
    return wanted[len(steps)]
