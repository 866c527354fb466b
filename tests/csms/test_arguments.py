"""What the command line takes, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import typer

from csms.arguments import api_url, charger_url, end_of, name


@pytest.mark.parametrize("text", ["My fleet", "Ä", "日本", " x "])
def test_a_name_is_taken_as_it_is(text: str) -> None:
    assert name(text) == text


def test_a_day_ends_when_the_next_begins() -> None:
    assert end_of(datetime(2999, 1, 31)) == datetime(2999, 2, 1, tzinfo=UTC)  # noqa: DTZ001 - as typer reads it
    assert end_of(None) is None


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1:9000/o/ocpp_proxy/CP-1", "wss://x.com/a%20b", "ws://[::1]:1/a/b"]
)
def test_the_url_of_a_charger_is_taken_as_it_is(url: str) -> None:
    assert charger_url(url) == url


def test_the_address_of_an_api_ends_without_a_slash() -> None:
    assert api_url("http://127.0.0.1:8080/") == "http://127.0.0.1:8080"
    assert api_url("https://x.com") == "https://x.com"


@pytest.mark.parametrize(
    ("check", "text"),
    [
        *((name, text) for text in ("", "  ", "a\nb", "a\x1b[2J", "a\udcff")),
        *(
            (charger_url, text)
            for text in (
                "foo",
                "http://x/a",
                "ws://x",
                "ws://x/",
                "ws://x/a/",
                "ws://x:99999/a",
                "ws://x/a?b",
            )
        ),
        *((api_url, text) for text in ("foo", "ws://x", "http://", "http://x:y", "http://x/api")),
    ],
)
def test_what_cannot_be_used_is_refused(check: Callable[[str], str], text: str) -> None:
    with pytest.raises(typer.BadParameter):
        check(text)


@pytest.mark.parametrize("day", [datetime(2020, 1, 1), datetime(9999, 12, 31)])  # noqa: DTZ001 - as typer reads it
def test_a_key_cannot_expire_in_the_past_nor_after_time(day: datetime) -> None:
    with pytest.raises(typer.BadParameter):
        end_of(day)
