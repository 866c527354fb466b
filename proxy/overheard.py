"""Log every frame of a target's link, and notice when the target does not know us any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from csms.tap import TARGET_LINK, journal_tap

if TYPE_CHECKING:
    from csms.frames import CallError
    from csms.ports import Tap
    from storage.journal import Journal
    from storage.records import ProxyConfiguration

_UNKNOWN_HERE = "SecurityError"


def target_tap(
    journal: Journal,
    configuration: ProxyConfiguration,
    ocpp_version: str,
    forgotten: Callable[[], None],
) -> Tap:
    """Return the tap of one link to a target.

    ``forgotten`` is called when the target answers a CALL as if we had not booted (OCPP-J 1.6
    errata §5.6, 2.0.1 B01.FR.10).
    """

    def refused(refusal: CallError) -> None:
        if refusal.code == _UNKNOWN_HERE:
            forgotten()

    key, id = configuration.key, configuration.id
    return journal_tap(journal, key, ocpp_version, TARGET_LINK, id, refused)
