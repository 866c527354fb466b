"""What the command line prints is JSON for programs and people alike."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from csms.terminal import show
from storage.records import Organization

MADE = Organization(
    organization_uuid="one", name="Depot", created_at=datetime(2026, 11, 21, 10, tzinfo=UTC)
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
