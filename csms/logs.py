"""Logs: one line per event on standard error, JSON or for humans, never a peer's raw text."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog


def configure(log_format: str, level: str, stream: TextIO = sys.stderr) -> None:
    """Send our events and the libraries' warnings to one stream."""
    console = log_format == "console" or (log_format == "auto" and stream.isatty())
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        one_line,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty())
        if console
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    # Libraries log whole frames, with secrets, below this level.
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def one_line(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Escape what a peer could use to forge a second line or to move a terminal's cursor."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = ascii(value)
    return event
