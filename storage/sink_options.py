"""What a sink's configuration says, with our defaults where it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

Start = Literal["now", "earliest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkOptions:
    """What all types of sinks can be told; the rest is for whoever opens one."""

    prefix: str = ""
    endpoint_url: str | None = None
    # An object is stored when its oldest record is so old (s), or there is so much (bytes of
    # lines, before they are compressed).
    flush_seconds: int = 60
    flush_bytes: int = 8 << 20
    # Where a new sink begins; later it goes on from where it is.
    start: Start = "now"
    hash_id_tags: bool = False

    @classmethod
    def of(cls, configuration: Mapping[str, Any]) -> SinkOptions:
        """Return the options of a configuration."""
        return cls(**{name: configuration[name] for name in _NAMES if name in configuration})

    def place(self, name: str) -> str:
        """Return an object's name below the prefix; there is no leading slash without one."""
        return f"{self.prefix}/{name}" if self.prefix else name


_NAMES = tuple(field.name for field in fields(SinkOptions))
