"""Numbers that were given out are not given out again, wherever the rows are."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, insert, text

from bench.copying import fill
from storage.sides import Side
from tests.storage.test_copying import database, named


@pytest.fixture
def full(tmp_path: Path) -> Side:
    url = database(tmp_path / "full")
    fill(url, 5, 4)
    with Side.opened(url) as side:
        return side


def test_a_number_stays_given_when_its_row_is_gone(full: Side) -> None:
    with full.writing() as connection:
        connection.execute(delete(named(full, "proxy_configurations")))

    with full.reading() as connection:
        assert full.numbers(connection)["proxy_configurations"] == 4


def test_rows_are_numbered_on_where_their_number_has_another_name(
    tmp_path: Path, full: Side
) -> None:
    with full.reading() as origin:
        numbers = full.numbers(origin)
    with Side.opened(database(tmp_path / "new")) as new, new.writing() as connection:
        new.go_on_after(connection, numbers)
        organization = {"organization_uuid": "depot", "name": "Depot", "created_at": 1}
        connection.execute(insert(named(new, "organizations")).values(organization))
        connection.execute(text(DETAILS))
        [number] = connection.execute(text("SELECT number FROM connection_details")).one()

    assert number == (5 if new.kind == "postgresql" else 1)  # SQLite looks at what is there


DETAILS = """
INSERT INTO connection_details (version, organization_uuid, connectivity_mode,
    apply_to_new_devices, created_by, created_at) VALUES ('1', 'depot', 'OcppOff', false, '', 1)
"""


def test_the_next_number_is_behind_those_of_both_sides(tmp_path: Path, full: Side) -> None:
    with Side.opened(database(tmp_path / "new")) as new:
        with full.reading() as origin, new.writing() as connection:
            new.go_on_after(connection, {**full.numbers(origin), "proxy_configurations": 17})
        with new.reading() as connection:
            assert new.numbers(connection)["proxy_configurations"] == 17
        with new.writing() as connection:
            new.go_on_after(connection, dict.fromkeys(new.numbers(connection), 3))
        with new.reading() as connection:
            assert new.numbers(connection)["proxy_configurations"] == 17


def test_what_one_reads_is_of_one_moment(full: Side) -> None:
    with full.reading() as connection:
        before = connection.scalar(text("SELECT count(*) FROM audit"))
        with full.writing() as other:
            other.execute(delete(named(full, "audit")))
        assert connection.scalar(text("SELECT count(*) FROM audit")) == before == 4
