"""Members by the command line: it is how the first person comes in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from csms.__main__ import app

ANNA = "00000000-0000-4000-8000-00000000000a"
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


def test_a_member_is_added_listed_given_another_role_and_removed(
    ringmain: Ringmain, organization: str
) -> None:
    anna = ("--org", organization, "--identity", ANNA)
    added = data(ringmain("member", "add", *anna, "--role", "read"))
    assert (added["identity_id"], added["role"]) == (ANNA, "read")
    assert added["created_by"] == "command-line"

    data(ringmain("member", "add", *anna, "--role", "admin", "--json"))
    (listed,) = data(ringmain("member", "list", "--org", organization))
    assert listed == {**added, "role": "admin"}

    assert data(ringmain("member", "remove", *anna)) == {"removed": ANNA}
    assert data(ringmain("member", "list", "--org", organization)) == []
    gone = ringmain("member", "remove", *anna)
    assert str(gone.exception) == f"Identity {ANNA} is no member of organization {organization}."


@pytest.mark.parametrize("words", [("add", "--identity", ANNA), ("list",)])
def test_an_unknown_organization_is_told(ringmain: Ringmain, words: tuple[str, ...]) -> None:
    command, *more = words
    ringmain("org", "create", "Depot")

    got = ringmain("member", command, "--org", "nobody", *more)

    assert (got.exit_code, got.stdout) == (1, "")
    assert str(got.exception) == "There is no organization nobody."


@pytest.mark.sqlite_only("stores nothing")
@pytest.mark.parametrize("wrong", [("--identity", "anna"), ("--identity", ANNA, "--role", "boss")])
def test_what_is_no_identity_or_role_is_wrong_usage(
    ringmain: Ringmain, wrong: tuple[str, ...]
) -> None:
    assert ringmain("member", "add", "--org", "any", *wrong).exit_code == 2
