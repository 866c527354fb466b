"""Long lists and texts in parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Sequence[object])


def parts(whole: T, size: int) -> Iterator[tuple[int, T, bool]]:
    """Yield (number from 0, part, whether more follow); what is empty has one part too."""
    starts = range(0, len(whole), size) or range(1)
    for number, start in enumerate(starts):
        yield number, whole[start : start + size], start + size < len(whole)  # type: ignore[misc] # a slice of T is a T
