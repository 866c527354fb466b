"""What is in `deploy/` is looked at by the tools that know it; no engine runs here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml

from bench import cluster
from csms import settings
from csms.settings import VARIABLES
from storage import migrate
from storage.engines import parse_url

pytestmark = pytest.mark.sqlite_only("the one that is about a database has a cluster of its own")

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
UNIT = (DEPLOY / "ringmain.service").read_text()
HADOLINT = Path(sys.executable).parent / "hadolint"
KNOWN = {variable.name for variable in VARIABLES}


def needs(program: str) -> pytest.MarkDecorator:
    """Skip where a program is not; in CI it must be."""
    missing = shutil.which(program) is None and os.environ.get("CI") != "true"
    return pytest.mark.skipif(missing, reason=f"{program} not found: what it checks is skipped")


# ---- the image ----


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint has no package for this machine")
def test_the_containerfile_is_without_fault_for_hadolint() -> None:
    done = subprocess.run(
        [HADOLINT, DEPLOY / "Containerfile"], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.returncode) == ("", 0)


def test_the_image_runs_without_root_and_says_how_it_is() -> None:
    last = CONTAINERFILE.rpartition("\nFROM ")[2]

    assert re.search(r"^USER [1-9]\d+$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "/readyz" in last
    assert 'ENTRYPOINT ["ringmain"]' in last


def test_every_image_has_its_version() -> None:
    images = re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE)
    images += [one["image"] for name, one in SERVICES.items() if name == "postgres"]

    assert len(images) == 4
    assert [image for image in images if not re.search(r":\d", image)] == []


def test_what_the_image_copies_is_let_through_and_there() -> None:
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.MULTILINE)
    sources = {source for line in copied for source in line.split() if source != "."}

    assert sources
    assert [one for one in sources if one.split("/")[0] not in let_through] == []
    assert [one for one in sources | let_through if not (ROOT / one).exists()] == []
    packages = {"api", "csms", "proxy", "simulators", "storage"}
    assert packages | {"pyproject.toml", "requirements.lock"} <= let_through


# ---- settings ----


def named(text: str) -> set[str]:
    return set(re.findall(r"\bRINGMAIN_[A-Z_]+", text)) - {"RINGMAIN_DB_PASSWORD"}


@pytest.mark.parametrize("name", sorted(path.name for path in DEPLOY.glob("*") if path.is_file()))
def test_every_setting_that_is_named_exists(name: str) -> None:
    assert named((DEPLOY / name).read_text()) - KNOWN == set()


def test_the_settings_of_the_service_are_taken_as_they_are() -> None:
    lines = (DEPLOY / "ringmain.env").read_text().splitlines()
    given = dict(line.lstrip("#").split("=", 1) for line in lines if re.match(r"#?RINGMAIN_", line))

    read = settings.read({"RINGMAIN_DATA_DIR": "/var/lib/ringmain", **given})
    assert read.database_url
    assert read.trusted_proxies


# ---- compose ----


def test_ringmain_is_fenced_in_and_open_on_this_machine_only() -> None:
    service = SERVICES["ringmain"]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert "ports" not in SERVICES["postgres"]


def test_the_schema_is_made_before_anything_is_served() -> None:
    assert SERVICES["ringmain"]["depends_on"]["schema"] == {
        "condition": "service_completed_successfully"
    }
    assert SERVICES["schema"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert SERVICES["schema"]["command"] == ["db", "upgrade"]


def test_what_compose_names_is_there() -> None:
    build = SERVICES["ringmain"]["build"]
    folder = (DEPLOY / build["context"]).resolve()
    mounted = [one.split(":")[0] for name in SERVICES for one in SERVICES[name].get("volumes", ())]

    assert (folder / build["dockerfile"]).exists()
    assert [one for one in mounted if one.startswith(".") and not (DEPLOY / one).exists()] == []
    assert {one for one in mounted if not one.startswith(".")} == set(COMPOSE["volumes"])


def test_no_password_is_written_down() -> None:
    text = (DEPLOY / "compose.yaml").read_text()

    assert re.findall(r"PASSWORD: (?!\$\{\w+:\?)", text) == []


@pytest.mark.skipif(
    cluster.binaries() is None and os.environ.get("CI") != "true",
    reason="PostgreSQL not found: the role of compose is not made",
)
def test_the_role_of_compose_owns_its_database_and_is_no_superuser(tmp_path: Path) -> None:
    programs = cluster.binaries()
    assert programs
    with cluster.running(tmp_path) as server:
        server.execute(f"DROP ROLE {cluster.OWNER}")
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "POSTGRES_USER": cluster.ADMIN,
            "RINGMAIN_DB_PASSWORD": "it's \\ odd",
        }
        subprocess.run([DEPLOY / "postgres-role.sh"], env=environment, check=True, timeout=30)

        migrate.upgrade(parse_url(server.url("ringmain")))
        with closing(psycopg2.connect(server.url("ringmain"))) as connection:
            cursor = connection.cursor()
            cursor.execute(
                "SELECT rolsuper, rolbypassrls, current_user FROM pg_roles "
                "WHERE rolname = current_user"
            )
            assert cursor.fetchone() == (False, False, "ringmain")


# ---- systemd ----


@needs("systemd-analyze")
def test_the_unit_is_without_fault_for_systemd(tmp_path: Path) -> None:
    unit = tmp_path / "ringmain.service"
    unit.write_text(UNIT.replace("/opt/ringmain/bin/ringmain", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )

    assert (done.stderr, done.returncode) == ("", 0)


def test_the_unit_waits_as_long_as_the_server_drains() -> None:
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)[0]) > 30
    assert "kill -HUP" in UNIT
