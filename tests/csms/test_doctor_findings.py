"""Findings are told in words, with symbols beside them, and nothing in them is a command."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from csms.doctor_findings import Found, failure, ok, skipped, sum_of, tell, warning

HOSTILE = failure("[red]a\x1b[2J\nb", "[/] do")


def shown(found: Found, *, terminal: bool = False) -> str:
    to = io.StringIO()
    tell(found, Console(file=to, force_terminal=terminal, width=60, no_color=True, highlight=False))
    return to.getvalue()


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (ok("well"), "✓ ok      clock          well\n"),
        (skipped("no"), "- skipped clock          no\n"),
        (warning("hm", "act"), f"! warning clock          hm\n{' ' * 25}→ act\n"),
    ],
)
def test_a_finding_is_a_line_and_its_advice_another(finding: object, line: str) -> None:
    assert shown(Found("clock", finding)) == line  # type: ignore[arg-type]  # of a table


def test_what_others_have_named_is_shown_as_it_is_written() -> None:
    text = shown(Found("clock", HOSTILE))

    assert "[red]a\\x1b[2J\\nb\n" in text
    assert "→ [/] do" in text


def test_a_line_is_broken_at_a_terminal_alone() -> None:
    found = Found("clock", ok("word " * 40))

    assert shown(found).count("\n") == 1
    assert shown(found, terminal=True).count("\n") > 1


def test_the_sum_is_told_in_words() -> None:
    found = [Found("x", each) for each in (ok(""), warning("", ""), HOSTILE, HOSTILE)]

    assert sum_of(found) == "2 failures, 1 warning"
    assert sum_of(found[:1]) == "Nothing is wrong."


def test_programs_get_fields() -> None:
    assert Found("clock", warning("hm", "act")).data() == {
        "check": "clock",
        "state": "warning",
        "told": "hm",
        "advice": "act",
    }
