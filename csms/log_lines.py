"""
The message log as people read it: a line for each frame.

What stands in a frame is a peer's: nothing of it moves the cursor, makes another line or changes
colours, and credentials are concealed as in every export.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from rich.cells import cell_len, set_cell_size

from csms.lines import render
from csms.terminal import printable
from storage.records import Direction, MessageType
from storage.repositories.log import Entry

# Whose link it is, and whether they say it (→) or are told it (←).
_SIDES: Mapping[Direction, tuple[str, str]] = {
    "charger_to_platform": ("charger", "→"),
    "platform_to_charger": ("charger", "←"),
    "target_to_platform": ("target", "→"),
    "platform_to_target": ("target", "←"),
}
_MARKS: Mapping[MessageType, str] = {
    "Call": "",
    "Send": "",
    "CallResult": "ok",
    "CallError": "ERROR",
    "CallResultError": "ERROR",
    "Unreadable": "UNREADABLE",
}
_FAILED = frozenset({"ERROR", "UNREADABLE"})
_DIM, _BOLD, _RED, _GREEN, _CYAN, _MAGENTA = 2, 1, 31, 32, 36, 35  # of ANSI
_LEAST = 20  # cells for a payload, however narrow a terminal is
_LONGEST_NAME = 80  # characters of a name that a peer has given


class _Said(Struct):
    """What is shown of a line of an export."""

    payload: Raw | UnsetType = UNSET
    raw: str | UnsetType = UNSET


_SAID = msgspec.json.Decoder(_Said)


@dataclass(frozen=True, slots=True)
class Lines:
    """How lines are written: in which width (None: as long as they are), coloured, whole."""

    width: int | None = None
    colours: bool = False
    full: bool = False

    def line(self, entry: Entry) -> str:
        """Return the line of a message; with its whole payload it has some more."""
        message = entry.message
        side, arrow = _SIDES[message.direction]
        colour = _CYAN if side == "charger" else _MAGENTA
        mark = _MARKS[message.message_type]
        parts = [
            (self.time(message.timestamp), _DIM),
            (_name(message.key.charge_box_id), _BOLD),
            (f"{side:7} {arrow}", colour),
            (_name(message.action or "-"), _BOLD),
            (mark, _RED if mark in _FAILED else _GREEN),
            (_latency(entry), _DIM),
            (_name(message.message_id or "-"), _DIM),
        ]
        parts = [(text, code) for text, code in parts if text]
        head = " ".join(self._coloured(text, code) for text, code in parts)
        used = sum(cell_len(text) + 1 for text, _ in parts)
        return f"{head}{self._payload(entry, used)}"

    def time(self, moment: datetime) -> str:
        """Return when it was said; where lines are short the date stands above them."""
        shown = "%H:%M:%S" if self.width else "%Y-%m-%dT%H:%M:%S"
        end = "" if self.width else "Z"
        return f"{moment:{shown}}.{moment.microsecond // 1000:03}{end}"

    def day(self, day: date) -> str:
        """Return the line above those of a day."""
        return self._coloured(f"--- {day} (UTC) ---", _DIM)

    def _payload(self, entry: Entry, used: int) -> str:
        said = _SAID.decode(render(entry.message))
        if not isinstance(said.raw, str):
            text = bytes(said.payload).decode() if isinstance(said.payload, Raw) else ""
            if self.full:
                return _on_lines(_pretty(text))
        else:
            text = said.raw
        return _on_lines(text) if self.full else self._short(text, used)

    def _short(self, text: str, used: int) -> str:
        if self.width is None:
            return f" {printable(text)}"
        room = max(self.width - used - 1, _LEAST)
        shown = printable(text[: room + 1])  # no more is looked at, of a megabyte too
        return " " + (shown if cell_len(shown) <= room else f"{set_cell_size(shown, room - 1)}…")

    def _coloured(self, text: str, code: int) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours else text


def _pretty(text: str) -> str:
    """Return JSON on many lines, each number as it was written."""
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.DecodeError, RecursionError):  # it is shown all the same
        return text


def _on_lines(text: str) -> str:
    return "".join(f"\n    {printable(line)}" for line in text.split("\n"))


def _name(text: str) -> str:
    return printable(text[:_LONGEST_NAME]) + ("…" if len(text) > _LONGEST_NAME else "")


def _latency(entry: Entry) -> str:
    if entry.asked_at is None:
        return ""
    seconds = (entry.message.timestamp - entry.asked_at).total_seconds()
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"
