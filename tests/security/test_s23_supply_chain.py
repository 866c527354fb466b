"""S-23: what is installed is locked, known, above known weaknesses; a weakness can be reported.

The advisories themselves are asked by `make audit-dependencies`, which needs the way to osv.dev;
a machine that reaches a package mirror alone has the table of this file.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "requirements.lock"
LOCKS = sorted(ROOT.glob("requirements*.lock"))

# The first version without a published weakness that would be ours, and what it was.
FLOORS = {
    "aiohttp": ("3.13.4", "CVE-2026-22815: trailers without end; before it compressed bodies"),
    "azure-core": ("1.38.0", "CVE-2026-21226: reads what it should not trust"),
    "certifi": ("2024.7.4", "CVE-2024-39689: an authority that is none"),
    "cryptography": ("44.0.1", "CVE-2024-12797: raw public keys pass without being looked at"),
    "filelock": ("3.20.3", "CVE-2025-68146, CVE-2026-22701: the lock leads elsewhere"),
    "idna": ("3.7", "CVE-2024-3651: a long name stops the server"),
    "mako": ("1.2.2", "CVE-2022-40023: a text stops the program"),
    "marshmallow": ("4.1.2", "CVE-2025-68480: a list stops the server"),
    "orjson": ("3.9.15", "CVE-2024-27454: depth ends the process"),
    "protobuf": ("6.31.1", "CVE-2025-4565: depth stops the program"),
    "pyasn1": (
        "0.6.4",
        "CVE-2026-23490, CVE-2026-30922, CVE-2026-59884: a certificate fills memory",
    ),
    "pygments": ("2.15.1", "CVE-2022-40896: a text stops the program"),
    "requests": ("2.32.4", "CVE-2024-47081: credentials of .netrc go to another host"),
    "setuptools": ("78.1.1", "CVE-2025-47273: a package writes where it likes"),
    "urllib3": ("2.6.3", "CVE-2025-66418, CVE-2025-66471, CVE-2026-21441: decompression bombs"),
    "websockets": ("5.0", "CVE-2018-1000518: a decompression bomb"),
}


def pinned(lock: Path) -> list[tuple[str, str]]:
    return re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", lock.read_text(), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.name))
def test_nothing_locked_has_a_weakness_that_is_known_here(lock: Path) -> None:
    found = [
        (name, version, FLOORS[name])
        for name, version in pinned(lock)
        if name in FLOORS and Version(version) < Version(FLOORS[name][0])
    ]

    assert found == []


def test_every_floor_is_of_something_that_users_install() -> None:
    assert FLOORS.keys() - {name for name, _ in pinned(RUNTIME)} == set()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.name))
def test_every_file_that_is_installed_is_known_by_its_hash(lock: Path) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", lock.read_text())[1:]

    assert len(LOCKS) == 4
    assert [entry.partition("=")[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_no_install_goes_without_the_hashes() -> None:
    text = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    installs = re.findall(r"(?:\$\(PIP\)|-m pip)[^\n]*\binstall\b[^\n]*", text)

    unlocked = [line for line in installs if "--require-hashes" not in line]
    # The project itself: nothing is downloaded for it.
    assert [line for line in unlocked if "--no-deps --no-build-isolation" not in line] == []
    assert len(installs) - len(unlocked) == 4
    assert "npm ci" in text


def test_a_bill_of_materials_lists_all_that_users_install() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench.sbom", str(RUNTIME)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    made = json.loads(ran.stdout)

    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    listed = [(each["name"], each["version"]) for each in made["components"]]
    assert sorted(listed) == sorted(pinned(RUNTIME))
    assert all(each["externalReferences"][0]["hashes"] for each in made["components"])
    refs = {each["bom-ref"] for each in made["components"]}
    assert {ref for each in made["dependencies"] for ref in each["dependsOn"]} <= refs
    assert "sbom" in (ROOT / ".ci/run").read_text()


def test_a_weakness_has_somewhere_to_be_reported() -> None:
    text = (ROOT / "SECURITY.md").read_text()

    assert "Report a vulnerability" in text
    assert "three working days" in text
    for actor in ("stranger", "charger", "target", "tenant", "operator", "store"):
        assert actor in text.lower(), actor
