"""`ringmain rotate-keys`: a new key for all secrets, and the end of old ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from csms.__main__ import app
from csms.rekeying import NotOpened
from storage.errors import StorageError
from storage.key_ring import KEY_RING
from storage.rekeying import Rekeyed, Rekeying

Ringmain = Callable[..., Result]


@pytest.fixture
def ringmain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ringmain:
    monkeypatch.setenv("RINGMAIN_DATA_DIR", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(app, arguments)


def data(got: Result) -> Any:
    assert got.exit_code == 0, got.output
    return json.loads(got.stdout)


def test_a_key_is_replaced_and_an_old_one_kept_for_an_hour_at_least(
    ringmain: Ringmain, tmp_path: Path
) -> None:
    data(ringmain("org", "create", "Depot"))
    first = json.loads((tmp_path / KEY_RING).read_text())

    done = data(ringmain("rotate-keys"))
    again = data(ringmain("rotate-keys", "--forget-old", "--json"))

    ring = json.loads((tmp_path / KEY_RING).read_text())
    assert ring["current"] == done["current"] == again["current"] != first["current"]
    assert ring["keys"].items() > first["keys"].items()
    assert done["kept"] == again["kept"] == [first["current"]]
    assert (done["rows"], done["forgotten"], again["forgotten"]) == (0, [], [])


def test_what_is_shown_holds_no_key(ringmain: Ringmain, tmp_path: Path) -> None:
    data(ringmain("org", "create", "Depot"))
    shown = ringmain("rotate-keys").output

    keys = json.loads((tmp_path / KEY_RING).read_text())["keys"]
    assert len(keys) == 2
    assert [key for key in keys.values() if key in shown] == []


@pytest.mark.sqlite_only("what is said")
def test_what_could_not_be_opened_is_a_failure(
    ringmain: Ringmain, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: Rekeying) -> Rekeyed:
        return Rekeyed("00000001", [], [], {}, ["o/sinks/1/credentials"])

    data(ringmain("org", "create", "Depot"))
    monkeypatch.setattr(Rekeying, "rotate", broken)
    got = ringmain("rotate-keys")

    assert isinstance(got.exception, NotOpened)
    assert json.loads(got.stdout)["not_opened"] == ["o/sinks/1/credentials"]


@pytest.mark.sqlite_only("a file")
def test_a_damaged_ring_is_left_as_it_is(ringmain: Ringmain, tmp_path: Path) -> None:
    data(ringmain("org", "create", "Depot"))
    (tmp_path / KEY_RING).write_text("{}")

    got = ringmain("rotate-keys")

    assert isinstance(got.exception, StorageError)
    assert (tmp_path / KEY_RING).read_text() == "{}"
