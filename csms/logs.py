"""
Logs: one line per event on standard error, ASCII, JSON or for humans (S-19).

A line holds what peers have said: names, reasons, errors of libraries. None of it makes a second
line, moves the cursor of a terminal or tells a secret. Tokens of drivers are told as hashes, which
are the same for the same token until the program ends: in the message log they are in clear.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
from collections.abc import MutableMapping
from functools import partial
from typing import Any, TextIO

import orjson
import structlog

from csms.concealing import Concealing
from csms.errors import place_of
from csms.secrecy import CONCEALED

Event = MutableMapping[str, Any]

_DEEPEST = 8
_INT64 = 1 << 63
# What structlog and logging put beside an event for their own use.
_INTERNAL = ("_record", "_from_structlog")
_FIRST = ("timestamp", "level", "event")
_LEVELS = {"debug": 36, "info": 32, "warning": 33, "error": 31, "critical": 31}  # of ANSI
# What lets one in by HTTP; how OCPP and stores name secrets `csms.concealing` knows.
_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-session-token"})
# A query is told by libraries that could not reach an address, and may hold a token.
_SIGNS = (b"bearer", b"authorization", b"rm_", b"with url:")
_CREDENTIAL = re.compile(
    rb"""(authorization\W{1,4}(?:basic|bearer)\s+|bearer\s+(?=\S{8})|\brm_|with url: [^\s?]*\?)"""
    rb"""[^\s"',\\]+""",
    re.IGNORECASE,
)
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/@+-*|~,[]")


def configure(log_format: str, level: str, stream: TextIO = sys.stderr) -> None:
    """Send our events and the libraries' warnings to one stream."""
    console = log_format == "console" or (log_format == "auto" and stream.isatty())
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        where_it_failed,
        partial(discreet, Concealing(secrets.token_bytes(32))),
    ]
    renderer: Any = partial(for_people, stream.isatty()) if console else as_json
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
    # What Python warns of is written in two lines, also where a peer's certificate is odd.
    logging.captureWarnings(True)  # noqa: FBT003 - its only argument


# ---- what is told ----


def where_it_failed(_logger: object, _method: str, event: Event) -> Event:
    """Name the fault and its line in place of a traceback, which is many and quotes its cause."""
    told = event.pop("exc_info", None)
    event.pop("stack_info", None)
    fault = told[1] if isinstance(told, tuple) else sys.exception() if told is True else told
    if isinstance(fault, BaseException):
        event["fault"] = place_of(fault)
    return event


def discreet(concealing: Concealing, _logger: object, _method: str, event: Event) -> Event:
    """Leave out secrets, and hash tokens."""
    kept = {name: event[name] for name in _INTERNAL if name in event}
    told = {name: value for name, value in event.items() if name not in kept}
    try:
        text = orjson.dumps(_plain(told))
        if any(sign in text.lower() for sign in _SIGNS):
            text = _CREDENTIAL.sub(rb"\1" + CONCEALED.encode(), text)
        return {**orjson.loads(concealing.payload(text)), **kept}
    except (ValueError, TypeError):  # it need not be told so badly that nothing is
        return {"event": "unspeakable", "level": event.get("level"), **kept}


def _plain(value: Any, depth: int = 0) -> Any:
    """Return what JSON can carry; a surrogate is no character, a number may be too large."""
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return value
    if depth < _DEEPEST and isinstance(value, dict):
        return {
            _text(name): CONCEALED if _text(name).lower() in _HEADERS else _plain(each, depth + 1)
            for name, each in value.items()
        }
    if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [_plain(each, depth + 1) for each in value]
    return _text(value)


def _text(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


# ---- how it is written ----


def as_json(_logger: object, _method: str, event: Event) -> str:
    """Write an event as JSON, with escapes for all that is not ASCII."""
    return str(structlog.processors.JSONRenderer()(None, "", event))


def for_people(colours: bool, _logger: object, _method: str, event: Event) -> str:  # noqa: FBT001 - bound once
    """Write an event as people read it: when, how bad, what, and each detail with its name."""
    when, level, what = (_readable(event.get(name, "")) for name in _FIRST)
    details = [f"{_word(name)}={_word(v)}" for name, v in event.items() if name not in _FIRST]
    shown = f"{level:8}"
    if colours:
        shown = f"\x1b[{_LEVELS.get(level, 0)}m{shown}\x1b[0m"
    return " ".join([when, shown, what, *details])


def _readable(value: object) -> str:
    return ascii(str(value))[1:-1]


def _word(value: object) -> str:
    text = str(value) if isinstance(value, str | int | float) else ascii(value)
    return text if text and _PLAIN.issuperset(text) else ascii(value)
