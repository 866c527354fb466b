"""Know a target that answers no CALL, though its pings come back: its link is of no use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from csms.link import Link
    from csms.traffic import Traffic

MUTE = "The target answers no CALL."


class Silence:
    """Count the CALLs in a row that a target left unanswered without a word of any kind between.

    So many end its link, which is then dialled anew.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._traffic: Traffic | None = None
        self._heard = 0  # frames, when the last of them had no answer
        self.calls = 0  # in a row

    def noted(self, link: Link) -> int:
        """Count a CALL that had no answer in time; return how many in a row that makes."""
        traffic = link.traffic
        if traffic is not self._traffic or traffic.frames_received != self._heard:
            self._traffic, self._heard, self.calls = traffic, traffic.frames_received, 0
        self.calls += 1
        if self.calls >= self._most:
            link.hang_up(reason=MUTE)
        return self.calls
