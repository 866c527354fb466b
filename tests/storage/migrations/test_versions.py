"""The revisions lead to the tables that the code speaks of, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from storage.migrate import configuration, connected, upgrade


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'new.sqlite3'}"


def test_the_revisions_make_the_tables_of_the_schema(url: str) -> None:
    upgrade(url)

    with connected(url) as connection:
        command.check(configuration(connection))


def test_the_way_back_leads_to_an_empty_database_and_forth_again(url: str) -> None:
    upgrade(url)

    with connected(url) as connection:
        command.downgrade(configuration(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    upgrade(url)

    with connected(url) as connection:
        command.check(configuration(connection))


def test_there_is_one_line_of_revisions(url: str) -> None:
    with connected(url) as connection:
        script = ScriptDirectory.from_config(configuration(connection))

        assert len(script.get_heads()) == 1
