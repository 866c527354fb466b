"""A line for each frame, of which nothing is a peer's but what can be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.cells import cell_len

from csms.log_lines import Lines
from storage.records import ChargerKey, Message
from storage.repositories.log import Entry

SAID_AT = datetime(2026, 11, 22, 10, 30, 0, 123456, tzinfo=UTC)
CALL = Message(
    seq=7,
    timestamp=SAID_AT,
    key=ChargerKey("organization-a", "CP-1"),
    direction="charger_to_platform",
    ocpp_version="1.6",
    message_type="Call",
    message_id="19",
    action="DataTransfer",
    frame=b'[2,"19","DataTransfer",{"vendorId":"x","price":1.10}]',
)
MEGABYTE = b'[2,"19","DataTransfer",{"data":"%b"}]' % (b"A" * (1 << 20))


def line(lines: Lines = Lines(), asked_at: datetime | None = None, **given: Any) -> str:  # noqa: B008 - frozen
    return lines.line(Entry(replace(CALL, **given), asked_at))


def test_a_call_is_told_with_its_whole_payload_where_nobody_measures() -> None:
    assert line() == (
        '2026-11-22T10:30:00.123Z CP-1 charger → DataTransfer 19 {"vendorId":"x","price":1.10}'
    )


def test_an_answer_tells_how_long_it_took_and_whose_link_it_came_by() -> None:
    answer: dict[str, Any] = {"message_type": "CallResult", "frame": b'[3,"19",{}]'}
    soon, late = (SAID_AT - timedelta(seconds=seconds) for seconds in (0.25, 61))

    told = line(asked_at=soon, direction="target_to_platform", **answer)

    assert told.endswith("CP-1 target  → DataTransfer ok 250 ms 19 {}")
    assert " 61.0 s " in line(asked_at=late, **answer)


def test_what_failed_is_marked() -> None:
    error = line(message_type="CallError", frame=b'[4,"19","NotSupported","no",{}]')
    garbage = line(message_type="Unreadable", message_id=None, action=None, frame=b"\xff\x1b[2J")

    assert " ERROR 19 " in error
    assert '"errorCode":"NotSupported"' in error
    assert garbage.endswith(r"charger → - UNREADABLE - \xff\x1b[2J")


HOSTILE = "\x1b[2J\x1b]0;title\x07\r\n\x9b31m\u202e\u2028\x7f"


@pytest.mark.parametrize("lines", [Lines(), Lines(width=200), Lines(full=True)])
def test_nothing_that_a_peer_says_moves_the_cursor(lines: Lines) -> None:
    text = f'[2,"19","DataTransfer",{{"a":"{HOSTILE}"}}]'.encode()
    told = [
        line(lines, action=HOSTILE, message_id=HOSTILE, frame=text),
        line(lines, key=ChargerKey("organization-a", HOSTILE)),
        line(lines, message_type="Unreadable", frame=text),
    ]

    for each in told:
        assert all(part.isprintable() for part in each.split("\n"))
        assert lines.full or "\n" not in each


def test_colours_are_ours_alone_and_leave_the_text_as_it_is() -> None:
    coloured = line(Lines(colours=True))

    assert "\x1b[36mcharger →\x1b[0m" in coloured
    assert coloured.count("\x1b") == 2 * 5


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("text", [MEGABYTE, '[2,"19","DataTransfer",["充电桩"]]'.encode()])
def test_a_line_is_as_wide_as_the_terminal_at_most(width: int, text: bytes) -> None:
    short = line(Lines(width=width), frame=text)

    assert short.startswith("10:30:00.123 CP-1")
    assert cell_len(short) <= max(width, 70)
    assert short.endswith("…") is (text is MEGABYTE)


def test_a_whole_payload_stands_on_many_lines_with_its_numbers_as_they_were() -> None:
    assert line(Lines(full=True)).split("\n")[1:] == [
        "    {",
        '      "vendorId": "x",',
        '      "price": 1.10',
        "    }",
    ]


def test_credentials_are_concealed() -> None:
    secret = b'[2,"19","ChangeConfiguration",{"key":"AuthorizationKey","value":"s3cret"}]'

    for lines in (Lines(), Lines(full=True), Lines(width=300)):
        assert "s3cret" not in line(lines, frame=secret)


def test_where_lines_are_short_the_day_stands_above_them() -> None:
    assert Lines(width=80).day(SAID_AT.date()) == "--- 2026-11-22 (UTC) ---"
