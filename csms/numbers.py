"""Draw the numbers by which a charger tells requests, reservations and remote starts apart.

A charger knows one server. What the platform and its targets choose must never be the same number,
so each draws from a range of its own. At random: a count kept by a process begins anew with it,
and a charger may have kept what an earlier one had numbered.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

# Positive and of 31 bits, which is what every charger can echo.
OF_THE_PLATFORM = range(1, 2**30)
OF_TARGETS = range(2**30, 2**31)


def draw(numbers: range, randbelow: Callable[[int], int] = secrets.randbelow) -> int:
    """Return a random number of a range."""
    return numbers[randbelow(len(numbers))]
