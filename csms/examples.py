"""Examples for the help of commands: whole command lines, each of which a test parses."""

from __future__ import annotations

from rich.markup import escape

_TITLE = "Examples:"


def examples(*lines: str) -> str:
    """Return the end of a command's help; each line stands by itself."""
    return "\n\n".join([_TITLE, *(escape(line) for line in lines)])
