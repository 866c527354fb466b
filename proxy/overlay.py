"""Know the configuration keys of a target's own link: what they are, and what they change.

Such a key concerns the link that it arrives on. So the target sets and reads those of its link to
us, and never sees the ones of the charger's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from proxy.timings import Timings

Apply: TypeAlias = Callable[[Timings, int], Timings]

HEARTBEAT_INTERVAL = "heartbeat_interval"
_COMPONENT = "OCPPCommCtrlr."
_INTEGER = re.compile(r"\s*[0-9]{1,9}\s*", re.ASCII)
_DAY, _HOUR, _MINUTES = 86_400, 3_600, 600


@dataclass(frozen=True, slots=True)
class LinkKey:
    """One key: the name it is stored by, its bounds, and what it says of our timings."""

    name: str
    least: int
    most: int
    told: Callable[[Timings], float]
    apply: Apply

    def number(self, value: str) -> int | None:
        """Return what a value says, None where that is no number within the bounds."""
        if not _INTEGER.fullmatch(value):
            return None
        return int(value) if self.least <= int(value) <= self.most else None


def _back_off(timings: Timings, first: float, doublings: int) -> Timings:
    return replace(timings, first_backoff=first, longest_backoff=first * 2**doublings)


def _doublings(timings: Timings) -> int:
    ratio = timings.longest_backoff / timings.first_backoff
    return max(0, round(ratio).bit_length() - 1)


_HEARTBEAT = LinkKey(
    HEARTBEAT_INTERVAL,
    1,
    _DAY,
    lambda timings: timings.ordered_heartbeat or timings.heartbeat_interval,
    lambda timings, seconds: replace(timings, ordered_heartbeat=float(seconds)),
)
# Never 0: without pings nobody notices a link that died in silence.
_PING = LinkKey(
    "ping_interval",
    1,
    _HOUR,
    lambda timings: timings.ping,
    lambda timings, seconds: replace(timings, ping=float(seconds)),
)
_ATTEMPTS = LinkKey(
    "attempts",
    1,
    100,
    lambda timings: timings.attempts,
    lambda timings, times: replace(timings, attempts=times),
)
_ATTEMPT_INTERVAL = LinkKey(
    "attempt_interval",
    0,
    _HOUR,
    lambda timings: timings.attempt_interval,
    lambda timings, seconds: replace(timings, attempt_interval=float(seconds)),
)
_ANSWER = LinkKey(
    "answer_timeout",
    1,
    _MINUTES,
    lambda timings: timings.answer,
    lambda timings, seconds: replace(timings, answer=float(seconds)),
)
_WAIT = LinkKey(
    "backoff_wait",
    1,
    _HOUR,
    lambda timings: timings.first_backoff,
    lambda timings, seconds: _back_off(timings, seconds, _doublings(timings)),
)
_DOUBLINGS = LinkKey(
    "backoff_doublings",
    0,
    10,
    _doublings,
    lambda timings, times: _back_off(timings, timings.first_backoff, times),
)
_RANDOM = LinkKey(
    "backoff_random",
    0,
    _MINUTES,
    lambda timings: timings.jitter * timings.first_backoff,
    lambda timings, seconds: replace(timings, jitter=min(1.0, seconds / timings.first_backoff)),
)
# In this order they are applied: the last needs what the others say.
_KEYS = (
    _HEARTBEAT,
    _PING,
    _ATTEMPTS,
    _ATTEMPT_INTERVAL,
    _ANSWER,
    _WAIT,
    _DOUBLINGS,
    _RANDOM,
)
_NAMED: Mapping[str, LinkKey] = {
    "HeartbeatInterval": _HEARTBEAT,
    "WebSocketPingInterval": _PING,
    "TransactionMessageAttempts": _ATTEMPTS,
    "TransactionMessageRetryInterval": _ATTEMPT_INTERVAL,
    "RetryBackOffWaitMinimum": _WAIT,
    "RetryBackOffRepeatTimes": _DOUBLINGS,
    "RetryBackOffRandomRange": _RANDOM,
    _COMPONENT + "HeartbeatInterval": _HEARTBEAT,
    _COMPONENT + "WebSocketPingInterval": _PING,
    _COMPONENT + "MessageAttempts": _ATTEMPTS,
    _COMPONENT + "MessageAttemptInterval": _ATTEMPT_INTERVAL,
    _COMPONENT + "MessageTimeout": _ANSWER,
    _COMPONENT + "RetryBackOffWaitMinimum": _WAIT,
    _COMPONENT + "RetryBackOffRepeatTimes": _DOUBLINGS,
    _COMPONENT + "RetryBackOffRandomRange": _RANDOM,
}
_BY_NAME = {name.casefold(): key for name, key in _NAMED.items()}


def link_key(name: str) -> LinkKey | None:
    """Return the key (1.6) or ``component.variable`` (2.x) of the link, None if it is none."""
    return _BY_NAME.get(name.casefold())


def timings_of(base: Timings, settings: Mapping[str, str]) -> Timings:
    """Return how patient a target's link is with what the target has set, by stored name."""
    for key in _KEYS:
        number = key.number(settings.get(key.name, ""))
        if number is not None:
            base = key.apply(base, number)
    return base


def value_of(key: LinkKey, timings: Timings) -> str:
    """Return what a target reads of one key."""
    return str(round(key.told(timings)))
