"""Draw the numbers by which a charger tells requests, reservations and remote starts apart.

A charger knows one server. What the platform and its targets choose must never be the same number,
so each draws from a range of its own. At random: a count kept by a process begins anew with it,
and a charger may have kept what an earlier one had numbered.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator
from itertools import count

# Positive and of 31 bits, which is what every charger can echo.
OF_THE_PLATFORM = range(1, 2**30)
OF_TARGETS = range(2**30, 2**31)


def draw(numbers: range, randbelow: Callable[[int], int] = secrets.randbelow) -> int:
    """Return a random number of a range."""
    return numbers[randbelow(len(numbers))]


def message_ids() -> Iterator[str]:
    """Yield fresh message ids for ever: a UUID's 36 characters (OCPP 2.0.1 Part 4 §4.1.4).

    The first half is drawn once, as they need not be secret.
    """
    drawn = f"{random.getrandbits(128):032x}"
    head = f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-a{drawn[17:20]}-"
    return (f"{head}{number:012x}" for number in count(random.getrandbits(40)))
