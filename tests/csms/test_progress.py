"""How far something is can be seen at a terminal, and nowhere else."""

from __future__ import annotations

import io

from rich.console import Console

from csms.progress import shown


def told(*, terminal: bool, total: float | None = 10) -> str:
    to = io.StringIO()
    with shown("exporting", total, Console(file=to, force_terminal=terminal, width=80)) as advance:
        for _ in range(10):
            advance(1, "some lines")
    return to.getvalue()


def test_a_terminal_shows_a_bar() -> None:
    for each in (told(terminal=True), told(terminal=True, total=None)):
        assert "exporting" in each
        assert "some lines" in each
        assert "━" in each


def test_nobody_else_is_told_anything() -> None:
    assert told(terminal=False) == ""
