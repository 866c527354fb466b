"""What is built of the tree installs by itself and runs, and says which version it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from api.assets import BUILT

pytestmark = pytest.mark.sqlite_only("what is packed is no database's")

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
VERSION = PROJECT["project"]["version"]
# Not copied to be built: made by make, or of no use there.
_LEFT = shutil.ignore_patterns(
    "node_modules", "__pycache__", ".*", "build", "*.egg-info", "ringmain-data", "tests", "bench"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both of a copy of the tree; the wheel is made of the source distribution."""
    folder = tmp_path_factory.mktemp("packaging")
    shutil.copytree(ROOT, folder / "tree", ignore=_LEFT)
    shutil.copytree(ROOT / "tests" / "deploy", folder / "tree" / "tests" / "deploy")
    (folder / "tree" / "deploy" / ".env").write_text("POSTGRES_PASSWORD=ours\n")
    command = [sys.executable, "-m", "build", "--no-isolation"]
    done = subprocess.run(
        [*command, "--outdir", folder / "dist", folder / "tree"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "dist"


def wheel(built: Path) -> Path:
    [path] = built.glob("*.whl")
    return path


def names(built: Path) -> set[str]:
    with zipfile.ZipFile(wheel(built)) as packed:
        return set(packed.namelist())


needs_console = pytest.mark.skipif(
    not BUILT.exists() and os.environ.get("CI") != "true",
    reason="the console is not built (make console): whether a wheel holds it is not looked at",
)


def test_the_passwords_of_compose_are_packed_into_nothing(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as packed:
        held = {Path(name).name for name in packed.getnames() if "/deploy/" in name}

    assert "compose.yaml" in held
    assert ".env" not in held


def test_a_wheel_holds_every_module_and_nothing_of_the_tests(built: Path) -> None:
    modules = {
        str(path.relative_to(ROOT))
        for package in ("api", "csms", "proxy", "simulators", "storage")
        for path in (ROOT / package).rglob("*.py")
        if "node_modules" not in path.parts
    }

    assert modules - names(built) == set()
    assert [name for name in names(built) if name.startswith(("tests/", "bench/"))] == []
    assert [name for name in names(built) if "node_modules" in name or "console/src" in name] == []


@needs_console
def test_a_wheel_holds_the_console_as_it_was_built(built: Path) -> None:
    files = {
        f"api/console/dist/{path.relative_to(BUILT)}" for path in BUILT.rglob("*") if path.is_file()
    }

    assert "api/console/dist/index.html" in files
    assert files - names(built) == set()


def test_the_source_distribution_holds_what_the_wheel_is_made_of(built: Path) -> None:
    [path] = built.glob("*.tar.gz")
    with tarfile.open(path) as packed:
        inside = {name.partition("/")[2] for name in packed.getnames()}

    wanted = {"pyproject.toml", "CHANGELOG.md", "LICENSE", "requirements.lock", "README.md"}
    deployed = {"deploy/Containerfile", "deploy/compose.yaml", "deploy/ringmain.service"}
    assert (wanted | deployed | {"api/console/src/main.tsx"}) - inside == set()


def test_a_wheel_is_installed_without_a_build_and_runs(built: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", f"--python={python}", "--quiet", "install"]
    subprocess.run([*pip, "--no-index", "--no-deps", wheel(built)], check=True, timeout=60)
    # What it depends on is in the environment of the tests, which holds what is locked.
    [ours] = {path for path in map(Path, sys.path) if path.name == "site-packages"}
    command = tmp_path / "venv" / "bin" / "ringmain"

    done = subprocess.run(
        [command, "--version"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ours)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == (f"ringmain {VERSION}\n", "")


# ---- versions ----


def test_the_newest_version_of_the_changelog_is_the_projects() -> None:
    headings = re.findall(r"^## \[(.+?)\](.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    released = [(version, date) for version, date in headings if version != "Unreleased"]

    assert headings[0][0] in {"Unreleased", VERSION}
    assert all(re.fullmatch(r" - \d{4}-\d\d-\d\d", date) for _, date in released)
    # Before the first release there is nothing else to compare with.
    assert not released or released[0][0] == VERSION
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
