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

    async def close(self, code: int, reason: str) -> None:
        """Close the connection; a second call does nothing."""


class Receipt(Protocol):
    """What the tap gave for one frame: its position, and what becomes of it."""

    @property
    def position(self) -> int:
        """Place in the journal, ascending."""

    @property
    def fault(self) -> Exception | None:
        """Tell why the frame is not on disk, once that is known; None where it is."""

    def then(self, tell: Callable[[Exception | None], None]) -> None:
        """Tell when it is on disk, or why it is not; at once where that is known.

        Of one link's frames the earlier one is told of first.
        """


Answer: TypeAlias = Callable[[Call | Send, int], Awaitable[Reply]]
Tap: TypeAlias = Callable[[Way, Frame | MalformedFrame, bytes, str | None, Any], Receipt]


@dataclass(frozen=True, slots=True)
class _NotKept:
    position: int = 0
    fault: None = None

    def then(self, tell: Callable[[Exception | None], None]) -> None:
        tell(None)


_NOT_KEPT = _NotKept()


def no_tap(
    _way: Way, _frame: Frame | MalformedFrame, _text: bytes, _action: str | None, _note: Any
) -> Receipt:
    """Keep nothing, for simulators and measurements."""
    return _NOT_KEPT
