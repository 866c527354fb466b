"""`ringmain db copy`, as its user sees it: how far it is, what came of it, why not."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import URL

from bench.copying import fill
from csms.moving import move
from storage import migrate
from tests.csms.test_main import ringmain, start
from tests.storage.test_copying import database

MESSAGES, CHARGERS = 40, 3


@pytest.fixture
def full(tmp_path: Path) -> URL:
    url = URL.create("sqlite", database=str(tmp_path / "full.sqlite3"))
    migrate.upgrade(url)
    fill(url, MESSAGES, CHARGERS)
    return url


@pytest.fixture
def new(tmp_path: Path) -> URL:
    return database(tmp_path / "new")


def plain(url: URL) -> str:
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)


async def test_the_result_is_data_and_the_progress_is_beside_it(
    tmp_path: Path, full: URL, new: URL
) -> None:
    ended = await ringmain(
        tmp_path, "db", "copy", "--from", plain(full), "--to", plain(new), "--json"
    )

    assert ended.code == 0, ended.err
    assert ended.out.count("\n") == 1
    moved = json.loads(ended.out)
    tables = {each["table"]: each for each in moved["tables"]}
    assert moved["rows"] == moved["copied"] == sum(each["copied"] for each in tables.values())
    assert tables["messages"]["source"] == tables["messages"]["target"]
    assert tables["messages"]["target"]["rows"] == MESSAGES
    assert "keyring.json" in moved["note"]
    assert {line.partition(":")[0] for line in ended.err.splitlines()} == {
        "comparing",
        "copying",
        "checking",
    }


async def test_a_copy_that_is_killed_goes_on_where_it_ended(
    tmp_path: Path, full: URL, new: URL
) -> None:
    more = URL.create("sqlite", database=str(tmp_path / "more.sqlite3"))
    await asyncio.to_thread(migrate.upgrade, more)
    await asyncio.to_thread(fill, more, 3000, CHARGERS)
    process = await start(tmp_path, "db", "copy", "--from", plain(more), "--to", plain(new))
    while not (await process.stderr.readline()).startswith(b"copying:"):
        assert process.returncode is None
    process.kill()
    await process.communicate()

    rest = await asyncio.to_thread(move, plain(more), plain(new), Console(quiet=True))

    assert 0 < rest["copied"] < rest["rows"]
    assert all(each["source"] == each["target"] for each in rest["tables"])
    again = await asyncio.to_thread(move, plain(more), plain(new), Console(quiet=True))
    assert again["copied"] == 0


def test_a_terminal_shows_a_bar_for_each_phase(full: URL, new: URL) -> None:
    shown = io.StringIO()

    move(plain(full), plain(new), Console(file=shown, force_terminal=True, width=100))

    for phase in ("comparing", "copying", "checking"):
        assert phase in shown.getvalue()
    assert "━" in shown.getvalue()


async def test_what_cannot_be_copied_is_one_line(tmp_path: Path, new: URL) -> None:
    missing = tmp_path / "missing.sqlite3"
    ended = await ringmain(
        tmp_path, "db", "copy", "--from", f"sqlite:///{missing}", "--to", plain(new)
    )

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"ringmain: There is no database sqlite:///{missing}.\n"
