"""What the command line prints: JSON for programs, and tables where people look at it."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from csms.terminal import printable, show, show_list
from storage.records import Organization

MADE = Organization(
    organization_uuid="0b6f3c52-64c1-4f0e-9d59-0f0a4f3f7a11",
    name="Depot",
    created_at=datetime(2026, 11, 21, 10, tzinfo=UTC),
)


@pytest.mark.parametrize(("one_line", "lines"), [(True, 1), (False, 3)])
def test_data_is_printed_on_one_line_or_on_many(
    capsys: pytest.CaptureFixture[str], *, one_line: bool, lines: int
) -> None:
    show({"role": "admin"}, one_line=one_line)

    out, err = capsys.readouterr()
    assert (json.loads(out), out.count("\n"), err) == ({"role": "admin"}, lines, "")


def test_records_are_printed_with_their_fields_and_moments_in_utc(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show([MADE], one_line=True)

    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["name"], shown["created_at"]) == ("Depot", "2026-11-21T10:00:00.000Z")


def at_a_terminal(*rows: object, width: int = 120) -> str:
    to = io.StringIO()
    console = Console(file=to, force_terminal=True, width=width, no_color=True)
    show_list(rows, one_line=False, none="There is none yet.", console=console)
    return to.getvalue()


def test_a_list_is_a_table_at_a_terminal_without_what_nobody_has_said() -> None:
    head, row = at_a_terminal(MADE).splitlines()

    assert "organization uuid" in head
    assert "swept at" not in head
    assert row.split() == [MADE.organization_uuid, "Depot", "accept_all", "2026-11-21", "10:00"]


def test_an_id_is_never_cut_off_nor_in_two() -> None:
    shown = at_a_terminal(MADE, width=60)

    assert MADE.organization_uuid in shown


def test_a_name_is_no_markup_and_moves_no_cursor() -> None:
    shown = at_a_terminal({"name": "[bold]x[/] \x1b[2J\n\u202e"})

    assert r"[bold]x[/] \x1b[2J\n\u202e" in shown


def test_nothing_is_told_in_words() -> None:
    assert at_a_terminal() == "There is none yet.\n"


@pytest.mark.parametrize("one_line", [True, False])
def test_a_list_is_json_elsewhere(capsys: pytest.CaptureFixture[str], *, one_line: bool) -> None:
    show_list([MADE], one_line=one_line, none="")
    (shown,) = json.loads(capsys.readouterr().out)

    assert shown["name"] == "Depot"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Dépôt 充电", "Dépôt 充电"),
        ("a\tb\x7f", r"a\tb\x7f"),
        ("\x9b31m", r"\x9b31m"),
        ("\\n", "\\n"),
    ],
)
def test_a_text_is_shown_without_what_changes_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown
