"""What traces: a port that nobody fills unless tracing is set up, so nothing is paid for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeAlias

from csms.link import Link
from storage.records import ChargerKey

Kind = Literal["server", "client", "internal"]
Side = Literal["charger", "target"]
# Adds what is known only later.
Note: TypeAlias = Callable[[str, str | int], None]
# Makes the links of a charger.
Linking: TypeAlias = Callable[[ChargerKey], Callable[..., Link]]

# Nothing was said there: a span of it begins a trace of its own.
NOWHERE = -1


class Spans(Protocol):
    """Tell how long something took, and within what."""

    def span(
        self,
        name: str,
        kind: Kind,
        attributes: Mapping[str, str | int],
        *,
        said: int | None = None,
        of: int | None = None,
    ) -> AbstractContextManager[Note]:
        """Last as long as the context, within what was ``said`` at the position ``of``, if any."""


def untraced(_key: ChargerKey) -> Callable[..., Link]:
    """Make ordinary links."""
    return Link
