"""What a link needs from outside: a socket, a tap that keeps what was said, and who answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from csms.errors import MalformedFrame
from csms.frames import Call, Frame, Reply, Send

Way: TypeAlias = Literal["received", "sent"]


class Socket(Protocol):
    """Carry whole texts to and from one peer; both ways raise LinkClosed when it is gone."""

    def listen(self, _hear: Callable[[bytes], bool], /) -> None:
        """Give it at once what comes while ``receive`` waits; what it refuses is received."""
        return None  # noqa: RET501 - without it the method would be abstract

    async def receive(self) -> bytes:
        """Wait for the next text."""

    def post(self, _text: bytes, /) -> bool:
        """Hand over one text where that needs no waiting; else return False."""
        return False

    async def send(self, text: bytes) -> None:
        """Hand over one text within the adapter's own deadline."""

    async def answers(self, _patience: float, /) -> bool:
        """Tell whether the peer gives a sign of life within so many s when it is asked to."""
        return True

    async def close(self, code: int, reason: str) -> None:
        """Close the connection; a second call does nothing."""


class Receipt(Protocol):
    """What the tap gave for one frame: its position, and what became of it."""

    @property
    def position(self) -> int:
        """Place in the journal, ascending."""

    @property
    def fault(self) -> Exception | None:
        """Tell why the frame is not on disk, once that is known; None where it is."""


Answer: TypeAlias = Callable[[Call | Send, int], Awaitable[Reply]]
# Told that a frame is on disk, or why it is not. Of two frames the earlier one's is told first.
Tell: TypeAlias = Callable[[Exception | None], None]
Tap: TypeAlias = Callable[
    [Way, Frame | MalformedFrame, bytes, str | None, Any, Tell | None], Receipt
]


@dataclass(frozen=True, slots=True)
class _NotKept:
    position: int = 0
    fault: None = None


_NOT_KEPT = _NotKept()


def no_tap(
    _way: Way,
    _frame: Frame | MalformedFrame,
    _text: bytes,
    _action: str | None,
    _note: Any,
    tell: Tell | None,
) -> Receipt:
    """Keep nothing, for simulators and measurements."""
    if tell is not None:
        tell(None)
    return _NOT_KEPT
