"""What the command line takes: each argument checked, and what is wrong with it said at once.

All raise typer.BadParameter, which ends in one line on standard error and exit code 2.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import typer

# Controls forge lines of a terminal; surrogates are bytes that were no UTF-8.
_NOT_ON_A_LINE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def name(text: str) -> str:
    """Return a name that can be read on one line."""
    if not text.strip() or _NOT_ON_A_LINE.search(text):
        raise typer.BadParameter("wanted is a name on one line")
    return text


def key_name(text: str | None) -> str | None:
    """Return what a key is for, which the API takes as well."""
    if text is not None and len(name(text)) > 100:
        raise typer.BadParameter("wanted are at most 100 characters")
    return text


def end_of(day: datetime | None) -> datetime | None:
    """Return the end of a day in UTC that is not over yet."""
    if day is None:
        return None
    try:
        end = day.replace(tzinfo=UTC) + timedelta(days=1)
    except OverflowError:
        raise typer.BadParameter("that is too far away") from None
    if end <= datetime.now(UTC):
        raise typer.BadParameter("that day is over")
    return end


def moment(text: str | None) -> datetime | None:
    """Return a moment: a date or a time in UTC, or how long ago, as 90s, 15m, 2h or 3d."""
    if text is None:
        return None
    try:
        if ago := re.fullmatch(r"(\d{1,7})([smhd])", text):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        said = datetime.fromisoformat(text)
        return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "wanted is a time in UTC as 2026-11-22 or 2026-11-22T10:30:00Z, or how long ago: "
            "90s, 15m, 2h, 3d"
        ) from None


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def pattern(text: str | None) -> re.Pattern[str] | None:
    """Return a regular expression."""
    try:
        return None if text is None else re.compile(text)
    except re.error as wrong:
        raise typer.BadParameter(f"that is no regular expression: {wrong}") from None


def identity(text: str) -> str:
    """Return the UUID of an identity as Ory Kratos writes it."""
    try:
        return str(UUID(text))
    except ValueError:
        raise typer.BadParameter("wanted is the UUID of an identity") from None


def charger_url(text: str) -> str:
    """Return the URL of one charger, as enrolment gives it."""
    if not (re.fullmatch(r"wss?://[^/?#]+(/[^/?#]+)+", text) and _has_a_port(text)):
        raise typer.BadParameter("wanted is ws://HOST:PORT/.../CHARGE_BOX_ID")
    return text


def api_url(text: str) -> str:
    """Return the address of an API, without a slash at its end."""
    if not (re.fullmatch(r"https?://[^/?#]+/?", text) and _has_a_port(text)):
        raise typer.BadParameter("wanted is http://HOST:PORT")
    return text.rstrip("/")


def _has_a_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False
