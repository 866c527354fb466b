"""Errors of the proxy, drawn on one page.

    RingmainError
    ├── NotTaken                   the target does not take a message, so that it is given up
    └── ProxyError                 the target could not be reached as configured
        ├── InvalidTarget          a configured value cannot work; names the field
        ├── ForbiddenAddress       the name leads to an address that is closed to targets
        ├── TargetUnreachable      the name does not resolve, or nobody there speaks with us
        ├── DialledTooOften        its target was dialled as often as it may be
        ├── Replaced               the charger has another target by now, or none
        ├── TargetRefused          the handshake was answered with another HTTP status than 101
        └── IncompatibleTarget     the target speaks another subprotocol

An error's docstring is its default message.
"""

from __future__ import annotations

from csms.errors import RingmainError


class NotTaken(RingmainError):
    """The target does not take a message; it was sent ``attempts`` times."""

    def __init__(self, reason: str, attempts: int) -> None:
        super().__init__(reason)
        self.attempts = attempts


class ProxyError(RingmainError):
    """The target could not be reached as configured."""


class InvalidTarget(ProxyError):
    """The value of ``field`` cannot work; ``reason`` is one sentence for its owner."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


class ForbiddenAddress(ProxyError):
    """The target's address is closed to targets."""


class TargetUnreachable(ProxyError):
    """The target cannot be reached."""


class TargetRefused(ProxyError):
    """The target refused the handshake.

    ``status`` is its HTTP status, ``retry_after`` the pause that it asks for, in s.
    """

    def __init__(self, status: int, retry_after: float = 0.0) -> None:
        super().__init__(f"The target answered the handshake with HTTP status {status}.")
        self.status, self.retry_after = status, retry_after


class DialledTooOften(ProxyError):
    """The target was dialled as often as it may be in a minute; try again later."""


class Replaced(ProxyError):
    """The charger has another target by now, or none."""


class IncompatibleTarget(ProxyError):
    """The target does not speak the charger's OCPP version."""
