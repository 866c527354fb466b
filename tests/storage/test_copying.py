"""An installation is copied whole, once, and never over something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, delete, func, insert, select, update

from bench.copying import fill
from storage import engines, migrate
from storage.copying import Copied, NotTheSame, copy
from storage.sides import Side

CHARGERS, MESSAGES = 7, 60


def quiet(_phase: str, _table: str, _rows: int, _total: int) -> None:
    """Tell nobody."""


@dataclass
class Ends:
    """A full SQLite file and an empty database of the engine of the test, or the other way."""

    full: Side
    empty: Side

    def copy(self) -> dict[str, Copied]:
        return {each.table: each for each in copy(self.full, self.empty, quiet)}


def database(folder: Path) -> URL:
    """Return a database of the test's engine, with the present schema."""
    folder.mkdir()
    url = engines.default_url(folder)
    if url.get_backend_name() == "sqlite":
        migrate.upgrade(url)
    return url


@pytest.fixture
def sqlite_file(tmp_path: Path) -> URL:
    url = URL.create("sqlite", database=str(tmp_path / "other.sqlite3"))
    migrate.upgrade(url)
    return url


@pytest.fixture(params=["there", "back"])
def ends(tmp_path: Path, sqlite_file: URL, request: pytest.FixtureRequest) -> Iterator[Ends]:
    urls = [sqlite_file, database(tmp_path / "data")]
    full, empty = urls if request.param == "there" else urls[::-1]
    fill(full, MESSAGES, CHARGERS)
    with ExitStack() as opened:
        yield Ends(*(opened.enter_context(Side.opened(url)) for url in (full, empty)))


def count(side: Side, table: str) -> int:
    with side.reading() as connection:
        return connection.scalar(select(func.count()).select_from(named(side, table))) or 0


def named(side: Side, table: str) -> Any:
    return next(each for each in side.tables if each.name == table)


def test_every_row_of_every_table_arrives(ends: Ends) -> None:
    copied = ends.copy()

    assert {each.table for each in copied.values()} == {each.name for each in ends.full.tables}
    assert [each for each in copied.values() if not each.copied] == []
    assert [each for each in copied.values() if each.source != each.target] == []
    assert copied["messages"].copied == MESSAGES


def test_running_it_again_changes_nothing(ends: Ends) -> None:
    first = ends.copy()
    again = ends.copy()

    assert [each for each in again.values() if each.copied] == []
    assert {each.target for each in again.values()} == {each.target for each in first.values()}


def test_what_was_interrupted_goes_on(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def kill_in_the_middle(phase: str, table: str, _rows: int, _total: int) -> None:
        if (phase, table) == ("copying", "messages"):
            raise Killed

    monkeypatch.setattr("storage.copying.FIRST_AT_ONCE", 8)
    with pytest.raises(Killed):
        copy(ends.full, ends.empty, kill_in_the_middle)
    begun = count(ends.empty, "messages")
    assert 0 < begun < MESSAGES

    copied = ends.copy()

    assert copied["messages"].copied == MESSAGES - begun
    assert [each for each in copied.values() if each.source != each.target] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda tokens: update(tokens).where(tokens.c.id_token.endswith("3")).values(accepted_at=5),
        lambda tokens: insert(tokens).values(
            organization_uuid="x", charge_box_id="y", id_token="z", source="", accepted_at=1
        ),
    ],
    ids=["changed", "added"],
)
def test_what_the_target_has_otherwise_ends_it_before_anything_is_changed(
    ends: Ends, change: Callable[[Any], Any]
) -> None:
    ends.copy()
    with ends.empty.writing() as connection:
        connection.execute(change(named(ends.empty, "id_tokens")))
        connection.execute(delete(named(ends.empty, "messages")))

    with pytest.raises(NotTheSame, match=r"Nothing was copied: .* table id_tokens has a row"):
        ends.copy()

    assert count(ends.empty, "messages") == 0


def test_a_frame_heavier_than_a_batch_arrives(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.copying.HEAVY", 1)

    copied = ends.copy()

    assert copied["messages"].source == copied["messages"].target


def test_a_source_that_is_written_to_meanwhile_is_copied_as_it_was(ends: Ends) -> None:
    added: list[str] = []

    def add_once(phase: str, _table: str, _rows: int, _total: int) -> None:
        if phase == "copying" and not added:
            added.append(phase)
            with ends.full.writing() as connection:
                organizations = named(ends.full, "organizations")
                late = {
                    "organization_uuid": "late",
                    "name": "",
                    "authorization": "",
                    "created_at": 1,
                }
                known = {key: late[key] for key in late if key in organizations.c}
                connection.execute(insert(organizations).values(known))

    copied = {each.table: each for each in copy(ends.full, ends.empty, add_once)}

    assert added
    assert copied["organizations"].target.rows == count(ends.full, "organizations") - 1
