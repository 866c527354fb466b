"""A tap that keeps nothing has it all on disk at once."""

from __future__ import annotations

from csms.frames import call
from csms.ports import no_tap


def test_what_is_not_kept_may_leave_at_once() -> None:
    told: list[Exception | None] = []
    frame = call("1", "Heartbeat", b"{}")

    receipt = no_tap("sent", frame, frame.text, frame.action, None, told.append)

    assert (told, receipt.fault, receipt.position) == ([None], None, 0)
