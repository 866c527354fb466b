"""
Change the password of a charger so that it can always come back in (A01, S-06).

The new password is stored before the charger hears of it, and counts beside the old one until it is
known which of them the charger has. It accepted: only the new one counts. It refused: only the old
one. Nothing is known: both, until the new one is used or a day has passed (ADR 0035).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from storage.secrets import secret_matches
from storage.security_records import PasswordRotation


def rotation_of(
    presented: Sequence[bytes], rotations: Iterable[PasswordRotation], at: datetime
) -> PasswordRotation | None:
    """Return which of a charger's rotations a password is of that counts at a moment.

    ``presented`` are the readings of what the charger sent (bytes, or the hex digits of bytes).
    All are compared, so that the time taken tells nothing.
    """
    matching = [
        one
        for one in rotations
        for password in presented
        if secret_matches(password, one.next_digest) and one.is_open(at)
    ]
    return matching[0] if matching else None
