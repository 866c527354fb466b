"""Count what one link has carried, for whoever judges its peer or shows its state."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Traffic:
    """Count what one link has carried."""

    frames_received: int = 0
    frames_sent: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    answered: int = 0  # of our CALLs
    malformed: int = 0
    unsolicited: int = 0
    heard_at: float = field(default_factory=time.monotonic)

    @property
    def silence(self) -> float:
        """Tell for how many s nothing has come."""
        return time.monotonic() - self.heard_at

    def came(self, size: int) -> None:
        """Count a frame of so many bytes that the peer sent."""
        self.heard_at = time.monotonic()
        self.frames_received += 1
        self.bytes_received += size

    def add(self, other: Traffic) -> None:
        """Count what another link has carried as well."""
        self.frames_received += other.frames_received
        self.frames_sent += other.frames_sent
        self.bytes_received += other.bytes_received
        self.bytes_sent += other.bytes_sent
        self.answered += other.answered
        self.malformed += other.malformed
        self.unsolicited += other.unsolicited
