"""`ringmain doctor` as its user has it: with a server and without, with nothing and with ruins."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from csms.doctor import Check, examined
from csms.doctor_findings import Finding, failure, ok
from csms.doctor_patient import Patient
from storage.errors import StorageUnavailable
from tests.csms.patients import patient
from tests.csms.test_main import Ended, ringmain, serving


def checks(ended: Ended) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for each in json.loads(ended.out)["checks"]:
        found.setdefault(each["check"], []).append(each)
    return found


def failed(ended: Ended) -> set[str]:
    named = checks(ended).items()
    return {name for name, each in named if any(one["state"] == "failure" for one in each)}


async def test_beside_a_server_all_is_well_and_the_server_is_asked(tmp_path: Path) -> None:
    async with serving(tmp_path) as (_, http):
        bind = http.removeprefix("http://")
        told = await ringmain(tmp_path, "doctor", "--json", RINGMAIN_HTTP_BIND=bind)

    assert (told.code, told.err, failed(told)) == (0, "", set())
    assert [each["told"] for each in checks(told)["server"]] == [
        "A server is running, and is ready."
    ]
    assert "served by Ringmain" in checks(told)["HTTP port"][0]["told"]


@pytest.mark.sqlite_only("nothing is there")
async def test_what_is_wrong_is_told_with_what_to_do_and_is_exit_code_1(tmp_path: Path) -> None:
    told = await ringmain(
        tmp_path,
        "doctor",
        RINGMAIN_TLS_CERT="nowhere.pem",
        RINGMAIN_TLS_KEY="nowhere.pem",
        RINGMAIN_LOG_LEVEL="loud",
        RINGMAIN_DATABASE_URL="postgresql://ringmain:s3cret@127.0.0.1:1/x",
    )

    assert told.code == 1
    lines = told.out.splitlines()
    assert any(line.startswith("✗ failure settings") for line in lines)
    assert any("→ Correct RINGMAIN_DATABASE_URL" in line for line in lines)
    assert any("nowhere.pem cannot be read" in line for line in lines)
    assert lines[-1] == "3 failures, 1 warning"
    assert "s3cret" not in told.out + told.err
    assert told.err == ""


@pytest.mark.sqlite_only("nothing is there")
async def test_a_wrong_setting_leaves_out_what_goes_by_it(tmp_path: Path) -> None:
    told = await ringmain(tmp_path, "doctor", "--json", RINGMAIN_DATABASE_URL="mysql://x/y")

    assert failed(told) == {"settings"}
    assert checks(told)["database"][0]["told"] == "Not looked at: RINGMAIN_DATABASE_URL is wrong."


@pytest.mark.sqlite_only("about a folder")
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_directory_of_somebody_else_is_told(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    told = await ringmain(closed / "data", "doctor", "--json")

    assert "data directory" in failed(told)


@pytest.mark.sqlite_only("about no database")
async def test_a_check_that_fails_itself_is_a_finding(tmp_path: Path) -> None:
    async def breaks(_patient: Patient) -> Any:
        raise StorageUnavailable

    async def works(_patient: Patient) -> list[Finding]:
        return [ok("well"), failure("ill", "do something")]

    table = (Check("one", breaks), Check("two", works), Check("three", works, ("RINGMAIN_X",)))
    async with patient(tmp_path, RINGMAIN_X="1") as ill:
        found = [each async for each in examined(ill, table)]

    assert [(each.check, each.finding.state) for each in found] == [
        ("one", "failure"),
        ("two", "ok"),
        ("two", "failure"),
        ("three", "skipped"),
    ]
