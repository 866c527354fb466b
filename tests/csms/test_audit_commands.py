"""`ringmain audit verify | export`, and the rows that the command line leaves itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from csms.__main__ import app
from csms.audit_commands import TamperedWith
from storage.clock import SystemClock
from storage.store import Storage, open_storage

pytestmark = pytest.mark.sqlite_only("the chain is tried on both engines beside the repository")

Ringmain = Callable[..., Result]


@pytest.fixture
def ringmain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ringmain:
    monkeypatch.setenv("RINGMAIN_DATA_DIR", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def organization(ringmain: Ringmain) -> str:
    uuid: str = data(ringmain("org", "create", "Depot"))["organization_uuid"]
    return uuid


def data(got: Result) -> Any:
    assert got.exit_code == 0, got.output
    return json.loads(got.stdout)


def stored(tmp_path: Path, work: Callable[[Storage], Awaitable[Any]]) -> Any:
    async def opened() -> Any:
        async with open_storage(tmp_path, SystemClock()) as storage:
            return await work(storage)

    return asyncio.run(opened())


def seal(tmp_path: Path) -> None:
    """Do what a server does by itself."""
    stored(tmp_path, lambda storage: storage.audit.seal())


def change(tmp_path: Path, sql: str) -> None:
    stored(tmp_path, lambda storage: storage.database.execute(text(sql)))


def test_what_the_command_line_does_is_in_the_audit(ringmain: Ringmain, organization: str) -> None:
    key = data(ringmain("key", "create", "--org", organization, "--name", "Report"))
    data(ringmain("key", "revoke", key["key_id"]))
    identity = "9b3c1f6e-0c56-4a0e-9d59-0f0a4f3f7a11"
    who = ("--org", organization, "--identity", identity)
    data(ringmain("member", "add", *who, "--role", "read"))
    data(ringmain("member", "remove", *who))
    data(ringmain("rotate-keys"))

    lines = ringmain("audit", "export").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["actor"], row["action"]) for row in rows] == [
        ("command-line", action)
        for action in (
            "org create",
            "key create",
            "key revoke",
            "member add",
            "member remove",
            "rotate-keys",
        )
    ]
    assert rows[2]["details"] == {"key_id": key["key_id"]}
    assert key["api_key"] not in "".join(lines)


def test_an_untouched_audit_is_whole(ringmain: Ringmain, organization: str, tmp_path: Path) -> None:
    (before,) = data(ringmain("audit", "verify"))
    seal(tmp_path)
    (found,) = data(ringmain("audit", "verify", "--org", organization, "--json"))

    assert (before["unsealed"], before["head"], before["whole"]) == (1, None, True)
    place, seal_of = found.pop("head").split(":")
    assert (place, len(bytes.fromhex(seal_of))) == ("1", 36)
    assert found == {
        "organization_uuid": organization,
        "whole": True,
        "rows": 1,
        "sealed": 1,
        "unsealed": 0,
        "altered": [],
        "inserted": [],
        "removed": [],
        "missing_keys": {},
        "record": True,
    }


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("UPDATE audit SET result = 'forged' WHERE id = 2", "altered rows (by id) 2"),
        ("DELETE FROM audit WHERE id = 2", "removed rows (places from, to) (2, 2)"),
        ("DELETE FROM audit WHERE id = 3", "removed rows (places from, to) (3, 3)"),
        ("DELETE FROM audit_chains", "the record of where its chain begins and ends"),
    ],
)
def test_what_was_tampered_with_is_named(
    ringmain: Ringmain, organization: str, tmp_path: Path, sql: str, named: str
) -> None:
    for _ in range(2):
        data(ringmain("key", "create", "--org", organization))
    seal(tmp_path)
    change(tmp_path, sql)

    got = ringmain("audit", "verify")

    assert isinstance(got.exception, TamperedWith)
    assert organization in str(got.exception)
    assert named in str(got.exception)
    assert json.loads(got.stdout)[0]["whole"] is False


def test_a_head_that_was_noted_is_looked_for(
    ringmain: Ringmain, organization: str, tmp_path: Path
) -> None:
    seal(tmp_path)
    head = data(ringmain("audit", "verify"))[0]["head"]
    this = ("audit", "verify", "--org", organization, "--head")
    assert data(ringmain(*this, head))[0]["noted_head"] == "found"
    # The whole audit as it might have been: without a noted head nobody could tell.
    change(tmp_path, "DELETE FROM audit")
    change(tmp_path, "DELETE FROM audit_chains")
    assert data(ringmain("audit", "verify"))[0]["whole"]

    got = ringmain(*this, head)

    assert isinstance(got.exception, TamperedWith)
    assert "the noted head is not in its chain" in str(got.exception)


def test_what_is_misspelt_is_refused(ringmain: Ringmain, organization: str) -> None:
    assert ringmain("audit", "verify", "--head", "1:ab").exit_code == 2
    assert ringmain("audit", "verify", "--org", organization, "--head", "x").exit_code == 2
    assert ringmain("audit", "verify", "--org", "nobody").exit_code == 1
    assert ringmain("audit", "export", "--since", "yesterday").exit_code == 2


def test_an_export_is_of_a_time_and_of_whatever_there_is(
    ringmain: Ringmain, organization: str, tmp_path: Path
) -> None:
    seal(tmp_path)
    change(tmp_path, "UPDATE audit SET details = 'no JSON'")

    (line,) = ringmain("audit", "export", "--org", organization).stdout.splitlines()
    row = json.loads(line)

    assert (row["details"], row["place"], len(row["seal"])) == ("no JSON", 1, 72)
    assert ringmain("audit", "export", "--until", "2020-01-01").stdout == ""
    assert ringmain("audit", "export", "--since", "2020-01-01T00:00:00Z").stdout != ""
