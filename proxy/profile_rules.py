"""What a target may set as a charging profile, and which of its own it names; pure."""

from __future__ import annotations

from typing import Any

from csms.profile_lint import Place, flaws_of_any
from csms.profile_words import Words
from csms.removals import Chosen, chosen, removal


def flaw_of(place: Place) -> str | None:
    """Return the reason code (2.0.1 Part 2 Appendix 5) against a profile, None if it may be."""
    return next((flaw.code for flaw in flaws_of_any(place)), None)


def chosen_by(words: Words, fields: Any) -> Chosen:
    """Return which profiles a ClearChargingProfile names: by id alone, or by criteria."""
    return chosen(removal(words, fields))
